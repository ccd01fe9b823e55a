// Pulls one reader's entries out of the journal, in order, with at most a window of them unacknowledged.
import { backoff } from '../kernel/backoff.ts';
import type { BrokerJournal, StoredEntry } from './store.ts';

export type PullOptions = {
  /** Entries handed out and not acknowledged. */
  window: number;
  /** … and their bytes, 32 MB unless set; one entry always fits. */
  windowBytes?: number;
  /** In order; must not throw. */
  deliver(entry: StoredEntry): void;
  /** Some have been delivered, and there may be a while until the next. */
  onPage?(): void;
  onFull?(full: boolean): void;
};

export type Pull = {
  /** The entries are done with: they leave the journal and make room in the window. */
  ack(seqs: readonly number[]): void;
  /** Hands out no more until `resume`. */
  pause(): void;
  resume(): void;
  /** What is not acknowledged by now is handed out again by the next pull of this reader. */
  stop(): void;
};

const PAGE = 200;
const WINDOW_BYTES = 32 << 20;

/** Starts with the oldest entry that was never acknowledged. */
export function pull(journal: BrokerJournal, reader: string, options: PullOptions): Pull {
  const { window, windowBytes = WINDOW_BYTES, deliver, onPage = () => {}, onFull = () => {} } = options;
  const waits = backoff();
  const open = new Map<number, number>();
  let openBytes = 0;
  let after = 0;
  let paused = false;
  let stopped = false;
  let reading = false;
  // New entries may be there: set by every commit for this reader, cleared by a read that finds nothing.
  let more = true;
  let full = false;
  let retry: NodeJS.Timeout | undefined;

  const isFull = (): boolean => open.size >= window || (open.size > 0 && openBytes >= windowBytes);
  function tellFull(): void {
    if (isFull() === full) return;
    full = !full;
    onFull(full);
  }

  async function run(): Promise<void> {
    if (reading) return;
    reading = true;
    while (more && !paused && !stopped && !isFull()) {
      more = false;
      try {
        const limit = { entries: Math.min(window - open.size, PAGE), bytes: Math.max(1, windowBytes - openBytes) };
        const entries = await journal.read(reader, after, limit);
        waits.reset();
        if (entries.length > 0) more = true;
        for (const entry of entries) {
          if (paused || stopped) break;
          after = entry.seq;
          open.set(entry.seq, entry.blob.length);
          openBytes += entry.blob.length;
          deliver(entry);
        }
        onPage();
      } catch {
        // The file cannot be read now; the broker's state tells why.
        more = true;
        if (!stopped) retry = setTimeout(() => void run(), waits.next());
        break;
      }
    }
    reading = false;
    tellFull();
  }

  const unlisten = journal.onEntries(reader, () => {
    more = true;
    void run();
  });
  void run();

  return {
    ack(seqs) {
      if (stopped) return;
      for (const seq of seqs) {
        openBytes -= open.get(seq) ?? 0;
        open.delete(seq);
      }
      journal.ack(reader, seqs);
      tellFull();
      void run();
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
