// Migrations against a real PostgreSQL: once each, also with two processes at once; changed or newer ones are refused.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { postgresFor, startPostgres, type TestPostgres, timescaleHere } from '../../test/support/postgres.ts';
import type { Fault } from '../kernel/fault.ts';
import { migrate, migrationState } from './migrate.ts';
import { readMigrations, stepsOf } from './migrations.ts';
import { openStore } from './store.ts';

async function ask<Row>(url: string, sql: string, values?: unknown[]): Promise<readonly Row[]> {
  const store = openStore({ url, connections: 2 });
  try {
    return await store.query<Row>(sql, values);
  } finally {
    await store.close();
  }
}

describe('migration files', () => {
  it('are cut into the steps of one kind of database', () => {
    const text = [
      '-- what it is for',
      'CREATE TABLE a ();',
      '-- variant: plain',
      'CREATE TABLE p ();',
      '-- variant: timescale',
      'CREATE TABLE t ();',
      '-- outside a transaction',
      'CREATE INDEX CONCURRENTLY x ON t (y);',
      '-- variant: all',
      'CREATE TABLE z ();',
    ].join('\n');
    const cut = (variant: 'plain' | 'timescale') =>
      stepsOf(text, variant).map(({ sql, alone }) => `${alone ? 'alone ' : ''}${sql.split('\n').at(-1)}`);
    assert.deepEqual(cut('plain'), ['CREATE TABLE a ();', 'CREATE TABLE p ();', 'CREATE TABLE z ();']);
    assert.deepEqual(cut('timescale'), [
      'CREATE TABLE a ();',
      'CREATE TABLE t ();',
      'alone CREATE INDEX CONCURRENTLY x ON t (y);',
      'CREATE TABLE z ();',
    ]);
  });

  it('count up without twins; numbers may be left out', async () => {
    const versions = (await readMigrations()).map(({ version }) => version);
    assert.deepEqual(
      versions,
      [...new Set(versions)].sort((a, b) => a - b),
    );
  });
});

