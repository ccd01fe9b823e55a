// The newest row of each thing as the database knows it, so that snapshots are there right after a start.
import { setTimeout as wait } from 'node:timers/promises';
import type { Query } from '../reading/contracts.ts';
import { isTable } from './columns.ts';
import type { Row } from './publication.ts';
import { type DatabaseRecord, rowOfRecord } from './record.ts';

/** Of measured tables the rows that the latest values came from: found by device and time, in one partition each. */
const measured = (table: string, time: string, metrics: string): string =>
  `SELECT '${table}' AS table_name, to_jsonb(r) AS record FROM
     (SELECT * FROM latest_values WHERE ${metrics} ORDER BY timestamp DESC LIMIT $1) AS l
     CROSS JOIN LATERAL (SELECT * FROM ${table} AS t WHERE t.device_id = l.device_id AND t.${time} = l.timestamp
       ${table === 'sensor_readings' ? 'AND t.metric = l.metric' : ''} LIMIT 1) AS r`;

const OWN = {
  measurements: `'value_mm'`,
  energy_readings: `'total_energy_kwh', 'power_kw'`,
  flow_data: `'flow_rate', 'totalizer'`,
} as const;

const QUESTIONS: readonly string[] = [
  `SELECT 'devices' AS table_name, to_jsonb(d) AS record FROM devices AS d ORDER BY last_seen DESC NULLS LAST LIMIT $1`,
  measured('measurements', 'timestamp', `metric IN (${OWN.measurements})`),
  measured('energy_readings', 'timestamp', `metric IN (${OWN.energy_readings})`),
  measured('flow_data', 'created_at', `metric IN (${OWN.flow_data})`),
  measured('sensor_readings', 'timestamp', `metric NOT IN (${Object.values(OWN).join()})`),
  // Of other writers, who keep no latest values.
  `SELECT table_name, record FROM live_feed WHERE event = 'INSERT' AND table_name = ANY ('{measurements,energy_readings,flow_data,sensor_readings}')
    ORDER BY id DESC LIMIT $1`,
  `SELECT 'alerts' AS table_name, to_jsonb(a) AS record FROM alerts AS a WHERE NOT is_resolved ORDER BY id DESC LIMIT $1`,
  `SELECT 'inspections' AS table_name, to_jsonb(i) AS record FROM inspections AS i ORDER BY updated_at DESC LIMIT $1`,
];

const MOST_ROWS = 5000;

const TAKE_UP_MS = 2000;
const LOOK_MS = 50;

/**
 * What a gateway had put off when it was killed stands in no latest value before a sink of this one has taken it up, which it
 * does when it opens. Where no sink does, snapshots begin without.
 */
async function takenUp(query: Query): Promise<void> {
  const [right] = await query<{ may: boolean | null }>(
    `SELECT has_table_privilege(to_regclass('device_updates'), 'SELECT') AS may`,
  );
  if (right?.may !== true) return;
  const [last] = await query<{ id: number | null }>('SELECT max(id)::float8 AS id FROM device_updates');
  if (last === undefined || last.id === null) return;
  const end = performance.now() + TAKE_UP_MS;
  while (performance.now() < end) {
    const left = await query('SELECT FROM device_updates WHERE id <= $1 LIMIT 1', [last.id]);
    if (left.length === 0) return;
    await wait(LOOK_MS, undefined, { ref: false });
  }
}

/** Oldest first, at most 5,000 of each kind. */
export async function latestRowsOf(query: Query): Promise<readonly Row[]> {
  await takenUp(query);
  const rows: Row[] = [];
  for (const question of QUESTIONS)
    for (const { table_name: table, record } of await query<{ table_name: string; record: DatabaseRecord }>(question, [
      MOST_ROWS,
    ])) {
      const row = isTable(table) ? rowOfRecord(table, 'INSERT', record) : undefined;
      if (row !== undefined) rows.push(row);
    }
  return rows.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
}
