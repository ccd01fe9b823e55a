// A backup carries a database from one major version of PostgreSQL to another, up and down: the format knows no server.
import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import { postgresFor, startPostgres, type TestPostgres, whyNoPostgres } from '../../test/support/postgres.ts';
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
  const notMade = await fillDatabase(url, head, async filling => {
    for (const [table, bytes] of pieces)
      await filling.fill(
        table,
        (async function* () {
          yield* bytes;
        })(),
      );
    await filling.finish(sums);
  });
  assert.deepEqual(notMade, []);
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
  for (const sql of OBJECTS) await store.query(sql);
  await store.close();
}

/** What operators have in their databases besides; each of it as hard to make again as it can be. */
const OBJECTS = [
  'CREATE EXTENSION IF NOT EXISTS hstore',
  'CREATE TYPE "my plant".pair AS (a int, b text)',
  'CREATE TYPE "my plant".span AS RANGE (subtype = float8, subtype_diff = float8mi)',
  // Speaks of a table that comes later, and the table of it.
  `CREATE FUNCTION "my plant".twice(x float8) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 2 * x'`,
  `CREATE TABLE "my plant".site (id int GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5) PRIMARY KEY,
    name text COLLATE "POSIX" UNIQUE, above int REFERENCES "my plant".site)`,
  `INSERT INTO "my plant".site (name) VALUES ('é'), ('E')`,
  'CREATE SEQUENCE "my plant".down AS int INCREMENT -2 MAXVALUE 9 START 9 CYCLE',
  `SELECT nextval('"my plant".down')`,
  `CREATE TABLE "my plant".edges (site int REFERENCES "my plant".site ON DELETE CASCADE, n numeric, f float8, t timestamptz, d date,
    i interval, b bytea, j json, p "my plant".pair, r "my plant".span, h hstore, during tstzrange,
    minus float8 GENERATED ALWAYS AS (-f) STORED, half float8 DEFAULT "my plant".twice(0.25) CHECK ("my plant".twice(half) < 9),
    EXCLUDE USING gist (during WITH &&))`,
  `INSERT INTO "my plant".edges VALUES
    (10, 'NaN', 'NaN', 'infinity', 'infinity', '-178000000 years', '\\x00ff5c0a', '{"a" : 1.0, "a":2}', '(1,"a,b")', '[1,2)', 'a=>NULL', '[2020-01-01,2021-01-01)'),
    (15, 'Infinity', '-Infinity', '-infinity', '-infinity', '00:00:00.000001', '\\x', 'null', NULL, 'empty', '', '(,2019-01-01)'),
    (15, 1e-40, 4.9e-324, '294276-12-31 23:59:59.999999Z', '5874897-12-31', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (NULL, 1e40, '-0', '4713-01-01 00:00:00Z BC', '4713-01-01 BC', NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  'CREATE TABLE "my plant".parts (at timestamptz, v float8) PARTITION BY RANGE (at)',
  `CREATE TABLE "my plant".parts_2025 PARTITION OF "my plant".parts FOR VALUES FROM ('2025-01-01Z') TO ('2026-01-01Z') PARTITION BY LIST (v)`,
  'CREATE TABLE "my plant".parts_2025_1 PARTITION OF "my plant".parts_2025 FOR VALUES IN (1)',
  'CREATE TABLE "my plant".parts_rest PARTITION OF "my plant".parts DEFAULT',
  `INSERT INTO "my plant".parts VALUES ('2025-06-01Z', 1), ('1999-01-01Z', 2)`,
  'CREATE VIEW "my plant".seen AS SELECT s.name, e.f FROM "my plant".site s JOIN "my plant".edges e ON e.site = s.id',
  'CREATE MATERIALIZED VIEW "my plant".counted AS SELECT name, count(*) AS n FROM "my plant".seen GROUP BY name',
  'CREATE UNIQUE INDEX counted_name ON "my plant".counted (name)',
  'CREATE VIEW last_seen AS SELECT device_id, max(timestamp) AS at FROM sensor_readings GROUP BY device_id',
  `CREATE FUNCTION "my plant".touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n := 7; RETURN NEW; END'`,
  'CREATE TRIGGER touch BEFORE INSERT ON "my plant".edges FOR EACH ROW EXECUTE FUNCTION "my plant".touch()',
  `DO 'BEGIN CREATE ROLE "graf ana" LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END'`,
  'GRANT USAGE ON SCHEMA "my plant" TO "graf ana"',
  'GRANT SELECT ON "my plant".seen, sensor_readings TO "graf ana"',
  'GRANT SELECT ON last_seen TO PUBLIC',
  // Series rows at the ends of time lie in no month of their own.
  `INSERT INTO sensor_readings (device_id, protocol, timestamp, metric, value) SELECT 'edge', 'mqtt', t::timestamptz, 'm', v::float8
    FROM (VALUES ('2014-12-31 23:59:59.999999Z', 'NaN'), ('infinity', 'Infinity'), ('-infinity', '-Infinity'), ('294276-12-31Z', '-0')) AS edge (t, v)`,
];

/** Names, and what makes a table: the words of a view may be others in another version. */
const shapeOf = ({ parts = [], onTop = [], tables, sequences }: DatabaseHead) => ({
  ...{ parts: parts.map(({ key }) => key), onTop: onTop.map(({ key }) => key).sort(), sequences },
  own: tables.filter(({ schema }) => schema !== undefined),
  months: tables.map(({ name, months }) => [name, months]),
});

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
      assert.deepEqual(shapeOf(again.head), shapeOf(taken.head));
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

describe('a backup of an older Fieldline', function () {
  this.timeout(120_000);
  it('is restored with the types that it names as statements alone', async function () {
    const server = await postgresFor(this);
    this.timeout(120_000);
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
