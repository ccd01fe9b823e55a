// Faults of a real PostgreSQL while timescale-out writes: each has a sentence in the status, and no row is lost or doubled.
import assert from 'node:assert/strict';
import pg from 'pg';
import type { Reading } from '../../src/reading/reading.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import { postgresFor, startPostgres, type TestPostgres } from '../../test/support/postgres.ts';
import { smallDisk } from '../../test/support/small-disk.ts';
import { held, intoDatabase, meterReadings, waitsOut } from '../../test/support/timescale-out.ts';
import timescaleDbNode from '../timescale-db/timescale-db.ts';
import timescaleOutNode from './timescale-out.ts';

const MOST_CONNECTIONS = 30;
const reading = meterReadings();

describe('timescale-out node: faults of PostgreSQL', () => {
  let server: TestPostgres;
  let store: Store;
  let runtime: TestRuntime;
  before(async function () {
    await (await postgresFor(this)).stop();
    server = await startPostgres({ max_connections: String(MOST_CONNECTIONS) });
    runtime = await testRuntime();
    runtime.register(timescaleDbNode, timescaleOutNode);
    await runtime.deploy(flow());
    await runtime.emit('src', { payload: reading() });
    store = openStore({ url: server.url, connections: 2 });
  });
  after(async () => {
    await runtime?.deploy([]);
    await store?.close();
    await server?.stop();
  });
  afterEach(() => runtime.deploy(flow()));
  const flow = (settings?: object, database?: object) => intoDatabase(server.url, settings, database);
  const waits = (says: RegExp, fault: () => Promise<unknown>, mend: () => Promise<unknown>) =>
    waitsOut({ runtime, store }, reading(), says, fault, mend);

  it('pg_terminate_backend, again and again under load', async () => {
    const sent: Reading[] = [];
    const settled: Promise<unknown>[] = [];
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 50; n++) {
        const one = reading();
        sent.push(one);
        settled.push(runtime.emit('src', { payload: one }));
      }
      await store.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE pid NOT IN (SELECT pid FROM pg_stat_activity WHERE query LIKE '%terminate%')`,
      );
    }
    for (const outcome of await Promise.all(settled)) assert.deepEqual(outcome, { ok: true });
    const powers = sent.map(({ telemetry }) => telemetry['power_kw']);
    const [row] = await store.query<{ n: number }>(
      'SELECT count(*) AS n FROM energy_readings WHERE power_kw = ANY ($1)',
      [powers],
    );
    assert.equal(row?.n, powers.length);
  });

  it('too many connections', async () => {
    const others: pg.Client[] = [];
    await runtime.deploy([]);
    await waits(
      /^database away, .*; database: .*the database has no connection left for it: .*; SQLSTATE 53300/,
      async () => {
        for (;;) {
          const client = new pg.Client({ connectionString: server.url });
          client.on('error', () => undefined);
          if (
            !(await client.connect().then(
              () => true,
              () => false,
            ))
          )
            break;
          others.push(client);
        }
        assert.ok(others.length >= MOST_CONNECTIONS - 5);
        await runtime.deploy(flow());
      },
      async () => {
        for (const client of others) await client.end();
      },
    );
  });

  it('never more than 20 connections of one database node', async () => {
    const wide = openStore({ url: server.url });
    const all = Promise.all(Array.from({ length: 100 }, () => wide.query('SELECT pg_sleep(0.05)')));
    const seen = await store.query<{ n: number }>(
      "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'",
    );
    await all;
    await wide.close();
    assert.ok(seen[0]!.n <= 20, String(seen[0]!.n));
  });

  it('a read-only server, as a standby is', async () => {
    const admin = new pg.Client({ connectionString: server.url.replace(/test$/, 'postgres') });
    await admin.connect();
    const change = (to: string) => async () => {
      await admin.query(`ALTER DATABASE test ${to}`);
      await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'test'");
    };
    await waits(
      /cannot execute \w+ in a read-only transaction; the database is read-only; SQLSTATE 25006/,
      change('SET default_transaction_read_only = on'),
      change('RESET default_transaction_read_only'),
    );
    await admin.end();
  });

  it('a lock that is held longer than a statement may take', async () => {
    const locker = new pg.Client({ connectionString: server.url });
    await locker.connect();
    await runtime.deploy(flow({}, { statementTimeoutSeconds: 1 }));
    await waits(
      /canceling statement due to lock timeout; .*locked.*SQLSTATE 55P03/,
      async () => {
        await locker.query('BEGIN');
        await locker.query('LOCK TABLE energy_readings IN ACCESS EXCLUSIVE MODE');
      },
      () => locker.query('ROLLBACK'),
    );
    await locker.end();
  });

  it('a deadlock with another writer', async () => {
    await runtime.emit('src', { payload: ['a', 'b'].map(deviceId => reading(undefined, { deviceId })) });
    const other = new pg.Client({ connectionString: server.url });
    await other.connect();
    // So that it is always the node's statement that finds out, and is ended.
    await other.query("SET deadlock_timeout = '30s'");
    await other.query('BEGIN');
    await other.query("UPDATE devices SET name = name WHERE device_id = 'b'");
    const rows = ['a', 'b'].map(deviceId => reading(undefined, { deviceId }));
    const settled = runtime.emit('src', { payload: rows });
    const blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%energy_readings%'";
    while ((await store.query(blocked)).length === 0);
    const crossing = other.query("UPDATE devices SET name = name WHERE device_id = 'a'");
    await runtime.untilStatus('out', /deadlock detected; .*tried again.*SQLSTATE 40P01/);
    await crossing;
    await other.query('COMMIT');
    await other.end();
    assert.deepEqual(await settled, { ok: true });
    for (const { telemetry } of rows) assert.equal(await held(store, telemetry['power_kw']), 1);
  });

  it('a text of 100 MB, by way of the disk too', async () => {
    const large = reading(undefined, { metadata: { extra: { text: 'x'.repeat(100 << 20) } } });
    const small = reading();
    assert.deepEqual(await runtime.emit('src', { payload: [large, small] }), { ok: true });
    const another = reading(undefined, { metadata: large.metadata });
    const last = reading();
    await runtime.deploy(flow({ policy: 'disk' }));
    await server.terminate('SIGQUIT');
    assert.deepEqual(await runtime.emit('src', { payload: [another, last] }), { ok: true });
    await runtime.untilStatus('out', /2 on disk/);
    await server.restart();
    await runtime.untilStatus('out', /^[\d.]+ rows\/s$/);
    for (const { telemetry } of [another, last]) assert.equal(await held(store, telemetry['power_kw']), 1);
    for (const { telemetry } of [large, small]) assert.equal(await held(store, telemetry['power_kw']), 1);
  });

  it('a full disk', async function () {
    const disk = smallDisk();
    if (typeof disk === 'string') {
      console.log(`      skipped, needs a small disk of its own: ${disk}`);
      return this.skip();
    }
    try {
      await store.query(`CREATE TABLESPACE small LOCATION '${disk.folder}'`);
      await store.query('CREATE DATABASE "full" TABLESPACE small');
      const full = openStore({ url: server.url.replace(/test$/, 'full'), connections: 1 });
      await runtime.deploy(flow({}, { url: server.url.replace(/test$/, 'full') }));
      assert.deepEqual(await runtime.emit('src', { payload: reading() }), { ok: true });
      await full.query('CREATE TABLE filler (t text)');
      const filling = async () => {
        for (;;)
          await full.query('INSERT INTO filler SELECT repeat(md5(random()::text), 50) FROM generate_series(1, 500)');
      };
      await assert.rejects(filling(), /53100/);
      // What little room is left in the pages of the tables is used up by many readings.
      const many = Array.from({ length: 3000 }, (_, n) => reading({ [`metric_${n}`]: n }));
      const settled = runtime.emit('src', { payload: many });
      const { fill } = await runtime.untilStatus('out', /the disk of the database is full; SQLSTATE 53100/);
      assert.equal(fill, 'red');
      await full.query('DROP TABLE filler');
      assert.deepEqual(await settled, { ok: true });
      const rows = await full.query<{ n: number }>(
        "SELECT count(*) AS n FROM sensor_readings WHERE metric LIKE 'metric_%'",
      );
      assert.deepEqual(rows, [{ n: many.length }]);
      await full.close();
      await runtime.deploy([]);
      await store.query('DROP DATABASE "full" WITH (FORCE)');
      await store.query('DROP TABLESPACE small');
    } finally {
      disk.remove();
    }
  });
});
