// Attempts of a courier: a batch goes into the flow again and again, until each message has settled or is a dead letter.
import { type Backoff, backoff } from '../kernel/backoff.ts';
import type { Settled } from '../kernel/ticket.ts';
import type { Raw } from '../reading/raw.ts';
import { settledBy } from './settled.ts';
import { type After, timer } from './timer.ts';

export type CourierEvent = 'received' | 'emitted' | 'settled' | 'retried' | 'outage' | 'dead-lettered';

export type AttemptOptions = {
  /** Sends the messages with one ticket and tells what became of them. A rejection counts as `unfinished`. */
  emit(raws: readonly Raw[]): Promise<Settled>;
  /** Keeps a message that will never work, on the disk when it resolves. A rejection is an outage. */
  deadLetter(raw: Raw, reason: string, attempts: number): Promise<void>;
  onCount?(event: CourierEvent, by: number): void;
  /** Milliseconds between attempts after an outage or an unfinished ticket; one counter for each batch. */
  backoff?(): Backoff;
  after?: After;
};

/** A message of a source, to be settled once. */
export type Parcel = { raw: Raw; settle(settled: Settled): void };

export type Attempts = {
  /** Resolves when every message has settled; after `stop` some may stay unsettled. */
  deliver(batch: readonly Parcel[]): Promise<void>;
  /** Begins no further attempt. */
  stop(): void;
};

const MAX_TRIES = 3;
const OK: Settled = { ok: true };

export function openAttempts(options: AttemptOptions): Attempts {
  const { emit, deadLetter, onCount = () => {}, after = timer } = options;
  const newBackoff = (): Backoff => options.backoff?.() ?? backoff();
  const sleepers = new Set<() => void>();
  let stopped = false;

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
      const settled = await settledBy(emit, raws);
      if (settled.ok || settled.kind !== 'outage') return settled;
      onCount('outage', 1);
      await pause(waits.next());
      if (stopped) return settled;
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

  /** Resolves after the time, or at once when the courier stops. */
  function pause(ms: number): Promise<void> {
    if (stopped) return Promise.resolve();
    return new Promise(resolve => {
      const end = (): void => {
        cancel();
        sleepers.delete(end);
        resolve();
      };
      const cancel = after(ms, end);
      sleepers.add(end);
    });
  }

  return {
    deliver,
    stop() {
      stopped = true;
      for (const wake of [...sleepers]) wake();
    },
  };
}
