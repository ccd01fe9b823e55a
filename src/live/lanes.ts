// Lanes: what clients ask is answered in order for each, in turn for all, and a few milliseconds at a stretch, so that a storm of questions stops nothing else.

/** Of one client. */
export type Lane = {
  /** Now where nobody waits, else when it is this client's turn. */
  run(work: () => void): void;
  /** Pieces of work that wait. */
  readonly waiting: number;
  /** What waits is not done any more. */
  close(): void;
};

export type Lanes = {
  /** `failed` hears of work that threw. */
  open(failed: () => void): Lane;
};

/** Then everything else in the process has its turn. */
const STRETCH_MS = 5;

export function createLanes(now: () => number = () => performance.now()): Lanes {
  /** Those that wait, in the order of their turns. */
  const waiting = new Set<{ works: (() => void)[]; failed(): void }>();
  let left = STRETCH_MS;
  let rests = false;

  function rest(): void {
    if (!rests) setImmediate(goOn);
    rests = true;
  }

  function work(piece: () => void, failed: () => void): void {
    rest();
    const began = now();
    try {
      piece();
    } catch {
      failed();
    }
    left -= now() - began;
  }

  function goOn(): void {
    rests = false;
    left = STRETCH_MS;
    // Whoever has more to ask comes again when all others had their turn.
    for (const lane of waiting) {
      if (left <= 0) break;
      waiting.delete(lane);
      const piece = lane.works.shift()!;
      if (lane.works.length > 0) waiting.add(lane);
      work(piece, lane.failed);
    }
    if (waiting.size > 0) rest();
  }

  return {
    open(failed) {
      const lane = { works: [] as (() => void)[], failed };
      return {
        run(piece) {
          if (waiting.size === 0 && left > 0) {
            work(piece, failed);
            return;
          }
          lane.works.push(piece);
          waiting.add(lane);
        },
        get waiting() {
          return lane.works.length;
        },
        close() {
          lane.works.length = 0;
          waiting.delete(lane);
        },
      };
    },
  };
}

/** One for all live servers, as they share one thread. */
export const lanes = createLanes();
