// History of one metric of one device, thinned out in the database: whatever the range, so many points at most.
import type { Query } from '../reading/contracts.ts';

export type HistoryRequest = {
  device: string;
  metric: string;
  start: Date;
  /** Not included. */
  end: Date;
  /** Most buckets wanted. */
  points: number;
};

/** One bucket; `time` is its beginning, `count` its readings. Empty buckets are left out. */
export type HistoryPoint = { time: string; avg: number; min: number; max: number; count: number };

// A metric may stand in a table of its own shape and, from another kind of device, in sensor_readings. These names go
// into the statement's text; what a client sends never does.
const columns: Readonly<Record<string, readonly string[]>> = {
  measurements: ['value_mm'],
  energy_readings: ['total_energy_kwh', 'power_kw', 'voltage', 'current'],
  flow_data: ['flow_rate', 'totalizer', 'temperature'],
};

function sourcesOf(metric: string): string {
  const selects = [
    `SELECT timestamp AS time, value FROM sensor_readings
     WHERE device_id = $1 AND metric = $2 AND timestamp >= $3 AND timestamp < $4`,
  ];
  for (const [table, names] of Object.entries(columns))
    for (const name of names)
      if (name === metric) {
        const time = table === 'flow_data' ? 'created_at' : 'timestamp';
        selects.push(`SELECT ${time}, ${name} FROM ${table} WHERE device_id = $1 AND ${time} >= $3 AND ${time} < $4`);
      }
  return selects.join(' UNION ALL ');
}

export async function history(query: Query, request: HistoryRequest): Promise<readonly HistoryPoint[]> {
  const { device, metric, start, end, points } = request;
  const bucketMs = Math.max(1, Math.ceil((end.getTime() - start.getTime()) / points));
  const rows = await query<Omit<HistoryPoint, 'time'> & { time: Date }>(
    // NaN is above Infinity for PostgreSQL, so that this leaves finite values only.
    `SELECT date_bin($5::float8 * interval '1 millisecond', time, $3) AS time, avg(value), min(value), max(value),
       count(*) AS count
     FROM (${sourcesOf(metric)}) AS readings
     WHERE value > '-Infinity' AND value < 'Infinity'
     GROUP BY 1 ORDER BY 1`,
    [device, metric, start, end, bucketMs],
  );
  return rows.map(({ time, avg, min, max, count }) => ({
    time: time.toISOString(),
    avg,
    min,
    max,
    count: Number(count),
  }));
}
