// /api/v1/energy: the newest reading of each meter, and the hours of a range (seed 003).
import { z } from 'zod';
import type { Query } from '../reading/contracts.ts';
import type { Clock } from '../kernel/clock.ts';
import { instant, number } from './answer-schemas.ts';
import { deviceId, time } from './fields.ts';
import { summable } from './history.ts';
import { problem } from './problem.ts';
import { type Route, route } from './route.ts';
import { isoSql } from './times.ts';

const DAY_MS = 86_400_000;
const MAX_DAYS = 400;
/** PostgreSQL knows no year 0. */
const EARLIEST_MS = Date.parse('0001-01-01T00:00:00Z');
const MAX_HOURS = 50_000;

const readingSchema = z.object({
  device_id: z.string(),
  timestamp: instant,
  total_energy_kwh: number,
  power_kw: number,
  voltage: number,
  current: number,
  anomaly_score: number,
});
const hourSchema = z.object({
  hour: instant.describe('Its beginning, UTC.'),
  device_id: z.string(),
  avg_power: number.describe('kW'),
  min_power: number,
  max_power: number,
  energy_kwh: number.describe(
    'What the meter counted up to the last reading of the hour; a meter that starts again counts from 0.',
  ),
  readings: z.number(),
});

// From one meter to the next by the index, instead of reading all rows.
const latestSql = `
  WITH RECURSIVE known (device_id) AS (
    SELECT min(device_id) FROM energy_readings WHERE $1::text IS NULL OR device_id = $1
    UNION ALL
    SELECT (SELECT min(e.device_id) FROM energy_readings e WHERE e.device_id > known.device_id AND ($1::text IS NULL OR e.device_id = $1))
    FROM known WHERE known.device_id IS NOT NULL
  )
  SELECT latest.device_id, ${isoSql('latest.timestamp')} AS timestamp, total_energy_kwh, power_kw, voltage, current, anomaly_score
  FROM known CROSS JOIN LATERAL (
    SELECT e.* FROM energy_readings e
    WHERE e.device_id = known.device_id AND ($2::text IS NULL OR e.org_id = $2)
    ORDER BY e.timestamp DESC LIMIT 1
  ) AS latest
  ORDER BY latest.device_id`;

// An increment belongs to the hour of the later reading, so that the hours add up to the whole.
const hourlySql = `
  WITH readings AS (
    SELECT device_id, timestamp, power_kw, totalizer_increment(
      lag(total) OVER (PARTITION BY device_id, total IS NULL ORDER BY timestamp), total, NULL) AS increment
    FROM (SELECT device_id, timestamp, org_id, CASE WHEN ${summable('power_kw')} THEN power_kw END AS power_kw,
        CASE WHEN ${summable('total_energy_kwh')} THEN total_energy_kwh END AS total FROM energy_readings) AS numbers
    WHERE timestamp >= $1 AND timestamp <= $2
      AND ($3::text IS NULL OR device_id = $3) AND ($4::text IS NULL OR org_id = $4)
  )
  SELECT ${isoSql(`date_trunc('hour', timestamp, 'UTC')`)} AS hour, device_id, avg(power_kw) AS avg_power,
    min(power_kw) AS min_power, max(power_kw) AS max_power, coalesce(sum(increment), 0) AS energy_kwh, count(*) AS readings
  FROM readings GROUP BY date_trunc('hour', timestamp, 'UTC'), device_id
  ORDER BY date_trunc('hour', timestamp, 'UTC'), device_id LIMIT ${MAX_HOURS + 1}`;

export function energyRoutes(query: Query, clock: Clock): readonly Route[] {
  return [
    route({
      path: '/api/v1/energy/latest',
      summary: 'The newest reading of each energy meter.',
      tag: 'readings',
      query: z.object({ device_id: deviceId.optional() }),
      answers: { 200: { says: 'One reading for each meter, in order of their ids.', schema: z.array(readingSchema) } },
      handle: async ({ query: { device_id }, principal }) => ({
        status: 200,
        body: await query(latestSql, [device_id, principal.org]),
      }),
    }),
    route({
      path: '/api/v1/energy/hourly',
      summary: 'Power and energy of each hour and meter.',
      tag: 'readings',
      query: z.object({
        start: time.optional().describe('Left out: 24 hours before the end.'),
        end: time.optional().describe('Included; left out: now.'),
        device_id: deviceId.optional(),
      }),
      answers: { 200: { says: 'The hours that have readings, oldest first.', schema: z.array(hourSchema) } },
      async handle({ query: { start, end = new Date(clock.now()).toISOString(), device_id }, principal }) {
        const from = start ?? new Date(Math.max(EARLIEST_MS, Date.parse(end) - DAY_MS)).toISOString();
        const rangeMs = Date.parse(end) - Date.parse(from);
        if (rangeMs < 0) return problem(400, 'Bad request', 'start: expected a time before end', 'start');
        if (rangeMs > MAX_DAYS * DAY_MS)
          return problem(400, 'Bad request', `start: expected at most ${MAX_DAYS} days before end`, 'start');
        const hours = await query(hourlySql, [from, end, device_id, principal.org]);
        if (hours.length <= MAX_HOURS) return { status: 200, body: hours };
        const says = `start: expected a range of at most ${MAX_HOURS} hours over all meters; shorten it, or name a device_id`;
        return problem(400, 'Bad request', says, 'start');
      },
    }),
  ];
}
