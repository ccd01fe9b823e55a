// Stored: series as they stand in the database, for a trial of settings.
import { carriedUnit } from '../reading/carried-unit.ts';
import type { Query } from '../reading/contracts.ts';
import type { Anomaly, Metadata, Reading } from '../reading/reading.ts';
import type { Point } from './trial.ts';

export type StoredSeries = { readonly device: string; readonly metric: string };
/** `said`: of this very value when it was scored; null where the lowest score of its reading was that of another metric, and where it was not asked for. */
export type StoredPoint = Point & { readonly said: Pick<Anomaly, 'score' | 'band'> | null };
/** `unit`: of a metric outside the vocabulary, where what is stored of its device tells it. */
export type StoredValues = { readonly points: readonly StoredPoint[]; readonly unit?: string | undefined };
/** The newest row tells of the reading that it is of. */
type Row = Omit<StoredPoint, 'time'> & { at: Date; metadata: Metadata | null; telemetry: Reading['telemetry'] | null };

const MOST_SERIES = 2000;
/** Laser measurements among which those of an element are looked for, from the newest on: nothing tells of them in order. */
const MOST_MEASUREMENTS = 100_000;

// These names go into a statement's text; what a client sends never does. Other metrics of a reading are in its metadata.
const TABLES: readonly (readonly [table: string, time: string, columns: readonly string[]])[] = [
  ['energy_readings', 'timestamp', ['total_energy_kwh', 'power_kw', 'voltage', 'current']],
  ['flow_data', 'created_at', ['flow_rate', 'totalizer', 'temperature']],
  ['measurements', 'timestamp', []],
];

// What a laser measurement belongs to, as the scorer of the node sees it.
const measured = `(SELECT coalesce(nullif(element_id, ''), nullif(element_type, ''), device_id) AS element, device_id, timestamp, value_mm, anomaly_score, metadata
  FROM measurements ORDER BY timestamp DESC LIMIT ${MOST_MEASUREMENTS}) AS measured`;

/** Dear where the metadata is long: asked for where it is shown. */
const saidOf = `CASE WHEN metadata #>> '{anomaly,metric}' = $2 AND jsonb_typeof(metadata #> '{anomaly,score}') = 'number'
  THEN jsonb_build_object('score', metadata #> '{anomaly,score}') || CASE jsonb_typeof(metadata #> '{anomaly,band}')
    WHEN 'array' THEN jsonb_build_object('band', metadata #> '{anomaly,band}') ELSE '{}' END END`;

/** Of maintenance, which the node did not judge either; its score is 1. */
const wasGuarded = `(anomaly_score = 1 AND metadata #>> '{anomaly,kind}' = 'guarded')`;

/** What has numbers, by device and metric; laser distances by element. A boolean has one too, of which no score is made. */
export function storedSeries(query: Query): Promise<readonly StoredSeries[]> {
  return query<StoredSeries>(
    `SELECT device_id AS device, metric FROM latest_values WHERE value IS NOT NULL AND value_text IS NULL AND metric <> 'value_mm'
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
): Promise<StoredValues> {
  // No text of the database holds one, so nothing can be stored under such a name.
  if (`${device}${metric}`.includes('\0')) return { points: [] };
  const rows = await query<Row>(
    `SELECT at, value, coalesce(${wasGuarded}, false) AS guarded, CASE WHEN row_number() OVER newest <= $4 THEN ${saidOf} END AS said,
       CASE WHEN row_number() OVER newest = 1 THEN metadata END AS metadata, CASE WHEN row_number() OVER newest = 1 THEN (SELECT
         jsonb_object_agg(metric, coalesce(to_jsonb(value_text), to_jsonb(value))) FROM latest_values WHERE device_id = $1) END AS telemetry
     FROM (${sourcesOf(metric).join(' UNION ALL ')}) AS points
     WHERE value > '-Infinity' AND value < 'Infinity' AND isfinite(at) WINDOW newest AS (ORDER BY at DESC) ORDER BY at DESC LIMIT $3`,
    [device, metric, most, told],
  );
  const points = rows.map(({ at, value, said, guarded }) => ({ time: at.getTime(), value, said, guarded })).reverse();
  const { metadata, telemetry } = rows.find(row => row.telemetry) ?? {};
  return { points, unit: carriedUnit({ telemetry: telemetry ?? {}, metadata: metadata ?? {} }, metric) };
}

/** Where values of a metric may be, of $1 the device (or the element), $2 the metric, $3 the most of them. */
function sourcesOf(metric: string): string[] {
  const sensors = `(SELECT timestamp AS at, value, anomaly_score, metadata FROM sensor_readings
    WHERE device_id = $1 AND metric = $2 AND value_text IS NULL ORDER BY 1 DESC LIMIT $3)`;
  if (metric === 'value_mm')
    return [
      sensors,
      `(SELECT timestamp, value_mm, anomaly_score, metadata FROM ${measured} WHERE $1 IN (element, device_id) ORDER BY 1 DESC LIMIT $3)`,
    ];
  const others = TABLES.map(([table, time, columns]) => {
    const from = `FROM ${table} WHERE device_id = $1 ORDER BY ${time} DESC LIMIT $3`;
    if (columns.includes(metric)) return `(SELECT ${time}, ${metric}, anomaly_score, metadata ${from})`;
    const number = `metadata -> 'telemetry' -> $2::text`;
    return `(SELECT at, CASE jsonb_typeof(${number}) WHEN 'number' THEN (${number})::float8 END, anomaly_score, metadata
      FROM (SELECT ${time} AS at, anomaly_score, metadata ${from}) AS others)`;
  });
  return [sensors, ...others];
}
