// The newest row of each thing (a device's metric, a device's status …), bounded: what a client gets as snapshot when it subscribes.
import { boundedMap } from '../kernel/bounded.ts';
import type { Entry } from './log.ts';
import type { Row } from './publication.ts';

export type Latest = {
  put(entry: Entry): void;
  get(key: string): Row | undefined;
  /** Newest rows of a topic that `wanted` accepts, at most `limit` (the most recently published), by offset. */
  snapshot(topic: string, wanted: (row: Row) => boolean, limit: number): readonly Entry[];
};

// A value longer than this is no measurement; many of them would fill the memory.
const MAX_TEXT = 16 * 1024;

/** `maxKeys` rows are kept; the thing that was silent longest leaves first. */
export function latestRows(maxKeys: number): Latest {
  // Of topics that many ask for and each of which has few rows.
  const ofTopic = new Map<string, Set<string>>();
  const newest = boundedMap<string, Entry>(maxKeys, (key, { row }) => forget(key, row));

  function forget(key: string, row: Row): void {
    for (const topic of fewOf(row)) {
      const keys = ofTopic.get(topic);
      if (keys?.delete(key) && keys.size === 0) ofTopic.delete(topic);
    }
  }

  return {
    put(entry) {
      const { row } = entry;
      const known = newest.get(row.key);
      if (row.over) {
        newest.delete(row.key);
        if (known !== undefined) forget(row.key, known.row);
        return;
      }
      // A late row (from an outbox that drains) is told to those who listen, but does not replace a newer value.
      if (known !== undefined && isLate(row.time, known.row.time)) return;
      if (isLong(row)) return;
      newest.set(row.key, entry);
      if (known !== undefined && isOfSame(known.row, row)) return;
      if (known !== undefined) forget(row.key, known.row);
      for (const topic of fewOf(row)) ofTopic.set(topic, (ofTopic.get(topic) ?? new Set()).add(row.key));
    },
    get: key => newest.get(key)?.row,
    snapshot(topic, wanted, limit) {
      const found: Entry[] = [];
      if (!FEW.test(topic)) {
        for (const [, entry] of newest.entries()) if (wanted(entry.row)) found.push(entry);
      } else
        for (const key of ofTopic.get(topic) ?? []) {
          const entry = newest.get(key);
          if (entry !== undefined && wanted(entry.row)) found.push(entry);
        }
      found.sort((a, b) => a.offset - b.offset);
      return found.slice(-limit);
    },
  };
}

const FEW = /^(device|application):/;

function fewOf({ deviceId, applicationId }: Row): string[] {
  const topics = deviceId === undefined ? [] : [`device:${deviceId}`];
  if (applicationId !== undefined) topics.push(`application:${applicationId}`);
  return topics;
}

function isOfSame(one: Row, other: Row): boolean {
  return one.deviceId === other.deviceId && one.applicationId === other.applicationId;
}

function isLong({ data }: Row): boolean {
  let length = 0;
  for (const column in data) {
    const value = data[column];
    if (typeof value === 'string') length += value.length;
    else if (typeof value === 'object' && value !== null) length += JSON.stringify(value).length;
  }
  return length > MAX_TEXT;
}

/** Is the first time before the second? Both in ISO 8601 with Z; what is below a millisecond does not count. */
export function isLate(time: string, than: string): boolean {
  return time < than && time.slice(0, 23) < than.slice(0, 23);
}
