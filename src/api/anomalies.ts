// The latest anomalous readings of all tables, newest first.
import type { Query } from '../reading/contracts.ts';
import type { Metadata, Reading } from '../reading/reading.ts';

/**
 * `metric`, `kind`, `severity`, `expected` and `why` (a sentence) as the anomaly node explained them, where it did; `also`: other metrics
 * of the reading that it reported. `reading`: as much of it as that node needs to hear that it was normal; its series is found by these.
 */
export type AnomalyRow = {
  time: string;
  device_id: string;
  name: string;
  table: string;
  metric: string;
  value: number | null;
  anomaly_score: number;
  kind: string | null;
  severity: string | null;
  expected: number | null;
  why: string | null;
  also: readonly string[];
  reading: Omit<Reading, 'protocol'>;
};
type Stored = Omit<AnomalyRow, 'time' | 'also' | 'reading'> & { time: Date; metadata: Metadata };

// In the tables with a column for each metric, the explanation says which one is meant.
const named = (fallback: string) => `coalesce(metadata #>> '{anomaly,metric}', '${fallback}')`;
const numberIn = (json: string) => `CASE WHEN jsonb_typeof(${json}) = 'number' THEN (${json})::float8 END`;
const columnNamed = (table: string, fallback: string) =>
  numberIn(`coalesce(to_jsonb(${table}) -> ${named(fallback)}, metadata -> 'telemetry' -> ${named(fallback)})`);

/** In sensor_readings every metric of a reading has a row with its score: true for the one that caused it, which stands for all. */
export const onceSql = `${named('')} IN ('', metric)`;

function selectFrom(table: string, time: string, metric: string, value: string, condition = ''): string {
  const element = table === 'measurements' ? `, 'elementId', element_id, 'elementType', element_type` : '';
  return `(SELECT ${time} AS time, device_id, '${table}' AS table, ${metric} AS metric, ${value} AS value, anomaly_score,
      metadata #>> '{anomaly,kind}' AS kind, metadata #>> '{anomaly,severity}' AS severity,
      ${numberIn(`metadata #> '{anomaly,expected}'`)} AS expected,
      metadata #>> '{anomaly,why}' AS why, jsonb_strip_nulls(jsonb_build_object('anomaly', metadata -> 'anomaly'${element})) AS metadata
    FROM ${table} WHERE anomaly_score < 0 AND ${time} > now() - interval '30 days' ${condition}
    ORDER BY ${time} DESC LIMIT $1)`;
}

const anomaliesSql = `
  SELECT anomalies.*, coalesce(devices.name, device_id) AS name FROM (${[
    selectFrom('measurements', 'timestamp', `'value_mm'`, 'value_mm'),
    selectFrom('energy_readings', 'timestamp', named('power_kw'), columnNamed('energy_readings', 'power_kw')),
    selectFrom('flow_data', 'created_at', named('flow_rate'), columnNamed('flow_data', 'flow_rate')),
    selectFrom('sensor_readings', 'timestamp', 'metric', 'value', `AND ${onceSql}`),
  ].join(' UNION ALL ')}) AS anomalies LEFT JOIN devices USING (device_id)
  ORDER BY time DESC LIMIT $1`;

export async function latestAnomalies(query: Query, limit: number): Promise<readonly AnomalyRow[]> {
  const rows = await query<Stored>(anomaliesSql, [limit]);
  return rows.map(({ metadata, ...row }) => {
    const [time, telemetry] = [row.time.toISOString(), row.value === null ? {} : { [row.metric]: row.value }];
    return {
      ...row,
      time,
      also: othersOf(metadata),
      reading: { deviceId: row.device_id, timestamp: time, telemetry, metadata },
    };
  });
}

/** Another writer's metadata may say anything. */
function othersOf(metadata: Metadata): readonly string[] {
  const also: readonly unknown[] = Array.isArray(metadata.anomaly?.also) ? metadata.anomaly.also : [];
  return also
    .map(one => (one as { metric?: unknown } | null)?.metric)
    .filter((metric): metric is string => typeof metric === 'string');
}
