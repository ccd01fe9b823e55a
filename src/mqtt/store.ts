// What this room asks of a journal (the launcher hands in the one of delivery): entries for named readers, and notes.

export type StoredEntry = { seq: number; meta: string; blob: Uint8Array };

export type BrokerJournal = {
  /** Resolves when the entry, and the note with it, is on the disk; waits while the journal is full. */
  append(
    meta: string,
    blob: Uint8Array,
    readers: readonly string[],
    note?: readonly [key: string, value: string],
  ): Promise<number>;
  read(reader: string, after: number, limit?: { entries?: number; bytes?: number }): Promise<readonly StoredEntry[]>;
  ack(reader: string, seqs: readonly number[]): void;
  dropReader(reader: string): void;
  readonly readers: readonly string[];
  readonly lastSeq: number;
  note(key: string, value: string | undefined): Promise<void>;
  readonly notes: ReadonlyMap<string, string>;
  onEntries(reader: string, listener: () => void): () => void;
  state(): { bytes: number; entries: number; waiting: number; fault: string | undefined };
};

/** A message as the journal keeps it beside its payload. */
export type StoredMessage = {
  topic: string;
  qos: 0 | 1 | 2;
  /** Milliseconds since the epoch when the broker received it; the same on every delivery. */
  at: number;
  /** QoS 1: client id and packet id of the publisher, by which a message that it sends again (DUP) is recognised. */
  by?: string;
  /** The publisher sent it again: the first copy may be here or not. */
  dup?: true;
};

export const encodeMessage = (message: StoredMessage): string => JSON.stringify(message);
export const decodeMessage = (meta: string): StoredMessage => JSON.parse(meta) as StoredMessage;
