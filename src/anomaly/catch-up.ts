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

/** Of more values only the newest are learned; what is between is a pause of the series. */
const MOST = 100_000;
/** Tables with a column for each of these metrics; all others of a reading are in its metadata. */
const TABLES = [
  { table: 'energy_readings', time: 'timestamp', metrics: ['total_energy_kwh', 'power_kw', 'voltage', 'current'] },
  { table: 'flow_data', time: 'created_at', metrics: ['flow_rate', 'totalizer', 'temperature'] },
  { table: 'measurements', time: 'timestamp', metrics: ['value_mm'] },
] as const;

function sqlWith(keyOfDistance: string): string {
  const newest = (table: string, time: string, columns: string, condition = '') =>
    `(SELECT ${columns}, device_id AS device, replace(digest::text, '-', '') AS digest, metadata -> 'anomaly' AS anomaly FROM ${table} ${condition} ORDER BY ${time} DESC LIMIT ${MOST})`;
  // A boolean has a number too, of which no score was made.
  const selects = [
    newest(
      'sensor_readings',
      'timestamp',
      'device_id AS key, metric, timestamp AS at, value',
      'WHERE value_text IS NULL',
    ),
  ];
  const others = `, jsonb_each(CASE jsonb_typeof(metadata -> 'telemetry') WHEN 'object' THEN metadata -> 'telemetry' END) AS other`;
  const number = `CASE jsonb_typeof(other.value) WHEN 'number' THEN (other.value)::float8 END`;
  for (const { table, time, metrics } of TABLES) {
    const key = table === 'measurements' ? keyOfDistance : 'device_id';
    for (const name of metrics) selects.push(newest(table, time, `${key}, '${name}', ${time}, ${name}`));
    selects.push(newest(table, time, `${key}, other.key, ${time}, ${number}`, others));
  }
  return `SELECT * FROM (${selects.join(' UNION ALL ')}) AS stored
    WHERE value > '-Infinity' AND value < 'Infinity' AND isfinite(at) ORDER BY at DESC LIMIT ${MOST}`;
}

/** What a laser distance is a value of, as the scorer sees it: what was measured, or the meter. */
const SQL = { element: sqlWith('coalesce(element_id, element_type, device_id)'), device: sqlWith('device_id') };

/**
 * Hands the newest values that are stored to `learn`, oldest first, which refuses what a series knows already; answers how
 * many were learned.
 */
export async function catchUp(
  query: Query,
  distancesBy: keyof typeof SQL,
  learn: (stored: StoredValue) => boolean,
): Promise<number> {
  const rows = await query<Omit<StoredValue, 'time'> & { at: Date }>(SQL[distancesBy], []);
  let learned = 0;
  for (const { at, ...stored } of [...rows].reverse()) if (learn({ ...stored, time: at.getTime() })) learned++;
  return learned;
}
