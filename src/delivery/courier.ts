// Courier: carries messages from a source into a flow, in batches, again and again until each has settled one way or the other.
import { type Backoff, backoff } from '../kernel/backoff.ts';
import { reasonOf } from '../kernel/fault.ts';
import type { Settled } from '../kernel/ticket.ts';
import type { Source } from '../reading/contracts.ts';
import type { Raw } from '../reading/raw.ts';

export type CourierEvent = 'received' | 'emitted' | 'settled' | 'retried' | 'outage' | 'dead-lettered';

export type CourierOptions = {
  source: Source;
  /** Sends the messages with one ticket and tells what became of them. A rejection counts as `unfinished`. */
  emit(raws: readonly Raw[]): Promise<Settled>;
  /** Keeps a message that will never work, on the disk when it resolves. A rejection is an outage. */
  deadLetter(raw: Raw, reason: string, attempts: number): Promise<void>;
  /**
   * each: one message a ticket. batches: at most 200; what there is leaves after 12 ms while no batch is out, else after
   * 20 ms, at once when it is 48 while at most one is out, and when the source's window is full. So batches grow with
   * the time a commit takes.
   */
  mode: 'each' | 'batches';
  /** Tickets open at a time; further messages wait, bounded by the source's window. 1000 for each, 16 for batches. */
  maxOpen?: number;
  onCount?(event: CourierEvent, by: number): void;
  /** Milliseconds between attempts after an outage or an unfinished ticket; one counter for each batch. */
  backoff?(): Backoff;
  /** Calls back later; returns the cancel. */
  after?(ms: number, run: () => void): () => void;
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

export const MAX_BATCH = 200;
export const LINGER_MS = 12;
/** While this many batches are out, a small one waits for company: a commit costs the same for one message as for fifty. */
export const BUSY = 1;
export const BUSY_LINGER_MS = 20;
/** So many are worth a commit of their own while at most BUSY batches are out: at 5,000/s a third of the time to the commit. */
export const EAGER = 48;
export const MAX_TRIES = 3;

type Parcel = { raw: Raw; settle(settled: Settled): void };
const OK: Settled = { ok: true };

export function courier(options: CourierOptions): Courier {
  const { emit, deadLetter, mode, onCount = () => {} } = options;
  const { after = timeout } = options;
  const maxBatch = mode === 'each' ? 1 : MAX_BATCH;
  const maxOpen = options.maxOpen ?? (mode === 'each' ? 1000 : 16);
  let waiting: Parcel[] = [];
  let open = 0;
  let due = false;
  let ripe = false;
  let cancelLinger: (() => void) | undefined;
  let stopped = false;
  let paused = false;
  const stopListeners = new Set<() => void>();
  const idleListeners = new Set<() => void>();

  const handle = options.source((raw, settle) => {
    if (stopped) return;
    onCount('received', 1);
    waiting.push({ raw, settle });
    if (waiting.length >= maxBatch) dispatch();
    else if (waiting.length >= EAGER && open <= BUSY) flush();
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
      void deliver(batch).finally(() => {
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

  /** Whole first; a batch that failed for its data goes again as its members, so that one bad message holds up no other. */
  async function deliver(batch: readonly Parcel[]): Promise<void> {
    const whole = await attempt(batch);
    if (whole.ok) settleAll(batch);
    else if (batch.length === 1) await insist(batch[0] as Parcel, 1, whole);
    // All at once: members that nobody finishes would else wait for each other's time limit, one after the other.
    else await Promise.all(batch.map(parcel => insist(parcel, 0, whole)));
  }

  /** Up to three attempts alone, then the dead letters. Leaves the message unsettled when the courier is stopped. */
  async function insist(parcel: Parcel, tries: number, last: Settled & { ok: false }): Promise<void> {
    const waits = newBackoff();
    let attempts = tries;
    let failure = last;
    while (attempts < MAX_TRIES) {
      // What was cut short (a deploy) needs a moment; what is wrong with the data does not change by waiting.
      if (attempts > 0 && failure.kind === 'unfinished') await pause(waits.next());
      if (stopped) return;
      onCount('retried', 1);
      const settled = await attempt([parcel]);
      if (settled.ok) return settleAll([parcel]);
      if (settled.kind === 'outage') return;
      failure = settled;
      attempts++;
    }
    await bury(parcel, failure.reason, attempts);
  }

  /** One attempt; an outage is tried again for ever. Answers `outage` only when the courier was stopped meanwhile. */
  async function attempt(parcels: readonly Parcel[]): Promise<Settled> {
    const waits = newBackoff();
    // The same messages each time, with their time of receipt: what a sink has committed already it knows by its identity.
    const raws = parcels.map(({ raw }) => raw);
    for (;;) {
      onCount('emitted', raws.length);
      const settled = await emitSafely(raws);
      if (settled.ok || settled.kind !== 'outage') return settled;
      onCount('outage', 1);
      await pause(waits.next());
      if (stopped) return settled;
    }
  }
  async function emitSafely(raws: readonly Raw[]): Promise<Settled> {
    try {
      return await emit(raws);
    } catch (error) {
      return { ok: false, kind: 'unfinished', reason: reasonOf(error) };
    }
  }

  async function bury({ raw, settle }: Parcel, reason: string, attempts: number): Promise<void> {
    const waits = newBackoff();
    while (!stopped)
      try {
        await deadLetter(raw, reason, attempts);
        onCount('dead-lettered', 1);
        settle(OK);
        return;
      } catch {
        // A full disk, say: without the dead letter on it, the message must not be acknowledged.
        onCount('outage', 1);
        await pause(waits.next());
      }
  }

  function settleAll(parcels: readonly Parcel[]): void {
    onCount('settled', parcels.length);
    for (const { settle } of parcels) settle(OK);
  }
  const newBackoff = (): Backoff => options.backoff?.() ?? backoff();

  /** Resolves after the time, or at once when the courier stops. */
  function pause(ms: number): Promise<void> {
    if (stopped) return Promise.resolve();
    return new Promise(resolve => {
      const end = (): void => {
        cancel();
        stopListeners.delete(end);
        resolve();
      };
      const cancel = after(ms, end);
      stopListeners.add(end);
    });
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
      for (const end of [...stopListeners]) end();
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

function timeout(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}
