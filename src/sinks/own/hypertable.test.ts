// A hypertable of the operator's own: new chunks, compressed ones, and what TimescaleDB says no to.
import assert from 'node:assert/strict';
import { arrived, columns, onOwnTables, reasonsOf } from '../../../test/support/own-tables.ts';
import { timescaleHere } from '../../../test/support/postgres.ts';
import type { ConflictPolicy } from './plan.ts';

const DAYS = [0, 1, 2, 30, 31, 400];
const DAY_MS = 86_400_000;

describe('own table sink: a hypertable', () => {
  before(function () {
    timescaleHere(this);
  });
  const { db, into } = onOwnTables();

  for (const policy of ['skip', 'update'] as const satisfies readonly ConflictPolicy[])
    it(`${policy}: rows of any time, while chunks come, are compressed and hold what is sent again`, async () => {
      const table = `hyper_${policy}`;
      const { query } = db.store;
      await query(`CREATE TABLE ${table} (at timestamptz NOT NULL, k text NOT NULL, v float8, UNIQUE (at, k))`);
      await query(`SELECT create_hypertable('${table}', 'at', chunk_time_interval => interval '1 day')`);
      const map = columns({ at: 'timestamp', k: 'deviceId', v: 'telemetry.v' });
      const sink = into({ table, columns: map, key: 'at,k', conflict: policy });
      const messages = (v: number, more = 0) => DAYS.map(day => arrived(day * DAY_MS + more, { v }));
      const held = () => query(`SELECT count(*)::int AS rows, sum(v)::int AS sum FROM ${table}`);
      const all = (word: string) => DAYS.map(() => word);
      assert.deepEqual(reasonsOf(await sink.write(messages(1))), all('stored'));
      await query(`ALTER TABLE ${table} SET (timescaledb.compress, timescaledb.compress_segmentby = 'k')`);
      await query(`SELECT compress_chunk(chunk) FROM show_chunks('${table}') AS chunk`);
      assert.deepEqual(reasonsOf(await sink.write(messages(1))), all('duplicate'));
      assert.deepEqual(reasonsOf(await sink.write(messages(5, 7))), all('stored'));
      await query(`SELECT compress_chunk(chunk) FROM show_chunks('${table}') AS chunk`);
      assert.deepEqual(reasonsOf(await sink.write(messages(2))), all(policy === 'skip' ? 'duplicate' : 'stored'));
      assert.deepEqual(await held(), [{ rows: 12, sum: policy === 'skip' ? 36 : 42 }]);
    });
});
