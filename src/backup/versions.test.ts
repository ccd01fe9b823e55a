// A backup carries a database from one major version of PostgreSQL to another, up and down: the format knows no server.
import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { startPostgres, type TestPostgres, whyNoPostgres } from '../../test/support/postgres.ts';
import { archive } from '../archive/archive.ts';
import { archiveRow } from '../archive/row.ts';
import type { Reading } from '../reading/reading.ts';
import { keepDeadLetters } from '../sinks/dead-letters.ts';
import { readingSink } from '../sinks/readings.ts';
import { migrate } from '../store/migrate.ts';
import { openStore } from '../store/store.ts';
import { type DatabaseHead, dumpDatabase, fillDatabase, type Sums } from './database.ts';

/** Folder of another PostgreSQL on this machine, as Debian lays them out, or undefined. */
function otherPrograms(): string | undefined {
  return globSync('/usr/lib/postgresql/*')
    .filter(folder => existsSync(path.join(folder, 'bin/initdb')))
    .sort()
    .at(0);
}

type Backup = { head: DatabaseHead; pieces: Map<string, Buffer[]>; sums: Sums };

async function backup(url: string): Promise<Backup> {
  let head: DatabaseHead | undefined;
  const pieces = new Map<string, Buffer[]>();
  const sums = await dumpDatabase(url, {
    async head(it) {
      head = it;
    },
    async piece(table, bytes) {
      pieces.set(table, [...(pieces.get(table) ?? []), bytes]);
    },
  });
  // As it lies in the file.
  return { head: JSON.parse(JSON.stringify(head)) as DatabaseHead, pieces, sums };
}

async function restore(url: string, { head, pieces, sums }: Backup): Promise<void> {
  await migrate(url, { upTo: head.version });
  await fillDatabase(url, head, async filling => {
    for (const [table, bytes] of pieces)
      await filling.fill(
        table,
        (async function* () {
          yield* bytes;
        })(),
      );
    await filling.finish(sums);
  });
}

const readings: readonly Reading[] = Array.from({ length: 50 }, (_, n) => ({
  deviceId: `d "${n % 5}" ü\\`,
  protocol: 'mqtt',
  timestamp: `20${20 + (n % 7)}-0${1 + (n % 9)}-03T16:00:00.${String(n).padStart(6, '0')}Z`,
  telemetry: [
    { power_kw: n / 3 },
    { value_mm: n * 1e-7 },
    { flow_rate: n, status: 'ok\ttab' },
    { t: n, on: true, s: 'a\nb' },
  ][n % 4] as Reading['telemetry'],
  metadata: { extra: { n, text: '\\N "quoted" \u2028' }, location: { lat: 52.5, lon: 13.4 }, scannerId: 's1' },
}));

async function fillWithEverything(url: string): Promise<void> {
  await migrate(url);
  const store = openStore({ url, connections: 2 });
  await readingSink({ query: store.prepared, bulk: store.bulk, target: 'out' }).write(readings);
  await archive({ query: store.prepared, bulk: store.bulk, target: 'raw' }).write(
    [Buffer.from('{"a":1}'), Buffer.from([0, 1, 2, 255]), Buffer.from('no json \\')].map((bytes, n) =>
      archiveRow(
        { topic: 't', source: 's', protocol: 'mqtt', receivedAt: Date.UTC(2026, 0, n + 1), bytes },
        Date.UTC(2026, 1),
      ),
    ),
  );
  await keepDeadLetters(store.query, 'out', [{ row: readings[0], topic: 't', reason: 'why' }]);
  await store.query(
    'CREATE TABLE own (id serial PRIMARY KEY, at timestamptz DEFAULT now(), n numeric(8,3), tags text[], twice int GENERATED ALWAYS AS (2) STORED)',
  );
  await store.query("INSERT INTO own (n, tags) VALUES (1.5, '{a,\"b c\"}'), ('NaN', NULL)");
  await store.query('CREATE SCHEMA "my plant"');
  await store.query(`CREATE TYPE "my plant".mood AS ENUM ('calm', 'it''s tense')`);
  await store.query('CREATE DOMAIN "my plant".share AS float8 NOT NULL CHECK (VALUE BETWEEN 0 AND 1)');
  await store.query(
    `CREATE TABLE "my plant"."a.b" (id bigserial, mood "my plant".mood, share "my plant".share, UNIQUE (mood, share))`,
  );
  await store.query(`INSERT INTO "my plant"."a.b" (mood, share) VALUES ('calm', 0.5), ('it''s tense', 1)`);
  await store.close();
}

describe('backup from one PostgreSQL to another', function () {
  this.timeout(120_000);
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
      assert.ok(taken.sums['measurements']!.rows > 0 && taken.sums['own']!.rows === 2);
      assert.equal(taken.sums['my plant.a.b']?.rows, 2);
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
      await store.close();
    });
});
