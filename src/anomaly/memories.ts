// Memories: what all series know, by key and metric, bounded in number.
import { boundedMap } from '../kernel/bounded.ts';
import { digest } from '../kernel/bytes.ts';
import type { Known } from './cells.ts';
import { lastTimeOf } from './rhythm.ts';
import { begin } from './score.ts';

/** The series of one key, by `shortKey` of the metric. */
export type Metrics = ReadonlyMap<string, Known>;

export type Memories = {
  /** The series of a key, an empty map where there is none. */
  of(key: string): Metrics;
  /** A new series of a key; above the limit one that no longer comes is forgotten of a key that has a quarter of them all, or is the only one, else the key that was quiet for longest. */
  begin(key: string, metric: string): Known;
  /** By name. Changes that come while somebody walks through are in or not, series by series. */
  entries(): IterableIterator<readonly [name: string, known: Known]>;
  /** The series by the name that `entries` gave it, a new one where there is none. */
  named(name: string): Known;
  readonly size: number;
  /** Series that were forgotten. */
  readonly forgotten: number;
};

const NONE: Metrics = new Map();

/** Of longer texts the digest is kept: of ten thousand, each as long as a message may be, the memory would be full. */
const LONGEST = 512;

/** What stands for a key, or the name of a device or metric, of any length. */
export const shortKey = (key: string): string => (key.length > LONGEST ? digest(key) : key);

/** Of a key with more than one part in so many of all series, and more than so many, the series go first. */
const [SHARE, USUAL] = [4, 100];
/** Of so many series of a key the one that has been quiet for longest is forgotten. */
const OLDEST = 8;

const joined = (key: string, metric: string): string => `${key.length}:${key}${metric}`;

/** The name by which a series is saved: neither a key nor a metric can make it that of another. */
export const nameOf = (key: string, metric: string): string => joined(shortKey(key), shortKey(metric));

/** Of the oldest few series the one that has been quiet for longest; the others prove to be in use. False where there is none. */
function forgetQuietest(metrics: Map<string, Known>): boolean {
  const oldest: string[] = [];
  let [quietest, since]: [string | undefined, number] = [undefined, Number.POSITIVE_INFINITY];
  for (const [metric, { cells }] of metrics) {
    if (quietest === undefined || lastTimeOf(cells) < since) [quietest, since] = [metric, lastTimeOf(cells)];
    if (oldest.push(metric) === OLDEST) break;
  }
  if (quietest === undefined) return false;
  for (const metric of oldest) {
    const one = metrics.get(metric)!;
    metrics.delete(metric);
    if (metric !== quietest) metrics.set(metric, one);
  }
  return true;
}

export function memories(limit: number): Memories {
  let [size, forgotten] = [0, 0];
  const forget = (series: number) => {
    size -= series;
    forgotten += series;
  };
  const share = Math.max(limit / SHARE, USUAL);
  // The series of keys with more than their share: four at most.
  const crowds = new Set<Map<string, Known>>();
  const known = boundedMap<string, Map<string, Known>>(limit, (_, metrics) => {
    forget(metrics.size);
    crowds.delete(metrics);
  });

  const makeRoom = (metrics: Map<string, Known>): void => {
    if (size < limit) return;
    // A device with ever new metrics forgets its own, not the other devices.
    const [crowd = known.size === 1 ? metrics : undefined] = crowds;
    if (crowd === undefined) known.evict();
    else if (forgetQuietest(crowd)) forget(1);
    if (crowd !== undefined && crowd.size <= share) crowds.delete(crowd);
  };

  const beginSeries = (given: string, metric: string): Known => {
    const key = shortKey(given);
    const metrics = known.get(key) ?? new Map();
    // Now the newest: it is not the one to be forgotten.
    known.set(key, metrics);
    makeRoom(metrics);
    const one = begin();
    metrics.set(shortKey(metric), one);
    if (metrics.size > share) crowds.add(metrics);
    size++;
    return one;
  };

  return {
    of: key => known.get(shortKey(key)) ?? NONE,
    begin: beginSeries,
    *entries() {
      // Copies: a key that is used meanwhile moves to the end and would come again, without end.
      for (const [key, metrics] of [...known.entries()])
        for (const [metric, one] of [...metrics]) yield [joined(key, metric), one];
    },
    named(name) {
      const colon = name.indexOf(':');
      const end = colon + 1 + Number(name.slice(0, colon));
      const [key, metric] = [name.slice(colon + 1, end), name.slice(end)];
      return known.get(key)?.get(metric) ?? beginSeries(key, metric);
    },
    get size() {
      return size;
    },
    get forgotten() {
      return forgotten;
    },
  };
}
