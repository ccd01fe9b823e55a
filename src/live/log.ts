// The log of recent rows: each gets the next offset, and a client that comes back reads what it missed from here.
import type { Row } from './publication.ts';

/** A row at its place in the log; encoded once for all clients, channels and protocols. */
export type Entry = { offset: number; row: Row; json: string };

export type Log = {
  /** Offset of the newest entry; 0 before the first. Offsets rise by one over all channels, so that those of one channel skip. */
  readonly offset: number;
  append(row: Row): Entry;
  /** All entries after `offset`, oldest first; undefined when some of them are no longer here, or it is ahead of us. */
  since(offset: number): readonly Entry[] | undefined;
};

/** Keeps the last `maxRows` rows, and at most about `maxBytes` of their text. */
export function rowLog(maxRows: number, maxBytes: number): Log {
  // Cut when half of it is done with, so that an append costs the same however long the log is.
  let entries: Entry[] = [];
  let first = 0;
  let bytes = 0;
  let offset = 0;
  return {
    get offset() {
      return offset;
    },
    append(row) {
      const entry = { offset: ++offset, row, json: JSON.stringify(row.data) };
      entries.push(entry);
      bytes += entry.json.length;
      while (entries.length - first > maxRows || (bytes > maxBytes && first < entries.length - 1))
        bytes -= entries[first++]!.json.length;
      if (first > entries.length / 2) {
        entries = entries.slice(first);
        first = 0;
      }
      return entry;
    },
    since(wanted) {
      const missed = offset - wanted;
      if (missed < 0 || missed > entries.length - first) return undefined;
      return missed === 0 ? [] : entries.slice(-missed);
    },
  };
}
