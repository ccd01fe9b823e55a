// Catch up: after a crash the series learn what was stored since they were last saved, by the devices' own times.
import { setImmediate as breath } from 'node:timers/promises';
import type { Query } from '../reading/contracts.ts';
import type { Reading } from '../reading/reading.ts';
import { wanted } from './wanted.ts';

/** A value as it was stored: by the key of its series, its time in ms, of which reading it is and what was said of that. */
export type StoredValue = {
  readonly key: string;
  readonly metric: string;
  readonly time: number;
  readonly value: number;
  readonly device: string;
  readonly digest: string;
  /** As another writer may have left it. */
  readonly anomaly: unknown;
};

/** The series that learn. */
export type Learners = {
  /** Time (ms) of the last value that a series has seen; undefined of one that is not known, or has no times. */
  lastTime(key: string, metric: string): number | undefined;
  /** The pause (ms) between two of its values as a rule; undefined where that is not known. */
  usualPause(key: string, metric: string): number | undefined;
  /** `seen`: until when (ms) its series knew what was stored, which it refuses. */
  learn(stored: StoredValue, seen: number): boolean;
};

/** As much of a reading as its rows tell: what of its metadata stands with the device, or only mattered on the way, is not in them. */
export type StoredReading = Pick<Reading, 'deviceId' | 'telemetry' | 'metadata'> & { at: Date; digest: string };

/** Which series the values of a reading are of. */
export type Keys = {
  of(reading: StoredReading): string;
  /** The key of each value of this metric is its device: what its series knows need not be read again. */
  areDevices(metric: string): boolean;
};

/** Series that are asked for at most: those that came last. */
const MOST_SERIES = 10_000;
// Between so many readings others get their turn.
const AT_ONCE = 200;

/** Tables with a column for each of these metrics, all others of a reading are in its metadata, and for these keys of that. */
const TABLES = [
  { table: 'energy_readings', time: 'timestamp', metrics: 'total_energy_kwh power_kw voltage current', keys: '' },
  { table: 'flow_data', time: 'created_at', metrics: 'flow_rate totalizer temperature', keys: '' },
  {
    table: 'measurements',
    time: 'timestamp',
    metrics: 'value_mm',
    keys: ", 'elementId', element_id, 'elementType', element_type, 'sessionId', session_id, 'source', source",
  },
] as const;

/** By device and time, which is how the tables are indexed: however much is stored, little is read. */
function sqlOf(): string {
  const newest = (from: string, time: string, telemetry: string, keys: string, most: string) =>
    `(SELECT ${time} AS at, replace(digest::text, '-', '') AS digest, jsonb_strip_nulls(${telemetry}) AS telemetry,
        coalesce(metadata, '{}') - 'telemetry' || jsonb_strip_nulls(jsonb_build_object('orgId', org_id${keys})) AS metadata
      FROM ${from} AND ${time} > wanted.since ORDER BY ${time} DESC LIMIT ${most})`;
  // A boolean has a number too, of which no score was made.
  const sensors = newest(
    'sensor_readings WHERE device_id = wanted.device AND metric = wanted.metric AND value_text IS NULL',
    'timestamp',
    'jsonb_build_object(metric, value)',
    ", 'scannerId', scanner_id",
    '$4',
  );
  const others = TABLES.map(({ table, time, metrics, keys }) => {
    const columns = metrics.split(' ').map(name => `'${name}', ${name}`);
    const more = `CASE jsonb_typeof(metadata -> 'telemetry') WHEN 'object' THEN metadata -> 'telemetry' ELSE '{}' END`;
    return newest(
      `${table} WHERE device_id = wanted.device`,
      time,
      `jsonb_build_object(${columns}) || ${more}`,
      keys,
      '$5',
    );
  });
  return `WITH series AS (SELECT unnest($1::text[]) AS device, unnest($2::text[]) AS metric, unnest($3::timestamptz[]) AS since)
    SELECT device AS "deviceId", stored.* FROM series AS wanted CROSS JOIN LATERAL ${sensors} AS stored WHERE isfinite(at)
    UNION ALL
    SELECT device, stored.* FROM (SELECT device, min(since) AS since FROM series GROUP BY device) AS wanted
      CROSS JOIN LATERAL (${others.join(' UNION ALL ')}) AS stored WHERE isfinite(at)
    ORDER BY at`;
}

const LATEST = `SELECT device_id AS device, metric, timestamp AS newest FROM latest_values
  WHERE value IS NOT NULL AND isfinite(timestamp) ORDER BY timestamp DESC LIMIT ${MOST_SERIES}`;

/**
 * Hands the newest values that are stored to `learn`, oldest first, which refuses what a series knows already; answers how
 * many were learned.
 */
export async function catchUp(query: Query, keys: Keys, { lastTime, usualPause, learn }: Learners): Promise<number> {
  const latest = await query<{ device: string; metric: string; newest: Date }>(LATEST);
  const asked = latest.map(({ device, metric, newest }) => {
    const isKnown = keys.areDevices(metric);
    const last = isKnown ? lastTime(device, metric) : undefined;
    const usual = isKnown ? usualPause(device, metric) : undefined;
    return { device, metric, newest: newest.getTime(), last, usual };
  });
  let readings: StoredReading[] = [];
  for (const { devices, metrics, since, most } of wanted(asked))
    readings = readings.concat(await query<StoredReading>(sqlOf(), [devices, metrics, since, ...most]));
  readings.sort((one, other) => one.at.getTime() - other.at.getTime());
  // What a series knew before: two devices may have measured the same at the same time.
  const seen = new Map<string, number>();
  let learned = 0;
  for (const [place, reading] of readings.entries()) {
    if (place % AT_ONCE === 0) await breath();
    const { at, deviceId: device, digest, metadata } = reading;
    const key = keys.of(reading);
    for (const [metric, value] of Object.entries(reading.telemetry)) {
      if (typeof value !== 'number') continue;
      const name = JSON.stringify([key, metric]);
      const until = seen.get(name) ?? lastTime(key, metric) ?? Number.NEGATIVE_INFINITY;
      seen.set(name, until);
      const stored = { key, metric, value, time: at.getTime(), device, digest, anomaly: metadata.anomaly };
      if (learn(stored, until)) learned++;
    }
  }
  return learned;
}
