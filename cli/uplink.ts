// The scanner's way to its broker: QoS 1, and no memory of an outage: what cannot be sent now is dropped and counted (B09).
import { backoff } from '../src/kernel/backoff.ts';
import { reasonOf } from '../src/kernel/fault.ts';
import type { Sink } from '../src/reading/contracts.ts';

export type Uplink<Row> = {
  /** Resolves with true when the broker has acknowledged it, with false when it was dropped. */
  offer(row: Row): Promise<boolean>;
  readonly sent: number;
  readonly dropped: number;
  close(): Promise<void>;
};

export type UplinkOptions<Row> = {
  sink: Sink<Row>;
  /** The broker is away, with the reason; or there again. */
  onChange: (away: string | undefined) => void;
  /** One message was refused for good. */
  onRefused: (reason: string) => void;
};

const BATCH = 500;
/** What may wait while a batch is on its way; more is the end of what a slow broker gets. */
const WAITING = 2000;

export function uplink<Row>({ sink, onChange, onRefused }: UplinkOptions<Row>): Uplink<Row> {
  const retry = backoff(500, 10_000);
  let waiting: { row: Row; settle(sent: boolean): void }[] = [];
  let busy = false;
  let away = false;
  /** Steady milliseconds before which nothing is tried. */
  let restUntil = 0;
  let sent = 0;
  let dropped = 0;

  function drop(entries: readonly { settle(sent: boolean): void }[]): void {
    dropped += entries.length;
    for (const { settle } of entries) settle(false);
  }

  async function pump(): Promise<void> {
    if (busy) return;
    busy = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH);
      try {
        const outcomes = await sink.write(batch.map(({ row }) => row));
        if (away) onChange(undefined);
        away = false;
        retry.reset();
        for (const [at, entry] of batch.entries()) {
          const outcome = outcomes[at];
          if (typeof outcome === 'object') {
            onRefused(outcome.rejected);
            drop([entry]);
            continue;
          }
          sent++;
          entry.settle(true);
        }
      } catch (error) {
        restUntil = performance.now() + retry.next();
        if (!away) onChange(reasonOf(error));
        away = true;
        drop([...batch, ...waiting]);
        waiting = [];
      }
    }
    busy = false;
  }

  return {
    offer(row) {
      return new Promise(settle => {
        if (waiting.length >= WAITING || (away && performance.now() < restUntil)) return drop([{ settle }]);
        waiting.push({ row, settle });
        // What arrives in one turn leaves together.
        if (waiting.length === 1) setImmediate(() => void pump());
      });
    },
    get sent() {
      return sent;
    },
    get dropped() {
      return dropped;
    },
    close: () => sink.close(),
  };
}
