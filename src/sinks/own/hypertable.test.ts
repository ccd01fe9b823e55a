// A hypertable of the operator's own: new chunks, compressed ones, and what TimescaleDB says no to.
import assert from 'node:assert/strict';
import { arrived, columns, onOwnTables, outage, reasonsOf } from '../../../test/support/own-tables.ts';
import { timescaleHere } from '../../../test/support/postgres.ts';
import type { ConflictPolicy } from './plan.ts';
import { listTables } from './table.ts';

const DAYS = [0, 1, 2, 30, 31, 400];
const DAY_MS = 86_400_000;

describe('own table sink: a hypertable', () => {
  before(function () {
    timescaleHere(this);
  });
  const { db, into, open } = onOwnTables();

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

  for (const [what, more] of [
    ['chunks of its own', ''],
    [
      'chunks that somebody has called otherwise',
      ", associated_schema_name => 'elsewhere', associated_table_prefix => 'of_$'",
    ],
  ])
    it(`${what}: rows wait where a default breaks a constraint in each, and land when it is mended`, async () => {
      const { sink, sql } = await open('at timestamptz NOT NULL, v int, s int DEFAULT 1 CHECK (s > 1)', {
        at: 'timestamp',
        v: 'telemetry.v',
      });
      await sql(`CREATE SCHEMA IF NOT EXISTS elsewhere; SELECT create_hypertable('$', 'at'${more})`);
      const rows = (from: number) => DAYS.map((day, n) => arrived(day * DAY_MS, { v: from + n }));
      const says = outage(/^table "public"\."own_\d": column s: its default breaks a constraint/);
      await assert.rejects(sink.write(rows(0).slice(0, 1)), says);
      await assert.rejects(sink.write(rows(10)), says);
      await sql('ALTER TABLE $ ALTER s SET DEFAULT 7');
      const stored = DAYS.map(() => 'stored');
      assert.deepEqual(await sink.write(rows(20)), stored);
      await sql('ALTER TABLE $ ALTER s SET DEFAULT 1');
      await assert.rejects(sink.write(rows(30)), says);
    });

  it('is offered, and neither its chunks, in whatever schema, nor its aggregates and views over them, which take nothing', async () => {
    const { query } = db.store;
    await query(`CREATE SCHEMA chunks; CREATE TABLE hyper_offered (at timestamptz NOT NULL, v int);
      SELECT create_hypertable('hyper_offered', 'at', associated_schema_name => 'chunks');
      INSERT INTO hyper_offered VALUES ('2026-01-03Z', 1)`);
    for (const only of [true, false])
      await query(`CREATE MATERIALIZED VIEW hyper_hours_${only} WITH (timescaledb.continuous, timescaledb.materialized_only = ${only}) AS
        SELECT time_bucket('1 hour', at) AS hour, count(*) AS n FROM hyper_offered GROUP BY 1 WITH NO DATA`);
    await query(`CREATE VIEW hyper_hours_seen AS SELECT hour, n FROM hyper_hours_true;
      CREATE VIEW hyper_hours_seen_again AS SELECT * FROM hyper_hours_seen;
      CREATE VIEW hyper_offered_seen AS SELECT at, v FROM hyper_offered;
      CREATE VIEW hyper_hours_taking AS SELECT hour, n FROM hyper_hours_true;
      CREATE FUNCTION hyper_take() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO hyper_offered VALUES (NEW.hour, NEW.n); RETURN NEW; END $$;
      CREATE TRIGGER take INSTEAD OF INSERT ON hyper_hours_taking FOR EACH ROW EXECUTE FUNCTION hyper_take()`);
    const offered = await listTables(query);
    assert.deepEqual(
      offered.filter(name => /hyper_offered|hyper_hours|^chunks/.test(name)),
      ['public.hyper_hours_taking', 'public.hyper_offered', 'public.hyper_offered_seen'],
    );
    for (const view of ['true', 'false', 'seen', 'seen_again']) {
      const map = columns({ hour: 'timestamp', n: 'telemetry.v' });
      const sink = into({ table: `hyper_hours_${view}`, columns: map, key: '', conflict: 'skip' });
      await assert.rejects(
        sink.write([arrived(1, { v: 1 })]),
        outage(/expected a table, or a view that takes new rows/),
      );
    }
  });
});