describe('migrate', () => {
  let server: TestPostgres;
  let folder: string;
  before(async function () {
    server = await postgresFor(this);
    folder = await mkdtemp(join(tmpdir(), 'fieldline-migrations-'));
  });
  after(async () => {
    await server?.stop();
    if (folder) await rm(folder, { recursive: true });
  });

  it('applies everything once when three start at once, and nothing the next time', async () => {
    const url = await server.database('thrice');
    const runs = await Promise.all([migrate(url), migrate(url), migrate(url)]);
    const all = await readMigrations();
    const names = all.map(({ version, name }) => `${String(version).padStart(4, '0')}_${name}`);
    assert.deepEqual(runs.flatMap(({ applied }) => applied).sort(), names);
    assert.deepEqual(await migrate(url), { variant: server.variant, applied: [], version: all.at(-1)!.version });
  });

  it('takes the time it needs, whatever limits the database has for others', async () => {
    const url = await server.database('hasty');
    await ask(url, "ALTER DATABASE hasty SET statement_timeout = '5ms'");
    await ask(url, "ALTER DATABASE hasty SET lock_timeout = '1ms'");
    assert.equal((await migrate(url)).version, (await readMigrations()).at(-1)?.version);
  });

  it('takes what will pass for an outage, and what stays for a broken migration', async () => {
    const url = await server.database('passing');
    const cut = await mkdtemp(join(tmpdir(), 'fieldline-migrations-'));
    for (const [state, code] of [
      ['53100', 'FIELDLINE_DATABASE'],
      ['57P01', 'FIELDLINE_DATABASE'],
      ['55P03', 'FIELDLINE_DATABASE'],
      ['42501', 'FIELDLINE_MIGRATION'],
    ]) {
      await writeFile(join(cut, '0001_cut.sql'), `DO $$ BEGIN RAISE SQLSTATE '${state}'; END $$;`);
      await assert.rejects(migrate(url, { folder: cut }), { code, kind: 'outage', message: new RegExp(state!) });
    }
    await rm(cut, { recursive: true });
  });

  it('needs no right to make tables where none is missing', async () => {
    const url = await server.database('lent');
    const { version } = await migrate(url);
    await ask(url, "CREATE ROLE guest LOGIN PASSWORD 'guest'; GRANT SELECT ON fieldline_migrations TO guest");
    const guest = url.replace(/\/\/[^@]+@/, '//guest:guest@');
    assert.deepEqual(await migrate(guest), { variant: server.variant, applied: [], version });
  });

  it('goes on where an older version stopped, in a transaction and outside', async () => {
    const url = await server.database('forward');
    const store = openStore({ url, connections: 2 });
    try {
      await writeFile(join(folder, '0001_first.sql'), 'CREATE TABLE t (n int);\r\nINSERT INTO t VALUES (1);\r\n');
      assert.deepEqual(await migrationState(store.query, folder), { version: 0, newest: 1, variant: undefined });
      await migrate(url, { folder });
      await writeFile(join(folder, '0001_first.sql'), 'CREATE TABLE t (n int);\nINSERT INTO t VALUES (1);\n');
      await writeFile(
        join(folder, '0002_second.sql'),
        'INSERT INTO t VALUES (2);\n-- outside a transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS t_n ON t (n);\n',
      );
      assert.deepEqual((await migrate(url, { folder })).applied, ['0002_second']);
      assert.deepEqual(await store.query('SELECT n FROM t ORDER BY n'), [{ n: 1 }, { n: 2 }]);
      assert.deepEqual(await migrationState(store.query, folder), { version: 2, newest: 2, variant: server.variant });

      await writeFile(join(folder, '0003_broken.sql'), 'INSERT INTO t VALUES (3);\nSELECT nonsense;\n');
      await assert.rejects(migrate(url, { folder }), {
        message: /migration 0003_broken: .*nonsense/,
        nextStep: /See to the reason/,
      });
      assert.deepEqual(await store.query('SELECT max(n) AS n FROM t'), [{ n: 2 }]);
      await rm(join(folder, '0003_broken.sql'));

      await writeFile(join(folder, '0001_first.sql'), 'CREATE TABLE other ();\n');
      await assert.rejects(migrate(url, { folder }), {
        message: /another content/,
        nextStep: /Restore the migration file/,
      });
      await rm(join(folder, '0002_second.sql'));
      await writeFile(join(folder, '0001_first.sql'), 'CREATE TABLE t (n int);\nINSERT INTO t VALUES (1);\n');
      await assert.rejects(migrate(url, { folder }), {
        code: 'FIELDLINE_MIGRATION',
        message: /older than its database/,
        nextStep: /Install the newer Fieldline/,
      });
    } finally {
      await store.close();
    }
  });

  it('reports a database that is away, or refuses, as an outage without the password', async () => {
    const away = server.url.replace(/:\d+\//, ':1/');
    for (const url of [away, server.url.replace(/:[0-9a-f]+@/, ':wrong@'), server.url.replace(/test$/, 'nowhere')])
      await assert.rejects(migrate(url), (fault: Fault) => {
        assert.equal(fault.kind, 'outage');
        assert.equal(fault.code, 'FIELDLINE_DATABASE');
        assert.doesNotMatch(fault.message, /wrong@|[0-9a-f]{24}/);
        return true;
      });
    await assert.rejects(migrate('http://localhost'), { code: 'FIELDLINE_SETTING' });
    await assert.rejects(migrate(server.url, { folder: join(folder, 'nowhere') }), {
      code: 'FIELDLINE_MIGRATION',
      kind: 'data',
    });
  });

  it('makes every table with org_id and metadata', async () => {
    const url = await server.database('columns');
    await migrate(url);
    const bare = await ask(
      url,
      `SELECT relname FROM pg_class c WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
         AND NOT relispartition AND relname <> 'fieldline_migrations'
         AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND attname IN ('org_id', 'metadata')) < 2`,
    );
    assert.deepEqual(bare, []);
  });

  it('compares the texts of keys byte by byte, whatever the locale of the database', async () => {
    const url = await server.database('keys');
    await migrate(url);
    const others = await ask(
      url,
      `SELECT indexrelid::regclass::text AS index FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid, unnest(indcollation) AS compared
       WHERE indisunique AND relnamespace = 'public'::regnamespace AND compared NOT IN (0, 'pg_catalog."C"'::regcollation)`,
    );
    assert.deepEqual(others, []);
  });

  it('makes hypertables for the owner of a database who is no superuser', async function () {
    timescaleHere(this);
    const url = await server.database('owned');
    await ask(url, "CREATE ROLE owner LOGIN PASSWORD 'owner'; ALTER DATABASE owned OWNER TO owner");
    const owner = url.replace(/\/\/[^@]+@/, '//owner:owner@');
    assert.equal((await migrate(owner)).variant, 'timescale');
    assert.deepEqual(await ask(owner, 'SELECT count(*)::int AS n FROM timescaledb_information.hypertables'), [
      { n: 5 },
    ]);
  });

  it('says why it makes no hypertables where TimescaleDB is there', async function () {
    timescaleHere(this);
    const url = await server.database('tenant');
    await ask(url, "CREATE ROLE tenant LOGIN PASSWORD 'tenant'; GRANT CREATE ON SCHEMA public TO tenant");
    const bare = await startPostgres({ shared_preload_libraries: '' });
    try {
      for (const [address, why] of [
        [url.replace(/\/\/[^@]+@/, '//tenant:tenant@'), /cannot be installed.*permission denied.*SQLSTATE 42501/],
        [bare.url, /not in shared_preload_libraries/],
      ] as const) {
        const said: string[] = [];
        assert.equal((await migrate(address, { log: line => said.push(line) })).variant, 'plain');
        assert.match(said[0]!, why);
      }
    } finally {
      await bare.stop();
    }
  });

  it('refuses a TimescaleDB that is too old', async function () {
    if (server.variant !== 'plain') return this.skip();
    const tooOld = {
      code: 'FIELDLINE_MIGRATION',
      message: /TimescaleDB: expected version 2\.23 or newer, got "2\.22\.1"/,
      nextStep: /ALTER EXTENSION timescaledb UPDATE/,
    };
    const install = `SET allow_system_table_mods = on;
      INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
      VALUES (99999, 'timescaledb', 10, 'public'::regnamespace, false, '2.22.1')`;
    const url = await server.database('old_timescaledb');
    await ask(url, install);
    await assert.rejects(migrate(url), tooOld);
    // One with tables of Fieldline: it matters where they are hypertables.
    const born = await server.database('born');
    await migrate(born);
    await ask(born, install);
    assert.equal((await migrate(born)).variant, 'plain');
    await ask(born, "UPDATE fieldline_migrations SET variant = 'timescale'");
    await assert.rejects(migrate(born), tooOld);
  });
});
