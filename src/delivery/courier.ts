// Courier: carries messages from a source into a flow, in batches, again and again until each has settled one way or the other.
import type { Source } from '../reading/contracts.ts';
import { type AttemptOptions, openAttempts, type Parcel } from './courier-attempts.ts';
import { timer } from './timer.ts';

export type CourierOptions = AttemptOptions & {
  source: Source;
  /**
   * each: one message a ticket. batches: at most 200; what there is leaves after 12 ms while no batch is out, else after
   * 20 ms, at once when it is 48 while at most two are out, and when the source's window is full. So batches grow with
   * the time a commit takes.
   */
  mode: 'each' | 'batches';
  /** Tickets open at a time; further messages wait, bounded by the source's window. 1000 for each, 16 for batches. */
  maxOpen?: number;
};

export type Courier = {
  /** The source's window is full: what waits for a batch leaves now. */
  windowFull(): void;
  pause(): void;
  resume(): void;
  /**
   * Takes nothing more, begins no further attempt, waits up to `graceMs` for open tickets so that what they committed is
   * acknowledged, then closes the source. What has not settled is not acknowledged: it comes again.
   */
  stop(graceMs?: number): Promise<void>;
  /** Tickets open now. */
  readonly open: number;
};

const MAX_BATCH = 200;
export const LINGER_MS = 12;
/** While this many batches are out, a small one waits for company: a commit costs the same for one message as for fifty. */
const BUSY = 1;
const BUSY_LINGER_MS = 20;
/** So many are worth a commit of their own while at most EAGER_OUT batches are out: at 10,000/s a third off the time to the commit. */
const EAGER = 48;
const EAGER_OUT = 2;

export function courier(options: CourierOptions): Courier {
  const { mode, onCount = () => {}, after = timer } = options;
  const attempts = openAttempts(options);
  const maxBatch = mode === 'each' ? 1 : MAX_BATCH;
  const maxOpen = options.maxOpen ?? (mode === 'each' ? 1000 : 16);
  let waiting: Parcel[] = [];
  let open = 0;
  let due = false;
  let ripe = false;
  let cancelLinger: (() => void) | undefined;
  let stopped = false;
  let paused = false;
  const idleListeners = new Set<() => void>();

  const handle = options.source((raw, settle) => {
    if (stopped) return;
    onCount('received', 1);
    waiting.push({ raw, settle });
    if (waiting.length >= maxBatch) dispatch();
    else if (waiting.length >= EAGER && open <= EAGER_OUT) flush();
    else cancelLinger ??= after(LINGER_MS, ripen);
  });

  /** What waits has waited long enough for a courier that is idle; a busy one gives it some time more. */
  function ripen(): void {
    ripe = true;
    if (open < BUSY) flush();
    else cancelLinger = after(BUSY_LINGER_MS - LINGER_MS, flush);
  }

  function flush(): void {
    due = true;
    dispatch();
  }

  /** Sends what is full, and when the linger time is over what there is. */
  function dispatch(): void {
    while (!stopped && !paused && open < maxOpen && (waiting.length >= maxBatch || (due && waiting.length > 0))) {
      const batch = waiting.slice(0, maxBatch);
      waiting = waiting.slice(maxBatch);
      open++;
      void attempts.deliver(batch).finally(() => {
        open--;
        if (ripe && open < BUSY) due = true;
        if (open === 0) for (const listener of idleListeners) listener();
        dispatch();
      });
    }
    if (waiting.length > 0) return;
    due = false;
    ripe = false;
    cancelLinger?.();
    cancelLinger = undefined;
  }

  return {
    windowFull: flush,
    // What waits for a batch stays: a deploy that follows must not meet it on its way.
    pause() {
      paused = true;
      handle.pause();
    },
    resume() {
      paused = false;
      handle.resume();
      flush();
    },
    async stop(graceMs = 2000) {
      handle.pause();
      stopped = true;
      cancelLinger?.();
      waiting = [];
      attempts.stop();
      if (open > 0)
        await new Promise<void>(resolve => {
          const cancel = after(graceMs, resolve);
          idleListeners.add(() => {
            cancel();
            resolve();
          });
        });
      await handle.close();
    },
    get open() {
      return open;
    },
  };
}
