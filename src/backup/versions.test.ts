// A backup carries a database from one major version of PostgreSQL to another, up and down: the format knows no server.
import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { postgresFor, startPostgres, type TestPostgres, whyNoPostgres } from '../../test/support/postgres.ts';
import { readingSink } from '../sinks/readings.ts';
import { migrate } from '../store/migrate.ts';
import { openStore } from '../store/store.ts';
import { backup, fillWithEverything, readings, restore, shapeOf } from '../../test/support/full-database.ts';

/** Folder of another PostgreSQL on this machine, as Debian lays them out, or undefined. */
function otherPrograms(): string | undefined {
  return globSync('/usr/lib/postgresql/*')
    .filter(folder => existsSync(path.join(folder, 'bin/initdb')))
    .sort()
    .at(0);
}

describe('backup from one PostgreSQL to another', () => {
  const servers: TestPostgres[] = [];
  before(async function () {
    const other = otherPrograms();
    const why = whyNoPostgres() ?? (other === undefined ? 'no second PostgreSQL below /usr/lib/postgresql' : undefined);
    if (why !== undefined || process.env['FIELDLINE_TEST_TIMESCALEDB']) {
      console.log(`      skipped: ${why ?? 'both would need TimescaleDB'}`);
      return this.skip();
    }
    servers.push(await startPostgres(), await startPostgres({}, other));
  });
  after(() => Promise.all(servers.map(server => server.stop())));

  for (const [name, from, to] of [
    ['to the other version', 0, 1],
    ['and the other way', 1, 0],
  ] as const)
    it(`carries every table ${name}, and the database goes on`, async () => {
      const source = await servers[from]!.database(`from_${from}`);
      const target = await servers[to]!.database(`to_${to}`);
      await fillWithEverything(source);
      const taken = await backup(source);
      await restore(target, taken);
      const again = await backup(target);
      assert.notEqual(again.head.server.split('.')[0], taken.head.server.split('.')[0]);
      assert.deepEqual(again.sums, taken.sums);
      assert.deepEqual(shapeOf(again.head), shapeOf(taken.head));
      assert.ok(taken.sums['measurements']!.rows > 0 && taken.sums['own']!.rows === 2);
      assert.equal(taken.sums['my plant.a.b']?.rows, 2);
      assert.deepEqual(taken.lacking, [
        'aggregates and window functions: "my plant".total(double precision)',
        'passwords of roles: "graf ana"',
        'rights on columns: "my plant".notes.said',
        'rights on functions: "my plant".twice(double precision)',
      ]);
      // Sequences, keys, partitions and triggers work on: what is there is known, what is new is stored.
      await migrate(target);
      const store = openStore({ url: target, connections: 2 });
      const sink = readingSink({ query: store.prepared, bulk: store.bulk, target: 'out' });
      assert.deepEqual(new Set(await sink.write(readings)), new Set(['duplicate']));
      const later = readings.map(reading => ({ ...reading, timestamp: '2026-11-01T00:00:00.000Z' }));
      assert.ok((await sink.write(later)).includes('stored'));
      assert.deepEqual(await store.query('INSERT INTO own (n) VALUES (2) RETURNING id, twice'), [{ id: 3, twice: 2 }]);
      const more = `INSERT INTO "my plant"."a.b" (mood, share) VALUES ('calm', 0.6) RETURNING id`;
      assert.deepEqual(await store.query(more), [{ id: 3 }]);
      await assert.rejects(store.query(more), /23505/);
      const room = `INSERT INTO devices (device_id) VALUES ('new') RETURNING "room no", twice`;
      assert.deepEqual(await store.query(room), [{ 'room no': 7, twice: 14 }]);
      await assert.rejects(store.query(`UPDATE devices SET "room no" = 100`), /23514/);
      await store.close();
    });
});

describe('a backup of an older Fieldline', () => {
  it('is restored with the types that it names as statements alone', async function () {
    const server = await postgresFor(this);
    try {
      const source = await server.database('older');
      await migrate(source);
      const types = ['CREATE SCHEMA IF NOT EXISTS "my plant"', `CREATE TYPE "my plant".mood AS ENUM ('calm', 'tense')`];
      const store = openStore({ url: source, connections: 1 });
      for (const sql of types) await store.query(sql);
      await store.query('CREATE TABLE "my plant".own (id serial PRIMARY KEY, mood "my plant".mood)');
      await store.query(`INSERT INTO "my plant".own (mood) VALUES ('calm'), ('tense')`);
      await store.close();
      const { head, ...rest } = await backup(source);
      const { parts: _, onTop: __, ...older } = head;
      const sequences = head.sequences.map(({ options: ___, ...sequence }) => sequence);
      const target = await server.database('restored');
      await restore(target, { ...rest, head: { ...older, types, sequences } });
      assert.deepEqual((await backup(target)).sums, rest.sums);
      assert.equal(rest.sums['my plant.own']?.rows, 2);
    } finally {
      await server.stop();
    }
  });
});
