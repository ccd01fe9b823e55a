// A database that holds all that a backup has to carry, and a backup of it in memory.
import assert from 'node:assert/strict';
import { archive } from '../../src/archive/archive.ts';
import { archiveRow } from '../../src/archive/row.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { keepDeadLetters } from '../../src/sinks/dead-letters.ts';
import { readingSink } from '../../src/sinks/readings.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/store.ts';
import type { NotMade } from '../../src/backup/objects.ts';
import { type DatabaseHead, dumpDatabase, fillDatabase, type Sums } from '../../src/backup/database.ts';

export type Backup = { head: DatabaseHead; pieces: Map<string, Buffer[]>; sums: Sums; lacking: string[] };

export async function backup(url: string): Promise<Backup> {
  let head: DatabaseHead | undefined;
  const pieces = new Map<string, Buffer[]>();
  const lacking: string[] = [];
  const sums = await dumpDatabase(url, {
    async head(it) {
      head = it;
    },
    async piece(table, bytes) {
      pieces.set(table, [...(pieces.get(table) ?? []), bytes]);
    },
    lacks: what => lacking.push(what),
  });
  // As it lies in the file.
  return { head: JSON.parse(JSON.stringify(head)) as DatabaseHead, pieces, sums, lacking };
}

/** Resolves with what is told not to be restored. `lacks`: the keys of that. */
export async function restore(
  url: string,
  { head, pieces, sums }: Backup,
  lacks: readonly string[] | 'some' = [],
): Promise<readonly NotMade[]> {
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
  if (lacks !== 'some')
    assert.deepEqual(
      notMade.map(({ key }) => key),
      lacks,
    );
  return notMade;
}

export const readings: readonly Reading[] = Array.from({ length: 50 }, (_, n) => ({
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

export async function fillWithEverything(url: string): Promise<void> {
  const { variant } = await migrate(url);
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
  await store.query(
    `INSERT INTO sensor_readings (device_id, protocol, timestamp, metric, value) SELECT 'edge', 'mqtt', t::timestamptz, 'm', v::float8
     FROM (VALUES ('2014-12-31 23:59:59.999999Z', 'NaN'), ${ENDS[variant]}) AS edge (t, v)`,
  );
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
  'CREATE TABLE "my plant".notes (said text)',
  'CREATE VIEW "my plant".shut WITH (security_barrier=true) AS SELECT * FROM "my plant".site',
  `DO 'BEGIN CREATE ROLE "only policy"; EXCEPTION WHEN duplicate_object THEN NULL; END'`,
  `CREATE POLICY "some" ON "my plant".site AS RESTRICTIVE FOR UPDATE TO "graf ana", "only policy" USING (id > 3) WITH CHECK (name <> 'x')`,
  'CREATE POLICY seen ON "my plant".site USING (true)',
  'ALTER TABLE "my plant".site ENABLE ROW LEVEL SECURITY',
  'ALTER TABLE "my plant".edges FORCE ROW LEVEL SECURITY',
  `COMMENT ON TABLE "my plant".site IS 'where it''s %s'`,
  `COMMENT ON COLUMN "my plant".site.name IS 'a name'`,
  `COMMENT ON FUNCTION "my plant".twice IS 'doubles'`,
  `COMMENT ON CONSTRAINT site_pkey ON "my plant".site IS 'the key'`,
  `COMMENT ON TRIGGER touch ON "my plant".edges IS 'touches'`,
  `COMMENT ON POLICY seen ON "my plant".site IS 'all'`,
  `COMMENT ON SCHEMA "my plant" IS 'ours'`,
  `COMMENT ON TYPE "my plant".mood IS 'how it is'`,
  `COMMENT ON VIEW last_seen IS 'when'`,
  `COMMENT ON COLUMN devices.name IS 'ours too'`,
  // On tables of Fieldline.
  `ALTER TABLE devices ADD COLUMN "room no" int NOT NULL DEFAULT 7, ADD COLUMN twice int GENERATED ALWAYS AS ("room no" * 2) STORED`,
  `INSERT INTO devices (device_id, "room no") VALUES ('of ours', 12)`,
  'ALTER TABLE devices ADD CONSTRAINT sane CHECK ("room no" < 100)',
  'CREATE INDEX devices_room ON devices ("room no")',
  'CREATE INDEX readings_of ON sensor_readings (metric, value)',
  'ALTER TABLE own SET (fillfactor=70)',
  'CREATE AGGREGATE "my plant".total (float8) (SFUNC = float8pl, STYPE = float8)',
  'GRANT UPDATE (said) ON "my plant".notes TO "graf ana"',
  'GRANT EXECUTE ON FUNCTION "my plant".twice TO "graf ana"',
];

/** Series rows at the ends of time lie in no month of their own. Chunks of TimescaleDB end a little earlier. */
const ENDS = {
  plain: `('infinity', 'Infinity'), ('-infinity', '-Infinity'), ('294276-12-31Z', '-0')`,
  timescale: `('infinity', 'Infinity'), ('4713-01-01Z BC', '-Infinity'), ('294246-12-31Z', '-0')`,
};

/** Names, and what makes a table: the words of a view may be others in another version. */
export const shapeOf = ({ parts = [], onTop = [], tables, sequences }: DatabaseHead) => ({
  ...{ parts: parts.map(({ key }) => key), onTop: onTop.map(({ key }) => key).sort(), sequences },
  own: tables.filter(({ schema }) => schema !== undefined),
  months: tables.map(({ name, months }) => [name, months]),
});
