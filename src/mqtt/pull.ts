// Pulls one reader's entries out of the journal, in order, with at most a window of them unacknowledged.
import { backoff } from '../kernel/backoff.ts';
import type { BrokerJournal, StoredEntry } from './store.ts';

export type Pull = {
  /** The entry is done with: it leaves the journal and makes room in the window. */
  ack(seq: number): void;
  /** Hands out no more until `resume`. */
  pause(): void;
  resume(): void;
  /** What is not acknowledged by now is handed out again by the next pull of this reader. */
  stop(): void;
};

const PAGE = 200;

/** Starts with the oldest entry that was never acknowledged. `deliver` must not throw. */
export function pull(
  journal: BrokerJournal,
  reader: string,
  options: { window: number; deliver(entry: StoredEntry): void; onFull?(full: boolean): void },
): Pull {
  const { window, deliver, onFull = () => {} } = options;
  const waits = backoff();
  let after = 0;
  let open = 0;
  let paused = false;
  let stopped = false;
  let reading = false;
  // New entries may be there: set by every commit for this reader, cleared by a read that finds nothing.
  let more = true;
  let full = false;
  let retry: NodeJS.Timeout | undefined;
  let acks: number[] = [];

  function tellFull(now: boolean): void {
    if (now === full) return;
    full = now;
    onFull(now);
  }

  async function run(): Promise<void> {
    if (reading) return;
    reading = true;
    while (more && !paused && !stopped && open < window) {
      more = false;
      try {
        const entries = await journal.read(reader, after, { entries: Math.min(window - open, PAGE) });
        waits.reset();
        if (entries.length > 0) more = true;
        for (const entry of entries) {
          if (paused || stopped) break;
          after = entry.seq;
          open++;
          deliver(entry);
        }
      } catch {
        // The file cannot be read now; the broker's state tells why.
        more = true;
        if (!stopped) retry = setTimeout(() => void run(), waits.next());
        break;
      }
    }
    reading = false;
    tellFull(open >= window);
  }

  const unlisten = journal.onEntries(reader, () => {
    more = true;
    void run();
  });
  void run();

  return {
    ack(seq) {
      if (stopped) return;
      open--;
      if (acks.push(seq) > 1) return;
      queueMicrotask(() => {
        journal.ack(reader, acks);
        acks = [];
        tellFull(open >= window);
        void run();
      });
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      void run();
    },
    stop() {
      stopped = true;
      clearTimeout(retry);
      unlisten();
    },
  };
}
