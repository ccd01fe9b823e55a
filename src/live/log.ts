// The log of recent rows: each gets the next offset, and a client that comes back reads what it missed from here.
import type { Row } from './publication.ts';

/** A row at its place in the log. */
export type Entry = {
  offset: number;
  row: Row;
  /** Its flat message; encoded when the first client asks, then the same for all clients, channels and protocols. */
  readonly json: string;
};

export type Log = {
  /** Offset of the newest entry; 0 before the first. Offsets rise by one over all channels, so that those of one channel skip. */
  readonly offset: number;
  append(row: Row): Entry;
  /** Counts the row and keeps none: what was before is no longer known completely. */
  pass(row: Row): Entry;
  /** Keeps none of what there is: more was told, and will be counted. */
  forget(): void;
  /** All entries after `offset`, oldest first; undefined when some of them are no longer here, or it is ahead of us. */
  since(offset: number): readonly Entry[] | undefined;
  /** All entries that are still here, oldest first. */
  all(): readonly Entry[];
};

/** What an earlier log knew: its newest offset, and the rows that led to it. */
export type Past = { offset: number; rows: readonly Row[] };

/** A class, since thousands are kept: an accessor of its own for each would be most of their memory. */
class KeptEntry implements Entry {
  readonly offset: number;
  readonly row: Row;
  /** Bytes of its text, about; counted by the log that keeps it. */
  size = 0;
  #json: string | undefined;
  constructor(offset: number, row: Row) {
    this.offset = offset;
    this.row = row;
  }
  get json(): string {
    this.#json ??= JSON.stringify(this.row.data);
    return this.#json;
  }
}

export function entryAt(offset: number, row: Row): KeptEntry {
  return new KeptEntry(offset, row);
}

/** Keeps the last `maxRows` rows, and at most about `maxBytes` of their text. */
export function rowLog(maxRows: number, maxBytes: number, past: Past = { offset: 0, rows: [] }): Log {
  // Cut when half of it is done with, so that an append costs the same however long the log is; what is done with is let go of at once.
  let entries: (KeptEntry | undefined)[] = [];
  let first = 0;
  let bytes = 0;
  let offset = past.offset - past.rows.length;

  function drop(): void {
    bytes -= (entries[first] as KeptEntry).size;
    entries[first++] = undefined;
  }
  function append(row: Row): Entry {
    const entry = entryAt(++offset, row);
    entries.push(entry);
    entry.size = sizeOf(row);
    bytes += entry.size;
    while (entries.length - first > maxRows || (bytes > maxBytes && first < entries.length - 1)) drop();
    if (first > entries.length / 2) {
      entries = entries.slice(first);
      first = 0;
    }
    return entry;
  }
  function forget(): void {
    if (entries.length === 0) return;
    entries = [];
    first = 0;
    bytes = 0;
  }
  for (const row of past.rows) append(row);

  return {
    get offset() {
      return offset;
    },
    append,
    forget,
    pass(row) {
      forget();
      return entryAt(++offset, row);
    },
    since(wanted) {
      const missed = offset - wanted;
      if (missed < 0 || missed > entries.length - first) return undefined;
      return missed === 0 ? [] : (entries.slice(-missed) as Entry[]);
    },
    all: () => entries.slice(first) as Entry[],
  };
}

const ROW_BYTES = 300;

/** About, without encoding it: only texts can be long. */
function sizeOf({ data, record }: Row): number {
  let bytes = ROW_BYTES;
  for (const from of [data, record])
    for (const column in from) {
      const value = from[column];
      if (typeof value === 'string') bytes += value.length;
      else if (typeof value === 'object' && value !== null) bytes += JSON.stringify(value).length;
    }
  return bytes;
}
