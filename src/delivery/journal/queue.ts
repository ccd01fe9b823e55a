// What waits for the journal's next commit.
import type { Fault } from '../../kernel/fault.ts';
import { type Appends, joined, type Writes } from './messages.ts';
import type { Entry } from './tail.ts';

/** An entry with the readers it is for. */
export type Addressed = Entry & { readers: readonly number[] };

/** `writes`: what the next commit holds besides its entries. `done`, `failed`: whom to tell of it. */
export type Queued = {
  writes: Omit<Writes, 'appends'>;
  entries: Addressed[];
  /** Of the entries, as the bound counts them. */
  bytes: number;
  done: (() => void)[];
  failed: ((fault: Fault) => void)[];
};
export const emptyQueue = (): Queued => ({
  writes: { newReaders: [], acks: [], drops: [], notes: [] },
  entries: [],
  bytes: 0,
  done: [],
  failed: [],
});
export const isEmpty = ({ entries, writes: w }: Queued): boolean =>
  entries.length + w.newReaders.length + w.acks.length + w.drops.length + w.notes.length === 0;

/** For the thread. */
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
