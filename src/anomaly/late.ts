// Late: a database that answers only when messages have come already is learned from beside them, and then both are put together.
import { copyFile, link, rm } from 'node:fs/promises';
import { setImmediate as breath, setTimeout as sleep } from 'node:timers/promises';
import { backoff } from '../kernel/backoff.ts';
import type { Query } from '../reading/contracts.ts';
import { milliseconds } from '../reading/instant.ts';
import type { Anomaly, Reading } from '../reading/reading.ts';
import { catchUp, type Keys, type StoredValue } from './catch-up.ts';
import { readCheckpoint } from './checkpoint.ts';
import type { DeviceScorer } from './device.ts';
import { nameOf } from './memories.ts';

/** Between two questions: at first, and at last. */
const [SOON_MS, SELDOM_MS] = [2000, 30_000];
/** What came since the start may not be stored yet: so many values of it are kept, the newest of each series. */
const MOST_KEPT = 20_000;
const MOST_WORDS = 100;
/** Rows that a database that answers does not take for so many questions, ten minutes, hold up nobody. */
const MOST_WAITS = 20;
// Between so many series others get their turn.
const AT_ONCE = 64;

export type Late = {
  /** A reading that was scored meanwhile. */
  scored(reading: Reading, key: string, anomaly: Anomaly): void;
  /** What a person said meanwhile, to be said again of what takes the place of the series. */
  said(again: () => void): void;
  close(): Promise<void>;
};

export type Learning = {
  query: Query;
  keys: Keys;
  /** Rows of before the crash are not stored yet. */
  isUnderWay: () => boolean;
  scorer: DeviceScorer;
  maxSeries: number;
  /** One that knows nothing yet, with the same settings. */
  fresh: () => DeviceScorer;
  /** Of the series as they stood at the crash, and by which keys. */
  file: string;
  by: string;
  changed: (series: number) => void;
  /** So many values were learned. */
  learned: (values: number) => void;
};

/** Tries until the database answers or the node ends. The file is held on to, though the node writes a new one meanwhile. */
export async function learnLate(options: Learning): Promise<Late> {
  const { query, keys, scorer, maxSeries, fresh, file, by, changed } = options;
  const crashed = `${file}.crash`;
  await rm(crashed, { force: true });
  await link(file, crashed)
    .catch(() => copyFile(file, crashed))
    .catch(() => {});
  const kept = new Map<string, StoredValue[]>();
  // Series of which more came than is kept.
  const letGo = new Set<string>();
  const words: (() => void)[] = [];
  const ended = new AbortController();
  let [size, waits, isOver] = [0, 0, false];

  const keep = (value: StoredValue): void => {
    const name = nameOf(value.key, value.metric);
    const values = kept.get(name) ?? [];
    if (size < MOST_KEPT) size++;
    else {
      letGo.add(name);
      if (values.shift() === undefined) return;
    }
    values.push(value);
    kept.set(name, values);
  };

  const attempt = async (): Promise<number | undefined> => {
    if (options.isUnderWay()) {
      await query('SELECT WHERE false');
      if (++waits < MOST_WAITS) return undefined;
    }
    const other = fresh();
    await readCheckpoint(crashed, by, other.restore);
    const fuller = new Map<string, StoredValue>();
    const learn = (stored: StoredValue, seen: number): boolean => {
      const name = nameOf(stored.key, stored.metric);
      // The one that went on without what was stored since the save has heard more by now.
      const hasMore = letGo.has(name) && !fuller.has(name) && other.lastTime(stored.key, stored.metric) !== undefined;
      if (hasMore) return false;
      const isNew = other.learn(stored, seen);
      if (isNew) fuller.set(name, stored);
      return isNew;
    };
    const values = await catchUp(query, keys, { ...other, learn });
    let walked = 0;
    for (const [name, state] of other.states()) {
      if (++walked % AT_ONCE === 0) await breath();
      if (ended.signal.aborted) return 0;
      const one = fuller.get(name);
      if (one === undefined) continue;
      const { key, metric } = one;
      if (scorer.lastTime(key, metric) === undefined && scorer.size >= maxSeries) continue;
      const until = other.lastTime(key, metric) ?? Number.NEGATIVE_INFINITY;
      scorer.restore(name, state);
      for (const value of kept.get(name) ?? []) scorer.learn(value, until);
      changed(1);
    }
    for (const again of words) again();
    return values;
  };

  const work = async (): Promise<void> => {
    const waits = backoff(SOON_MS, SELDOM_MS);
    while (!ended.signal.aborted) {
      await sleep(waits.next(), undefined, { ref: false, signal: ended.signal });
      const values = await attempt().catch(() => undefined);
      if (values === undefined || ended.signal.aborted) continue;
      options.learned(values);
      return;
    }
  };
  const end = async (): Promise<void> => {
    isOver = true;
    kept.clear();
    letGo.clear();
    words.length = 0;
    await rm(crashed, { force: true }).catch(() => {});
  };
  const over = work()
    .catch(() => {})
    .then(end);

  return {
    scored({ deviceId: device, timestamp, telemetry, metadata }, key, anomaly) {
      if (isOver) return;
      const time = milliseconds(timestamp);
      const digest = metadata.digest ?? '';
      for (const [metric, value] of Object.entries(telemetry))
        if (typeof value === 'number' && Number.isFinite(value))
          keep({ key, metric, time, value, device, digest, anomaly });
    },
    said(again) {
      if (!isOver && words.length < MOST_WORDS) words.push(again);
    },
    async close() {
      ended.abort();
      // A question that is not answered is not waited for.
      if (!isOver) await Promise.race([over, end()]);
    },
  };
}
