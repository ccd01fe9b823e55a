// Stored: series as they stand in the database, for a trial of settings.
import type { Query } from '../reading/contracts.ts';
import type { Point } from './trial.ts';

export type StoredSeries = { readonly device: string; readonly metric: string };

const MOST_SERIES = 2000;
/** Laser measurements among which those of an element are looked for, from the newest on: nothing tells of them in order. */
const MOST_MEASUREMENTS = 100_000;

// These names go into a statement's text; what a client sends never does.
const columns: Readonly<Record<string, readonly [table: string, time: string]>> = {
  total_energy_kwh: ['energy_readings', 'timestamp'],
  power_kw: ['energy_readings', 'timestamp'],
  voltage: ['energy_readings', 'timestamp'],
  current: ['energy_readings', 'timestamp'],
  flow_rate: ['flow_data', 'created_at'],
  totalizer: ['flow_data', 'created_at'],
  temperature: ['flow_data', 'created_at'],
};

// What a laser measurement belongs to, as the scorer of the node sees it.
const measured = `(SELECT coalesce(element_id, element_type, device_id) AS element, device_id, timestamp, value_mm
  FROM measurements ORDER BY timestamp DESC LIMIT ${MOST_MEASUREMENTS}) AS measured`;

/** What has numbers, by device and metric; laser distances by element. */
export function storedSeries(query: Query): Promise<readonly StoredSeries[]> {
  return query<StoredSeries>(
    `SELECT device_id AS device, metric FROM latest_values WHERE value IS NOT NULL AND metric <> 'value_mm'
     UNION SELECT element, 'value_mm' FROM ${measured} ORDER BY 1, 2 LIMIT $1`,
    [MOST_SERIES],
  );
}

/** The last `most` numbers of a metric, oldest first; of laser distances `device` may be the element. */
export async function storedPoints(
  query: Query,
  { device, metric }: StoredSeries,
  most: number,
): Promise<readonly Point[]> {
  const own = columns[metric];
  const sources = [
    '(SELECT timestamp AS at, value FROM sensor_readings WHERE device_id = $1 AND metric = $2 ORDER BY 1 DESC LIMIT $3)',
  ];
  if (own !== undefined)
    sources.push(`(SELECT ${own[1]}, ${metric} FROM ${own[0]} WHERE device_id = $1 ORDER BY 1 DESC LIMIT $3)`);
  if (metric === 'value_mm')
    sources.push(
      `(SELECT timestamp, value_mm FROM ${measured} WHERE $1 IN (element, device_id) ORDER BY 1 DESC LIMIT $3)`,
    );
  const rows = await query<{ at: Date; value: number }>(
    `SELECT at, value FROM (${sources.join(' UNION ALL ')}) AS points
     WHERE value > '-Infinity' AND value < 'Infinity' AND isfinite(at) ORDER BY at DESC LIMIT $3`,
    [device, metric, most],
  );
  return rows.map(({ at, value }) => ({ time: at.getTime(), value })).reverse();
}
