// One fault of the durability table: load beside it, and exactly what of the load is in the tables afterwards.
import { writeFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { draws } from '../anomaly/random.ts';
import { startLoad } from '../load.ts';
import { load as loadAverage, usageOf } from '../machine.ts';
import { DEVICES, type Range } from '../message.ts';
import type { Count, Rows } from '../rows.ts';
import type { Fault } from './faults.ts';
import type { Scene } from './scene.ts';

export type Measure = { seed: number; rate: number; short: boolean };

/** `lost` and `duplicates` are of the readings, `archive` of the raw messages; `staleDevices` show another than their last value. */
export type Outcome = {
  fault: string;
  times: number;
  published: number;
  unacknowledged: number;
  committed: number;
  lost: number;
  duplicates: number;
  foreign: number;
  archive: { lost: number; duplicates: number };
  staleDevices: number;
  /** Longest time without a commit of the load, where the database notes the time of commits. */
  longestPauseMs: number | undefined;
  /** Of the gateway process, over all of its lives. */
  memoryPeakMb: number;
  seconds: number;
  load: number;
  /** Numbers of the first messages that are missing. */
  firstLost: readonly string[];
};

/** Without a further row. A machine that is too small for the load takes its time, and has lost nothing by that. */
const SETTLE_MS = 90_000;
const SAMPLE_MS = 100;
/** Whatever hangs, the table ends; a machine that is only slow gets there. */
const LIMIT_MS = 15 * 60_000;
const LIMIT_OF_ONE_MS = 60_000;

/** Highest resident memory of the gateway from now on, over its restarts. */
function watchMemory(pidNow: () => number): { stop(): number } {
  let peak = 0;
  try {
    // proc(5): the peak is counted from here.
    writeFileSync(`/proc/${pidNow()}/clear_refs`, '5');
  } catch {
    // Then it is that of its whole life.
  }
  const sample = () => {
    try {
      peak = Math.max(peak, usageOf(pidNow()).peakMb || 0);
    } catch {
      // It is down just now.
    }
  };
  const sampling = setInterval(sample, SAMPLE_MS);
  return {
    stop() {
      sample();
      clearInterval(sampling);
      return peak;
    },
  };
}

async function longestPause(rows: Rows, prefixes: readonly string[]): Promise<number> {
  const [found] = await rows.query<{ ms: number }>(
    `SELECT 1000 * extract(epoch FROM max(pause))::float8 AS ms FROM (
       SELECT at - lag(at) OVER (ORDER BY at) AS pause FROM (
         SELECT DISTINCT pg_xact_commit_timestamp(xmin) AS at FROM energy_readings
         WHERE device_id LIKE ANY (SELECT p || '-%' FROM unnest($1::text[]) AS p)) AS commits) AS pauses`,
    [prefixes],
  );
  return found!.ms;
}

/** Resolves when nothing is missing any more, or nothing more has come for a while. */
async function whole(counted: () => Promise<Count>): Promise<Count> {
  let count = await counted();
  let grownAt = performance.now();
  while (count.lost > 0 && performance.now() < grownAt + SETTLE_MS) {
    await wait(500);
    const { lost } = count;
    count = await counted();
    if (count.lost < lost) grownAt = performance.now();
  }
  return count;
}

async function readingsOf(rows: Rows, range: Range): Promise<Count> {
  const count = await rows.settled(range, SETTLE_MS);
  return count.lost === 0 ? count : whole(() => rows.count(range));
}

async function staleDevices(rows: Rows, { prefix, next }: Range): Promise<number> {
  const [found] = await rows.query<{ fresh: number }>(
    `SELECT count(*)::int AS fresh FROM latest_values
     WHERE metric = 'total_energy_kwh' AND device_id LIKE $1 || '-%' AND value >= $2`,
    [prefix, next - DEVICES],
  );
  return DEVICES - found!.fresh;
}

/** Rejects with what did not end. */
export async function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: did not end within ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Half of the messages say their time, the others are known by their receipts alone, where that can be. Rejects when the fault cannot be brought about. */
export async function measure(fault: Fault, scene: Scene, { seed, rate, short }: Measure): Promise<Outcome> {
  const { gateway, rows, postgres } = scene;
  const times = short ? fault.times.short : fault.times.full;
  const began = performance.now();
  const memory = watchMemory(() => gateway.pid);
  const publishing = [true, fault.timedOnly === true].map((timed, at) =>
    startLoad({
      ...{ url: gateway.mqtt, rate: rate / 2, timed, window: 1000, connections: 1 },
      range: { prefix: `${fault.name}-${seed}${'ab'[at]}` },
    }),
  );
  const underLoad = async () => {
    await Promise.all(publishing.map(load => load.acknowledged(rate / 2)));
    await fault.inject(scene, draws(seed), times, short);
    // It has not only survived, it works.
    await Promise.all(publishing.map(load => load.acknowledged(load.progress.acknowledged + rate / 2)));
  };
  try {
    await within(LIMIT_MS + times * LIMIT_OF_ONE_MS, fault.name, underLoad());
  } catch (error) {
    await Promise.all(publishing.map(load => load.finish(0)));
    memory.stop();
    throw error;
  }
  const published = await Promise.all(publishing.map(load => load.finish(SETTLE_MS)));
  const ranges = published.map(progress => progress.range);
  const readings = [];
  for (const range of ranges) readings.push(await readingsOf(rows, range));
  // The archive has an outbox of its own, which may be emptied later than that of the readings.
  const archived = [];
  for (const range of ranges) archived.push(await whole(() => rows.archived(range)));
  const stale = fault.clockMoves ? [] : await Promise.all(ranges.map(range => staleDevices(rows, range)));
  const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
  return {
    fault: fault.name,
    times,
    published: sum(ranges.map(({ first, next }) => next - first)),
    unacknowledged: sum(published.map(({ unacknowledged }) => unacknowledged.length)),
    committed: sum(readings.map(({ stored }) => stored)),
    lost: sum(readings.map(({ lost }) => lost)),
    duplicates: sum(readings.map(({ duplicates }) => duplicates)),
    foreign: sum(readings.map(({ foreign }) => foreign)),
    archive: {
      lost: sum(archived.map(({ lost }) => lost)),
      duplicates: sum(archived.map(({ duplicates }) => duplicates)),
    },
    staleDevices: sum(stale),
    longestPauseMs:
      postgres === undefined
        ? undefined
        : Math.round(
            await longestPause(
              rows,
              ranges.map(({ prefix }) => prefix),
            ),
          ),
    memoryPeakMb: Math.round(memory.stop()),
    seconds: Math.round((performance.now() - began) / 1000),
    load: Number(loadAverage().toFixed(1)),
    firstLost: readings.flatMap(({ firstLost }, at) => firstLost.map(number => `${ranges[at]!.prefix} ${number}`)),
  };
}

/** Nothing lost, nothing twice, nothing foreign, everything acknowledged. */
export function isExact(outcome: Outcome): boolean {
  const { unacknowledged, lost, duplicates, foreign, archive, staleDevices } = outcome;
  return [unacknowledged, lost, duplicates, foreign, archive.lost, archive.duplicates, staleDevices].every(
    number => number === 0,
  );
}
