// A backup of a database with TimescaleDB: compressed chunks go along, what goes with TimescaleDB alone is named.
import assert from 'node:assert/strict';
import { postgresFor, type TestPostgres, timescaleHere } from '../../test/support/postgres.ts';
import { backup, readings, restore } from '../../test/support/full-database.ts';
import { readingSink } from '../sinks/readings.ts';
import { migrate } from '../store/migrate.ts';
import { openStore } from '../store/store.ts';

const OBJECTS = [
  `ALTER TABLE energy_readings SET (timescaledb.compress, timescaledb.compress_segmentby = 'device_id')`,
  `SELECT compress_chunk(chunk) FROM show_chunks('energy_readings') AS chunk`,
  `SELECT add_compression_policy('energy_readings', interval '90 days')`,
  `CREATE TABLE own (at timestamptz NOT NULL, v float8)`,
  `SELECT create_hypertable('own', 'at')`,
  `INSERT INTO own VALUES ('2020-01-01Z', 1), ('2021-01-01Z', 2)`,
  `CREATE SCHEMA chunks; CREATE TABLE apart (at timestamptz PRIMARY KEY CHECK (at > '2000-01-01'), v float8);
   SELECT create_hypertable('apart', 'at', associated_schema_name => 'chunks', associated_table_prefix => 'of_apart')`,
  `INSERT INTO apart VALUES ('2020-01-01Z', 1), ('2021-01-01Z', 2)`,
  ...[true, false].map(
    only => `CREATE MATERIALIZED VIEW hours_${only} WITH (timescaledb.continuous, timescaledb.materialized_only = ${only}) AS
      SELECT time_bucket('1 hour', timestamp) AS hour, device_id, avg(power_kw) FROM energy_readings GROUP BY 1, 2`,
  ),
];

describe('a backup of a database with TimescaleDB', () => {
  let server: TestPostgres;
  before(async function () {
    timescaleHere(this);
    server = await postgresFor(this);
  });
  after(() => server?.stop());

  it("carries compressed chunks and the operator's hypertables, and names the rest", async () => {
    const source = await server.database('source');
    await migrate(source);
    const store = openStore({ url: source, connections: 1 });
    await readingSink({ query: store.prepared, bulk: store.bulk, target: 'out' }).write(readings);
    for (const sql of OBJECTS) await store.query(sql);
    await store.close();
    const taken = await backup(source);
    assert.deepEqual(taken.lacking, [
      'compression settings: public.energy_readings',
      'continuous aggregates: public.hours_false, public.hours_true',
      'hypertables (they become plain tables): public.apart, public.own',
      'jobs: policy_compression of energy_readings',
    ]);
    const target = await server.database('target');
    // Asserts that nothing it holds is refused.
    await restore(target, taken);
    assert.deepEqual((await backup(target)).sums, taken.sums);
    const { energy_readings, own, apart, ...others } = taken.sums;
    assert.deepEqual([energy_readings!.rows > 0, own!.rows, apart!.rows], [true, 2, 2]);
    assert.deepEqual(
      Object.keys(others).filter(name => name.includes('chunk')),
      [],
    );
  });
});
