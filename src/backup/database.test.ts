// A backup of a database that others use meanwhile, and of one whose owner is no superuser.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { postgresFor } from '../../test/support/postgres.ts';
import { readingSink } from '../sinks/readings.ts';
import { migrate } from '../store/migrate.ts';
import { openStore } from '../store/store.ts';
import { dumpDatabase } from './database.ts';
import { backup, fillWithEverything, readings, restore, shapeOf } from '../../test/support/full-database.ts';

describe('a backup beside writers', () => {
  it('holds up neither a new month nor one that is dropped, and tells what is there', async function () {
    const server = await postgresFor(this);
    const source = await server.database('busy');
    await fillWithEverything(source);
    const store = openStore({ url: source, connections: 1 });
    try {
      if (server.variant === 'timescale') return this.skip();
      await store.query("SET lock_timeout = '10s'");
      const { sums: before } = await backup(source);
      let dropped = 0;
      const done = new Set<string>();
      const sums = await dumpDatabase(source, {
        async head() {},
        lacks() {},
        async piece(table) {
          if (done.has(table)) return;
          done.add(table);
          // Tables come by name: this one is read, and later ones are not yet.
          if (table === 'energy_readings') {
            const [month] = await store.query<{ made: boolean }>(
              `SELECT prepare_month('energy_readings', '2016-05-01Z') AS made`,
            );
            assert.equal(month?.made, true);
          }
          if (table === 'flow_data') {
            const [leaf] = await store.query<{ rows: number }>('SELECT count(*)::int AS rows FROM measurements_202102');
            dropped = leaf!.rows;
            await store.query('DROP TABLE measurements_202102');
          }
        },
      });
      assert.ok(dropped > 0 && done.has('energy_readings'));
      const rows = before['measurements']!.rows - dropped;
      assert.deepEqual({ ...sums, measurements: rows }, { ...before, measurements: rows });
      assert.equal(sums['measurements']?.rows, rows);
    } finally {
      await store.close();
      await server.stop();
    }
  });
});

describe('a backup of a database that hangs', () => {
  const out = { async head() {}, async piece() {}, lacks() {} };

  it('fails when nothing answers, and ends when it is stopped meanwhile', async function () {
    const server = await postgresFor(this);
    await migrate(server.url);
    const held: Socket[] = [];
    const proxy = createServer(socket => held.push(socket)).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const url = Object.assign(new URL(server.url), { port: (proxy.address() as AddressInfo).port }).href;
    try {
      await assert.rejects(dumpDatabase(url, out), /timeout/);
      const stopped = new AbortController();
      const dump = dumpDatabase(url, out, stopped.signal);
      if (held.length < 2) await once(proxy, 'connection');
      stopped.abort(new Error('stopped by SIGINT'));
      // The database goes on: not so the backup.
      const upstream = connect(server.port, '127.0.0.1');
      held[1]!.pipe(upstream).pipe(held[1]!);
      await assert.rejects(dump, /stopped by SIGINT/);
    } finally {
      for (const socket of held) socket.destroy();
      proxy.close();
      await server.stop();
    }
  });
});

describe('a backup by one who is no superuser', () => {
  it('is restored without the triggers at work, which work again after it', async function () {
    const server = await postgresFor(this);
    try {
      const admin = openStore({ url: server.url, connections: 1 });
      await admin.query(`CREATE ROLE app LOGIN PASSWORD 'app'`);
      const urlOf = async (name: string): Promise<string> => {
        const url = new URL(await server.database(name));
        await admin.query(`ALTER DATABASE ${name} OWNER TO app`);
        return Object.assign(url, { username: 'app', password: 'app' }).href;
      };
      const [source, target] = [await urlOf('from_app'), await urlOf('to_app')];
      await admin.close();
      await migrate(source);
      const store = openStore({ url: source, connections: 1 });
      await readingSink({ query: store.prepared, bulk: store.bulk, target: 'out' }).write(readings);
      await store.query('CREATE TABLE site (id int PRIMARY KEY)');
      await store.query('CREATE TABLE meter (site int REFERENCES site DEFERRABLE INITIALLY DEFERRED)');
      await store.query('INSERT INTO site VALUES (1)');
      await store.query('INSERT INTO meter VALUES (1)');
      const taken = await backup(source);
      await restore(target, taken);
      const again = await backup(target);
      assert.deepEqual(again.sums, taken.sums);
      assert.deepEqual(shapeOf(again.head), shapeOf(taken.head));
      // One row into each: what their triggers make of it is the same.
      const restored = openStore({ url: target, connections: 1 });
      for (const { query } of [store, restored]) {
        await query(`INSERT INTO flow_data (device_id, created_at, flow_rate) VALUES ('later', '2026-11-01Z', 1)`);
        await assert.rejects(query('INSERT INTO meter VALUES (2)'), /23503/);
      }
      const [one, other] = [await backup(source), await backup(target)];
      for (const table of ['flow_windows', 'devices'])
        assert.equal(other.sums[table]?.rows, one.sums[table]?.rows, table);
      assert.ok(one.sums['flow_windows']!.rows > taken.sums['flow_windows']!.rows);
      await Promise.all([store.close(), restored.close()]);

      // A policy that would hide rows from the one who takes it is no reason for half a backup.
      const owner = openStore({ url: source, connections: 1 });
      await owner.query('ALTER TABLE site ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY');
      await owner.close();
      await assert.rejects(backup(source), /affected by row-level security policy for table "site"/);
    } finally {
      await server.stop();
    }
  });
});
