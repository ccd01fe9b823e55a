// The newest row of each thing (a device's metric, a device's status …), bounded: what a client gets as snapshot when it subscribes.
import { boundedMap } from '../kernel/bounded.ts';
import type { Entry } from './log.ts';
import type { Row } from './publication.ts';

export type Latest = {
  put(entry: Entry): void;
  get(key: string): Row | undefined;
  /** Newest rows that `wanted` accepts, at most `limit` (the most recently published), by offset. */
  snapshot(wanted: (row: Row) => boolean, limit: number): readonly Entry[];
};

// A value longer than this is no measurement; many of them would fill the memory.
const MAX_LENGTH = 16 * 1024;

/** `maxKeys` rows are kept; the thing that was silent longest leaves first. */
export function latestRows(maxKeys: number): Latest {
  const newest = boundedMap<string, Entry>(maxKeys);
  return {
    put(entry) {
      if (entry.json.length > MAX_LENGTH) return;
      const known = newest.get(entry.row.key);
      // A late row (from an outbox that drains) is told to those who listen, but does not replace a newer value.
      if (known === undefined || milliseconds(known.row.time) <= milliseconds(entry.row.time))
        newest.set(entry.row.key, entry);
    },
    get: key => newest.get(key)?.row,
    snapshot(wanted, limit) {
      const found: Entry[] = [];
      for (const [, entry] of newest.entries()) if (wanted(entry.row)) found.push(entry);
      found.sort((a, b) => a.offset - b.offset);
      return found.slice(-limit);
    },
  };
}

/** Of a time in ISO 8601 with Z, as text that sorts. */
function milliseconds(time: string): string {
  return time.slice(0, 23);
}
