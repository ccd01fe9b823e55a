// Tables of the operator's own for tests: made on a real PostgreSQL with a sink into each, and messages for them.
import assert from 'node:assert/strict';
import { onDatabase } from './database.ts';
import { digest } from '../../src/kernel/bytes.ts';
import { Fault } from '../../src/kernel/fault.ts';
import type { Outcome } from '../../src/reading/contracts.ts';
import type { Metadata, Reading } from '../../src/reading/reading.ts';
import type { ConflictPolicy, Mapping } from '../../src/sinks/own/plan.ts';
import type { Arrived } from '../../src/sinks/own/rows.ts';
import { ownSink } from '../../src/sinks/own/sink.ts';

const START = Date.UTC(2026, 0, 3, 16);
let made = 0;
/** The n-th message of a meter, unlike any other. */
export const arrived = (n: number, telemetry: Reading['telemetry'], metadata: Metadata = {}): Arrived => ({
  topic: 'plant/meter',
  row: {
    deviceId: 'meter',
    protocol: 'mqtt',
    timestamp: new Date(START + n).toISOString(),
    telemetry,
    metadata: { digest: digest(String(made++)), ...metadata },
  } satisfies Reading,
});
export const columns = (map: Record<string, string>) => Object.entries(map).map(([column, from]) => ({ column, from }));
export const reasonsOf = (outcomes: readonly Outcome[]) =>
  outcomes.map(outcome => (typeof outcome === 'string' ? outcome : outcome.rejected));
/** For `assert.rejects`. */
export const outage = (says: RegExp) => (fault: unknown) => {
  assert.ok(fault instanceof Fault);
  assert.equal(fault.kind, 'outage');
  assert.match(fault.message, says);
  return true;
};

/** To be called in a `describe`. */
export function onOwnTables() {
  const db = onDatabase();
  let tables = 0;
  /** A sink into a table that is there. */
  const into = (mapping: Mapping) =>
    ownSink({ query: db.store.query, bulk: db.store.bulk, target: mapping.table, mapping });
  /** A table of these columns and a sink into it; `$` stands for the name of the table. */
  async function open(
    definition: string,
    map: Record<string, string>,
    key = '',
    conflict: ConflictPolicy = 'skip',
    more: Partial<Mapping> = {},
  ) {
    const table = `own_${tables++}`;
    await db.store.query(`CREATE TABLE ${table} (${definition})`);
    const sink = into({ table, columns: columns(map), key, conflict, ...more });
    const sql = (text: string) => db.store.query(text.replaceAll('$', table));
    return { table, sink, sql, rows: (what = '*') => sql(`SELECT ${what} FROM $ ORDER BY 1`) };
  }
  return { db, open, into };
}
