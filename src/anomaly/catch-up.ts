// Catch up: after a crash the series learn what was stored since they were last saved.
import type { Query } from '../reading/contracts.ts';

export type StoredValue = {
  readonly device: string;
  readonly metric: string;
  readonly time: number;
  readonly value: number;
};

/** Of more values only the newest are learned; what is between is a pause of the series. */
const MOST = 100_000;
/** Devices' clocks and the database's may differ by so much. */
const MARGIN_MS = 60_000;

const energy = ['total_energy_kwh', 'power_kw', 'voltage', 'current'];
const flow = ['flow_rate', 'totalizer', 'temperature'];
const selects = [
  'SELECT device_id, metric, timestamp AS at, value FROM sensor_readings WHERE timestamp >= $1',
  ...energy.map(name => `SELECT device_id, '${name}', timestamp, ${name} FROM energy_readings WHERE timestamp >= $1`),
  ...flow.map(name => `SELECT device_id, '${name}', created_at, ${name} FROM flow_data WHERE created_at >= $1`),
];
const sql = `SELECT device_id AS device, metric, at, value FROM (${selects.join(' UNION ALL ')}) AS stored
  WHERE value > '-Infinity' AND value < 'Infinity' AND isfinite(at) ORDER BY at DESC LIMIT ${MOST}`;

/**
 * Hands the values that are stored since `savedAt` to `learn`, oldest first, which refuses what a series knows already;
 * answers how many were learned. Laser distances are not among them: they have no rhythm to be told apart by.
 */
export async function catchUp(query: Query, savedAt: Date, learn: (stored: StoredValue) => boolean): Promise<number> {
  const since = new Date(savedAt.getTime() - MARGIN_MS);
  const rows = await query<{ device: string; metric: string; at: Date; value: number }>(sql, [since]);
  let learned = 0;
  for (const { device, metric, at, value } of [...rows].reverse())
    if (learn({ device, metric, time: at.getTime(), value })) learned++;
  return learned;
}
