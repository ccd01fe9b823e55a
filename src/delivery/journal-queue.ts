// What waits for the journal's next commit.
import type { Fault } from '../kernel/fault.ts';
import type { Entry } from './journal-tail.ts';
import type { Appends, Writes } from './journal-worker.ts';

/** An entry with the readers it is for. */
export type Addressed = Entry & { readers: readonly number[] };

/** What the next commit holds besides its entries, the entries, and whom to tell of it. */
export type Queued = {
  writes: Omit<Writes, 'appends'>;
  entries: Addressed[];
  done: (() => void)[];
  failed: ((fault: Fault) => void)[];
};
export const emptyQueue = (): Queued => ({
  writes: { newReaders: [], acks: [], drops: [], notes: [] },
  entries: [],
  done: [],
  failed: [],
});
export const isEmpty = ({ entries, writes: w }: Queued): boolean =>
  entries.length + w.newReaders.length + w.acks.length + w.drops.length + w.notes.length === 0;

/** For the thread: a copy of each entry as an object of its own took a seventh of the broker's CPU. */
export const writesOf = ({ entries, writes }: Queued): Writes => ({ ...writes, appends: columns(entries) });

function columns(entries: readonly Addressed[]): Appends {
  return {
    first: entries[0]?.seq ?? 0,
    metas: entries.map(({ meta }) => meta),
    lengths: entries.map(({ blob }) => blob.length),
    blobs: joined(entries.map(({ blob }) => blob)),
    readerCounts: entries.map(({ readers }) => readers.length),
    readers: entries.flatMap(({ readers }) => readers),
  };
}

function joined(blobs: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(blobs.reduce((sum, blob) => sum + blob.length, 0));
  let at = 0;
  for (const blob of blobs) {
    bytes.set(blob, at);
    at += blob.length;
  }
  return bytes;
}
