// Catch up: after a crash the series learn what was stored since they were last saved, by the devices' own times.
import type { Query } from '../reading/contracts.ts';

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

/** The series that learn: `lastTime` (ms) of what one has seen, undefined of one that is not known. */
export type Learners = {
  lastTime(key: string, metric: string): number | undefined;
  learn(stored: StoredValue): boolean;
};

/** The values of a reading, by metric, as the database gives them. */
export type StoredReading = Pick<StoredValue, 'key' | 'device' | 'digest' | 'anomaly'> & {
  at: Date;
  telemetry: Record<string, unknown>;
};

/** Of more only the newest of each series are learned; what is between is a pause of it. */
const MOST = 10_000;
const LEAST_OF_ONE = 10;
/** A message that was not acknowledged comes again, and is to be told what is stored: so much before the end is read, too. */
const AGAIN_MS = 60_000;

/** Tables with a column for each of these metrics; all others of a reading are in its metadata. */
const TABLES = [
  { table: 'energy_readings', time: 'timestamp', metrics: ['total_energy_kwh', 'power_kw', 'voltage', 'current'] },
  { table: 'flow_data', time: 'created_at', metrics: ['flow_rate', 'totalizer', 'temperature'] },
  { table: 'measurements', time: 'timestamp', metrics: ['value_mm'] },
] as const;

/** By device and time, which is how the tables are indexed: however much is stored, little is read. */
function sqlWith(keyOfDistance: string): string {
  const newest = (from: string, time: string, key: string, telemetry: string, most: string) =>
    `(SELECT ${key} AS key, ${time} AS at, replace(digest::text, '-', '') AS digest, metadata -> 'anomaly' AS anomaly, ${telemetry} AS telemetry
      FROM ${from} AND ${time} > wanted.since ORDER BY ${time} DESC LIMIT ${most})`;
  // A boolean has a number too, of which no score was made.
  const sensors = newest(
    'sensor_readings WHERE device_id = wanted.device AND metric = wanted.metric AND value_text IS NULL',
    ...(['timestamp', 'device_id', 'jsonb_build_object(metric, value)', '$4'] as const),
  );
  const others = TABLES.map(({ table, time, metrics }) => {
    const columns = metrics.map(name => `'${name}', ${name}`).join(', ');
    const more = `CASE jsonb_typeof(metadata -> 'telemetry') WHEN 'object' THEN metadata -> 'telemetry' ELSE '{}' END`;
    const key = table === 'measurements' ? keyOfDistance : 'device_id';
    return newest(
      `${table} WHERE device_id = wanted.device`,
      time,
      key,
      `jsonb_build_object(${columns}) || ${more}`,
      '$5',
    );
  });
  return `WITH series AS (SELECT unnest($1::text[]) AS device, unnest($2::text[]) AS metric, unnest($3::timestamptz[]) AS since)
    SELECT device, stored.* FROM series AS wanted CROSS JOIN LATERAL ${sensors} AS stored WHERE isfinite(at)
    UNION ALL
    SELECT device, stored.* FROM (SELECT device, min(since) AS since FROM series GROUP BY device) AS wanted
      CROSS JOIN LATERAL (${others.join(' UNION ALL ')}) AS stored WHERE isfinite(at)
    ORDER BY at`;
}

/** What a laser distance is a value of, as the scorer sees it: what was measured, or the meter. */
const SQL = { element: sqlWith('coalesce(element_id, element_type, device_id)'), device: sqlWith('device_id') };

const LATEST = `SELECT device_id AS device, metric FROM latest_values
  WHERE value IS NOT NULL ORDER BY timestamp DESC LIMIT ${MOST}`;

/**
 * Hands the newest values that are stored to `learn`, oldest first, which refuses what a series knows already; answers how
 * many were learned.
 */
export async function catchUp(
  query: Query,
  distancesBy: keyof typeof SQL,
  { lastTime, learn }: Learners,
): Promise<number> {
  const series = await query<{ device: string; metric: string }>(LATEST);
  const devices = series.map(({ device }) => device);
  const since = series.map(({ device, metric }) => {
    const last = lastTime(device, metric);
    return last === undefined ? '-infinity' : new Date(last - AGAIN_MS).toISOString();
  });
  const each = (count: number) => Math.max(LEAST_OF_ONE, Math.ceil(MOST / Math.max(1, count)));
  const most = [each(series.length), each(new Set(devices).size)];
  const readings = await query<StoredReading>(SQL[distancesBy], [
    devices,
    series.map(({ metric }) => metric),
    since,
    ...most,
  ]);
  let learned = 0;
  for (const { at, telemetry, ...stored } of readings)
    for (const [metric, value] of Object.entries(telemetry))
      if (typeof value === 'number' && learn({ ...stored, metric, value, time: at.getTime() })) learned++;
  return learned;
}
