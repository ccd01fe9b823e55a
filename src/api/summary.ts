// The figures on the front of the dashboard.
import type { Clock } from '../kernel/clock.ts';
import { allMetrics } from '../kernel/metrics.ts';
import type { Query } from '../reading/contracts.ts';
import { onceSql } from './anomalies.ts';
import { sparing } from './cache.ts';
import { onlineSql } from './devices.ts';

export type Summary = {
  devices: number;
  online: number;
  /** Rows of the last minute over all time series, by their own time. */
  rows_last_minute: number;
  /** Readings of the last 24 hours that were scored below zero. */
  anomalies_24h: number;
};

const series = [
  ['measurements', 'timestamp'],
  ['sensor_readings', 'timestamp'],
  ['energy_readings', 'timestamp'],
  ['flow_data', 'created_at'],
] as const;

// Counting stops here: a card that says 100000 needs no exact figure, and the database no more work.
const MAX_COUNT = 100_000;

function counted(interval: string, condition: (table: string) => string): string {
  const selects = series.map(
    ([table, time]) => `(SELECT count(*) FROM (SELECT 1 FROM ${table} WHERE ${condition(table)}
      AND ${time} > now() - interval '${interval}' AND ${time} <= now() LIMIT ${MAX_COUNT}) AS capped)`,
  );
  return selects.join(' + ');
}

const anomalous = (table: string) =>
  table === 'sensor_readings' ? `anomaly_score < 0 AND ${onceSql}` : 'anomaly_score < 0';

const devicesSql = `
  SELECT (SELECT count(*) FROM devices) AS devices,
    (SELECT count(*) FROM devices AS d WHERE ${onlineSql}) AS online`;
const rowsSql = `
  SELECT ${counted('1 minute', () => 'true')} AS rows_last_minute,
    ${counted('24 hours', anomalous)} AS anomalies_24h`;

/** Gives the figures of now. What has to be counted row by row may be some seconds old where there are many: at most 30. */
export function summarizer(query: Query, clock: Clock): () => Promise<Summary> {
  const figures = async <Name extends keyof Summary>(sql: string, ...names: Name[]) => {
    const [row] = await query<Record<Name, unknown>>(sql);
    return Object.fromEntries(names.map(name => [name, Number(row?.[name] ?? 0)])) as Record<Name, number>;
  };
  const rows = sparing(() => figures(rowsSql, 'rows_last_minute', 'anomalies_24h'), clock);
  return async () => {
    const [devices, counts] = await Promise.all([figures(devicesSql, 'devices', 'online'), rows()]);
    return { ...devices, ...counts };
  };
}

/** Readings that the sinks of this process have stored so far. */
export function storedReadings(): number {
  return allMetrics().reduce((sum, { name, value }) => (name === 'fieldline_stored_total' ? sum + value : sum), 0);
}

/** Rate of a counter between two looks at it; 0 at the first. */
export function rateMeter(clock: Clock): (total: number) => number {
  let last: { total: number; at: number } | undefined;
  return total => {
    const at = clock.steady();
    const seconds = last === undefined ? 0 : (at - last.at) / 1000;
    // A counter that starts again with a new process has counted up from 0.
    const rise = last === undefined ? 0 : total >= last.total ? total - last.total : total;
    last = { total, at };
    return seconds > 0 ? rise / seconds : 0;
  };
}
