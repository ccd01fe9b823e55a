// History of some metrics of some devices, thinned out in the database: whatever the range, so many points at most.
import type { Query } from '../reading/contracts.ts';

export const aggregates = ['avg', 'min', 'max', 'sum', 'count', 'first', 'last'] as const;
export type Aggregate = (typeof aggregates)[number];

export type HistoryRequest = {
  devices: readonly string[];
  metrics: readonly string[];
  start: Date;
  /** Not included. */
  end: Date;
  /** A width as PostgreSQL writes it; `from`: where the buckets begin. Those of a calendar follow the days of the zone. */
  bucket: { interval: string; from: 'start' | 'midnight' | 'calendar' };
  /** IANA name. */
  zone: string;
  aggregates: readonly Aggregate[];
  /** Buckets without a reading stand in the answer, with null. */
  gaps: boolean;
};

/** One bucket; `time` is its beginning, `count` its readings. Only the aggregates that were asked for are there. */
export type HistoryPoint = { device_id: string; metric: string; time: string } & Partial<
  Record<Aggregate, number | null>
>;

// A metric may stand in a table of its own shape and, from another kind of device, in sensor_readings. These names go
// into the statement's text; what a client sends never does.
const columns: Readonly<Record<string, readonly string[]>> = {
  measurements: ['value_mm'],
  energy_readings: ['total_energy_kwh', 'power_kw', 'voltage', 'current'],
  flow_data: ['flow_rate', 'totalizer', 'temperature'],
};

/**
 * Neither NaN, which PostgreSQL takes for more than Infinity, nor so large that a sum of squares, as avg makes it, overflows:
 * one absurd value would leave its device without a history.
 */
export const summable = (value: string) => `${value} > -1e150 AND ${value} < 1e150`;

const OF_ORG = '($7::text IS NULL OR org_id = $7)';

function sourcesOf(metrics: readonly string[]): string {
  const selects = [
    `SELECT device_id, metric, timestamp AS time, value FROM sensor_readings
     WHERE device_id = ANY ($1) AND metric = ANY ($2) AND timestamp >= $3 AND timestamp < $4 AND ${OF_ORG}`,
  ];
  for (const [table, names] of Object.entries(columns))
    for (const name of names)
      if (metrics.includes(name)) {
        const time = table === 'flow_data' ? 'created_at' : 'timestamp';
        selects.push(`SELECT device_id, '${name}', ${time}, ${name} FROM ${table}
          WHERE device_id = ANY ($1) AND ${time} >= $3 AND ${time} < $4 AND ${OF_ORG}`);
      }
  return selects.join(' UNION ALL ');
}

// Buckets of a calendar are counted by the zone's own clock, as local times, and become instants when they are complete.
const bucketSql: Readonly<Record<HistoryRequest['bucket']['from'], (time: string) => string>> = {
  start: time => `date_bin($5::interval, ${time}, $3::timestamptz)`,
  midnight: time => `date_bin($5::interval, ${time}, date_trunc('day', $3::timestamptz, $6))`,
  calendar: time => `time_bucket($5::interval, ${time} AT TIME ZONE $6)`,
};

/**
 * When a clock in the zone first shows the local time, or goes beyond it: PostgreSQL takes the second of two, and counts on
 * where the clock leaps over it. Clocks are put forward or back by two hours at most, by quarters.
 */
function firstInstant(local: string, zone: string): string {
  const at = `(${local} AT TIME ZONE ${zone})`;
  const twoHours = `interval '2 hours'`;
  return `CASE WHEN ${at} AT TIME ZONE ${zone} = ${local} AND (${at} - ${twoHours}) AT TIME ZONE ${zone} = ${local} - ${twoHours}
    THEN ${at} ELSE (SELECT min(instant) FROM generate_series(${at} - ${twoHours}, ${at}, interval '15 minutes') AS instant
      WHERE instant AT TIME ZONE ${zone} >= ${local}) END`;
}

const aggregateSql: Readonly<Record<Aggregate, string>> = {
  avg: 'avg(value)',
  min: 'min(value)',
  max: 'max(value)',
  sum: 'sum(value)',
  count: 'count(*)',
  // By a pair that is compared by its time first: nothing is sorted or gathered, however many readings there are.
  first: `(min(ARRAY[date_part('epoch', time), value]))[2]`,
  last: `(max(ARRAY[date_part('epoch', time), value]))[2]`,
};

/** The statement and its values; the figure of `npm run bench -- api` explains the same one. */
export function historySql(request: HistoryRequest, org: string | undefined): { sql: string; values: unknown[] } {
  const { devices, metrics, start, end, bucket, zone } = request;
  const wanted = request.aggregates.map(name => `${aggregateSql[name]} AS ${name}`);
  return {
    // $6 is mentioned for every kind of bucket, so that its type is known.
    sql: `SELECT device_id, metric, ${bucket.from === 'calendar' ? firstInstant('bucket', '$6') : 'bucket'} AS time, ${wanted.join(', ')}
     FROM (SELECT *, ${bucketSql[bucket.from]('time')} AS bucket FROM (${sourcesOf(metrics)}) AS readings
       WHERE ${summable('value')} AND $6::text IS NOT NULL) AS readings
     GROUP BY device_id, metric, bucket ORDER BY device_id, metric, bucket`,
    values: [devices, metrics, start, end, bucket.interval, zone, org],
  };
}

/** In order of devices, metrics and times; of one organisation where it is given. */
export async function history(query: Query, request: HistoryRequest, org?: string): Promise<readonly HistoryPoint[]> {
  const { sql, values } = historySql(request, org);
  const rows = await query<HistoryPoint & { time: Date }>(sql, values);
  const points = rows.map(row => ({ ...row, time: row.time.toISOString() }));
  return request.gaps ? withGaps(points, await bucketsOf(query, request), request) : points;
}

/** Beginnings of all buckets of the range. */
async function bucketsOf(query: Query, { start, end, bucket, zone }: HistoryRequest): Promise<readonly string[]> {
  const bucketOf = (time: string) =>
    bucketSql[bucket.from](time).replaceAll('$3', '$1').replaceAll('$5', '$3').replaceAll('$6', '$4');
  const [first, last] = ['$1::timestamptz', `($2::timestamptz - interval '1 microsecond')`].map(bucketOf);
  const begun = bucket.from === 'calendar' ? firstInstant('step', '$4') : 'step';
  // A day that a zone has left out begins with the next one.
  const rows = await query<{ time: Date }>(
    `SELECT DISTINCT ${begun} AS time FROM generate_series(${first}, ${last}, $3::interval) AS step
     WHERE $4::text IS NOT NULL ORDER BY time`,
    [start, end, bucket.interval, zone],
  );
  return rows.map(({ time }) => time.toISOString());
}

/** Every bucket of every device and metric that was asked for. */
function withGaps(
  points: readonly HistoryPoint[],
  times: readonly string[],
  request: HistoryRequest,
): readonly HistoryPoint[] {
  const keyOf = (device: string, metric: string, time: string) => `${time} ${metric} ${device}`;
  const known = new Map(points.map(point => [keyOf(point.device_id, point.metric, point.time), point]));
  const nothing = Object.fromEntries(request.aggregates.map(name => [name, name === 'count' ? 0 : null]));
  return request.devices.flatMap(device_id =>
    request.metrics.flatMap(metric =>
      times.map(time => known.get(keyOf(device_id, metric, time)) ?? { device_id, metric, time, ...nothing }),
    ),
  );
}
