// Stored: series as they stand in the database, for a trial of settings.
import type { Query } from '../reading/contracts.ts';
import type { Anomaly } from '../reading/reading.ts';
import type { Point } from './trial.ts';

export type StoredSeries = { readonly device: string; readonly metric: string };
/** `said`: of this very value when it was scored; null where the lowest score of its reading was that of another metric, and where it was not asked for. */
export type StoredPoint = Point & { readonly said: Pick<Anomaly, 'score' | 'band'> | null };

const MOST_SERIES = 2000;
/** Laser measurements among which those of an element are looked for, from the newest on: nothing tells of them in order. */
const MOST_MEASUREMENTS = 100_000;

// These names go into a statement's text; what a client sends never does.
const columns: ReadonlyMap<string, readonly [table: string, time: string]> = new Map([
  ['total_energy_kwh', ['energy_readings', 'timestamp']],
  ['power_kw', ['energy_readings', 'timestamp']],
  ['voltage', ['energy_readings', 'timestamp']],
  ['current', ['energy_readings', 'timestamp']],
  ['flow_rate', ['flow_data', 'created_at']],
  ['totalizer', ['flow_data', 'created_at']],
  ['temperature', ['flow_data', 'created_at']],
]);

// What a laser measurement belongs to, as the scorer of the node sees it.
const measured = `(SELECT coalesce(nullif(element_id, ''), nullif(element_type, ''), device_id) AS element, device_id, timestamp, value_mm, metadata
  FROM measurements ORDER BY timestamp DESC LIMIT ${MOST_MEASUREMENTS}) AS measured`;

/** Dear where the metadata is long: asked for where it is shown. */
const saidOf = `CASE WHEN metadata #>> '{anomaly,metric}' = $2 AND jsonb_typeof(metadata #> '{anomaly,score}') = 'number'
  THEN jsonb_build_object('score', metadata #> '{anomaly,score}') || CASE jsonb_typeof(metadata #> '{anomaly,band}')
    WHEN 'array' THEN jsonb_build_object('band', metadata #> '{anomaly,band}') ELSE '{}' END END`;

/** What has numbers, by device and metric; laser distances by element. */
export function storedSeries(query: Query): Promise<readonly StoredSeries[]> {
  return query<StoredSeries>(
    `SELECT device_id AS device, metric FROM latest_values WHERE value IS NOT NULL AND metric <> 'value_mm'
     UNION SELECT element, 'value_mm' FROM ${measured} ORDER BY 1, 2 LIMIT $1`,
    [MOST_SERIES],
  );
}

/** The last `most` numbers of a metric, oldest first, the newest `told` of them with what was said; of laser distances `device` may be the element. */
export async function storedPoints(
  query: Query,
  { device, metric }: StoredSeries,
  most: number,
  told: number,
): Promise<readonly StoredPoint[]> {
  // No text of the database holds one, so nothing can be stored under such a name.
  if (`${device}${metric}`.includes('\0')) return [];
  const own = columns.get(metric);
  const sources = [
    `(SELECT timestamp AS at, value, metadata FROM sensor_readings WHERE device_id = $1 AND metric = $2 ORDER BY 1 DESC LIMIT $3)`,
  ];
  if (own !== undefined)
    sources.push(
      `(SELECT ${own[1]}, ${metric}, metadata FROM ${own[0]} WHERE device_id = $1 ORDER BY 1 DESC LIMIT $3)`,
    );
  if (metric === 'value_mm')
    sources.push(
      `(SELECT timestamp, value_mm, metadata FROM ${measured} WHERE $1 IN (element, device_id) ORDER BY 1 DESC LIMIT $3)`,
    );
  const rows = await query<{ at: Date } & Omit<StoredPoint, 'time'>>(
    `SELECT at, value, CASE WHEN row_number() OVER (ORDER BY at DESC) <= $4 THEN ${saidOf} END AS said
     FROM (${sources.join(' UNION ALL ')}) AS points
     WHERE value > '-Infinity' AND value < 'Infinity' AND isfinite(at) ORDER BY at DESC LIMIT $3`,
    [device, metric, most, told],
  );
  return rows.map(({ at, value, said }) => ({ time: at.getTime(), value, said })).reverse();
}
