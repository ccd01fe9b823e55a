// What a journal promises its users: appends on the disk, entries in order for each named reader, notes beside them.
import type { Entry } from './tail.ts';

export type JournalState = {
  /** Bytes of the entries that some reader has not acknowledged, those on their way to the disk included. */
  bytes: number;
  entries: number;
  /** Appends that wait for room. */
  waiting: number;
  /** Why the last commit failed (disk full …); the commit is tried again until it succeeds. */
  fault: string | undefined;
};

export type Journal = {
  /**
   * Keeps a blob until every reader has acknowledged it. Resolves with its number once it is on the disk; waits while
   * the journal is full. Entries are numbered in the order of the calls. Rejects with a Fault: data when the blob alone
   * exceeds the journal, outage when the journal is closed first. `note` is committed together with the entry.
   */
  append(
    meta: string,
    blob: Uint8Array,
    readers: readonly string[],
    note?: readonly [key: string, value: string],
  ): Promise<number>;
  /** What the reader has not acknowledged, numbered above `after`, in order; at least one entry where there is any. */
  read(reader: string, after: number, limit?: { entries?: number; bytes?: number }): Promise<readonly Entry[]>;
  /** Takes effect with the next commit; until then a crash brings the entries back. Unknown numbers are ignored. */
  ack(reader: string, seqs: readonly number[]): void;
  /** Forgets a reader: what only it waited for is deleted. */
  dropReader(reader: string): void;
  readonly readers: readonly string[];
  /** Number of the newest entry. */
  readonly lastSeq: number;
  /** A small named value beside the entries, on the disk when the promise resolves; undefined deletes it. */
  note(key: string, value: string | undefined): Promise<void>;
  readonly notes: ReadonlyMap<string, string>;
  /** Calls back after a commit that brought the reader new entries. Returns the stop. */
  onEntries(reader: string, listener: () => void): () => void;
  state(): JournalState;
  /**
   * Writes a whole copy of the file, as of now, to a new file. Answers in words what it lacks, where the file was found
   * damaged. Rejects with a Fault of kind outage when it cannot.
   */
  copyTo(file: string): Promise<string | undefined>;
  /** What was lost when the file was found damaged; the damaged file is kept beside it. */
  readonly loss: string | undefined;
  /** Commits what is queued and ends; appends that wait for room are refused. */
  close(): Promise<void>;
};
