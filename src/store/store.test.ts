// The store against a real PostgreSQL that is stopped, refuses, and cuts connections.
import assert from 'node:assert/strict';
import pg from 'pg';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import type { Fault } from '../kernel/fault.ts';
import { openStore, poolConfig, type Store } from './store.ts';

const kindOf = async (work: Promise<unknown>) =>
  work.then(
    () => 'none',
    error => (error as Fault).kind,
  );

describe('store', () => {
  let server: TestPostgres;
  let store: Store;
  before(async function () {
    server = await postgresFor(this);
    store = openStore({ url: server.url, connections: 3, statementTimeoutMs: 2000 });
    await store.query('CREATE TABLE t (n int PRIMARY KEY CHECK (n < 1000))');
  });
  after(async () => {
    await store?.close();
    await server?.stop();
  });

  it('ends what a stranger made endless, without calling the database away, and lets the next one take its time', async () => {
    await assert.rejects(store.within(50)('SELECT pg_sleep(600)'), { kind: 'data', message: /0.05 s .*57014/ });
    assert.deepEqual(store.state, { up: true, reason: '' });
    assert.deepEqual(await store.within(1500)('SELECT $1::int AS n', [1]), [{ n: 1 }]);
    const shown = await Promise.all([1, 2, 3].map(() => store.query('SHOW statement_timeout')));
    for (const rows of shown) assert.deepEqual(rows, [{ statement_timeout: '2s' }]);
  });

  it('reads whole numbers as numbers while they fit', async () => {
    assert.deepEqual(
      await store.query('SELECT 9007199254740991::bigint AS fits, 9007199254740993::bigint AS does_not'),
      [{ fits: 9007199254740991, does_not: '9007199254740993' }],
    );
  });

  it('marks its connections', async () => {
    assert.deepEqual(
      await store.query(
        "SELECT current_setting('fieldline.writer') AS mark, current_setting('application_name') AS name",
      ),
      [{ mark: 'on', name: 'fieldline' }],
    );
  });

  it('reads and writes values as they are, on the disk, whatever the database is set to', async () => {
    const settings = [
      ...[
        "datestyle = 'German'",
        "intervalstyle = 'sql_standard'",
        'extra_float_digits = 0',
        'synchronous_commit = off',
        'array_nulls = off',
        "default_transaction_isolation = 'serializable'",
      ],
      ...['standard_conforming_strings = off', "idle_session_timeout = '1s'", "timezone = 'Asia/Kathmandu'"],
    ];
    for (const setting of settings) await store.query(`ALTER DATABASE test SET ${setting}`);
    // From version 17 on; a batch with many refused rows is a long transaction.
    await store.query(`DO $$ BEGIN IF current_setting('server_version_num')::int >= 170000 THEN
      ALTER DATABASE test SET transaction_timeout = '100ms'; END IF; END $$`);
    const other = openStore({ url: server.url, connections: 1, statementTimeoutMs: 2000 });
    const [read] = await other.query(
      `SELECT timestamptz '2026-01-03T16:00:00Z' AS time, 0.1::float8 + 0.2 AS number,
      interval '90 s' AS span, '\\d' AS text, $1::text[] AS gap, current_setting('transaction_isolation') AS apart,
      current_setting('synchronous_commit') AS kept,
      current_setting('idle_session_timeout') AS idle, current_setting('statement_timeout') AS longest`,
      ['{NULL}'],
    );
    assert.equal(await kindOf(other.within(10_000)('SELECT pg_sleep(0.3)')), 'none');
    await other.close();
    await store.query('ALTER DATABASE test RESET ALL');
    assert.deepEqual(JSON.parse(JSON.stringify(read)), {
      ...{ time: '2026-01-03T16:00:00.000Z', number: 0.1 + 0.2, span: { minutes: 1, seconds: 30 }, text: '\\d' },
      ...{ gap: [null], apart: 'read committed', kept: 'on', idle: '0', longest: '2s' },
    });
  });

  it('goes on without prepared statements behind a pooler that changes the connection', async () => {
    const other = openStore({ url: server.url, connections: 1 });
    assert.deepEqual(await other.prepared('SELECT 1 AS n'), [{ n: 1 }]);
    await other.query('DEALLOCATE ALL');
    await assert.rejects(other.prepared('SELECT 1 AS n'), { kind: 'outage', message: /26000/ });
    assert.deepEqual(await other.prepared('SELECT 1 AS n'), [{ n: 1 }]);
    assert.deepEqual(await other.query('SELECT count(*) AS n FROM pg_prepared_statements'), [{ n: 0 }]);
    await other.close();
  });

  it('keeps connections for those who write while questions wait for a locked table', async () => {
    const many = openStore({ url: server.url, connections: 4, connectTimeoutMs: 3000 });
    await store.query('CREATE TABLE locked ()');
    const other = await store.pool.connect();
    await other.query('BEGIN; LOCK TABLE locked');
    const seen: boolean[] = [];
    many.onState(({ up }) => seen.push(up));
    const questions = Array.from({ length: 8 }, () =>
      many.query('SELECT FROM locked').catch((fault: Fault) => fault.message),
    );
    // Until those that found no connection have been told.
    const told = await Promise.race(questions);
    assert.match(String(told), /all 3 connections for questions are busy: a table is locked/);
    assert.deepEqual(await many.prepared('SELECT 1 AS n'), [{ n: 1 }]);
    await other.query('ROLLBACK');
    other.release();
    const answers = await Promise.all(questions);
    assert.equal(answers.filter(answer => typeof answer !== 'string').length, 3);
    assert.deepEqual(await many.query('SELECT 1 AS n'), [{ n: 1 }]);
    assert.ok(!seen.includes(false));
    await many.close();
  });

  it('asks the driver for the one meaning that it gives to the modes of TLS', () => {
    for (const [mode, meant] of [
      ['require', 'verify-full'],
      ['verify-ca', 'verify-full'],
      ['no-verify', 'no-verify'],
      ['require&uselibpqcompat=true', 'require'],
    ]) {
      const { connectionString } = poolConfig({ url: `postgres://u@h/d?sslmode=${mode}` });
      assert.equal(new URL(connectionString!).searchParams.get('sslmode'), meant);
    }
  });

  it('begins with nothing that a pooler refuses, and with the password also where the address has no host', async () => {
    const client = new pg.Client(poolConfig({ url: 'postgres:///d?host=/run/postgresql&user=u', password: 'a&b %c' }));
    assert.equal(client.password, 'a&b %c');
    const { getStartupConf } = client as unknown as { getStartupConf(): object };
    const startup = getStartupConf.call(client);
    assert.deepEqual(startup, { user: 'u', database: 'd', application_name: 'fieldline' });
  });

  it('has the server give back the locks of a connection of which nothing is heard', async () => {
    const [limit] = await store.query("SELECT current_setting('idle_in_transaction_session_timeout') AS idle");
    const [keepalive] = await store.query("SELECT current_setting('tcp_keepalives_idle') AS idle");
    assert.deepEqual([limit, keepalive], [{ idle: '1min' }, { idle: '30' }]);
  });

  it('narrows a data fault down to its items, and commits the rest at once', async () => {
    const written = await store.bulk([1, 2, 5000, 3, 4, 6000], numbers => ({
      sql: 'INSERT INTO t SELECT unnest($1::int4[]) RETURNING n',
      values: [numbers],
    }));
    const refused = written.flatMap(part => ('refused' in part ? part.items : []));
    assert.deepEqual(refused, [5000, 6000]);
    assert.deepEqual(
      written.flatMap(part => part.items),
      [1, 2, 5000, 3, 4, 6000],
    );
    assert.deepEqual(await store.query('SELECT array_agg(n ORDER BY n) AS n FROM t'), [{ n: [1, 2, 3, 4] }]);
  });

  const costs: readonly [name: string, isBad: (n: number) => boolean, most: number][] = [
    ['one of 1,000', n => n === 617, 25],
    ['every second', n => n % 2 === 1, 1700],
    ['all', () => true, 1020],
    ['a hundred in a row', n => n >= 300 && n < 400, 140],
  ];
  for (const [name, isBad, most] of costs)
    it(`tries no more statements than it must: ${name}`, async () => {
      const items = Array.from({ length: 1000 }, (_, n) => n);
      let statements = 0;
      const written = await store.bulk(items, part => {
        statements++;
        return { sql: 'SELECT 1 / unnest($1::int4[])', values: [part.map(n => (isBad(n) ? 0 : 1))] };
      });
      assert.deepEqual(
        written.flatMap(part => part.items),
        items,
      );
      assert.deepEqual(
        written.flatMap(part => ('refused' in part ? part.items : [])),
        items.filter(isBad),
      );
      assert.ok(statements <= most, String(statements));
    });

  it('finds what a constraint at the end of the transaction refuses', async () => {
    await store.query(
      `CREATE TABLE early (n int PRIMARY KEY); INSERT INTO early VALUES (900);
      CREATE TABLE late (n int REFERENCES early DEFERRABLE INITIALLY DEFERRED)`,
    );
    const written = await store.bulk([900, 901, 900, 902], numbers => ({
      sql: 'INSERT INTO late SELECT unnest($1::int4[])',
      values: [numbers],
    }));
    assert.deepEqual(
      written.map(part => [part.items, 'refused' in part]),
      [
        [[900], false],
        [[901], true],
        [[900], false],
        [[902], true],
      ],
    );
  });

  it('survives connections cut at work and at rest, and says so', async () => {
    const seen: boolean[] = [];
    const end = store.onState(({ up }) => seen.push(up));
    const working = kindOf(store.query('SELECT pg_sleep(60)'));
    await store.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'test'",
    );
    assert.equal(await working, 'outage');
    await store.query('SELECT 1');
    end();
    assert.equal(seen.at(-1), true);
    assert.ok(seen.includes(false));
  });

  it('says what to type where a unique index is gone', async () => {
    await store.query('CREATE TABLE unkeyed (a int)');
    for (const ask of [store.query, store.prepared])
      await assert.rejects(
        ask('INSERT INTO unkeyed (a) VALUES (1) ON CONFLICT (a) DO NOTHING'),
        /a unique index is missing; make it anew: CREATE UNIQUE INDEX ON unkeyed \(a\);/,
      );
    await store.query('CREATE UNIQUE INDEX ON unkeyed (a);');
    await store.query('INSERT INTO unkeyed (a) VALUES (1) ON CONFLICT (a) DO NOTHING');
    await store.query('DROP TABLE unkeyed');
  });

  it('gives up a statement that takes too long', async () => {
    assert.equal(await kindOf(store.query('SELECT pg_sleep(60)')), 'outage');
  });

  it('writes nothing of a bulk when the server goes in the middle, and works again afterwards', async () => {
    let statements = 0;
    const bulk = store.bulk([7000, 11, 12], numbers => {
      // The whole, the bad row, then the good ones: they are written when the server goes.
      const slow = ++statements === 3 ? ', pg_sleep(60)' : '';
      if (slow) void server.terminate('SIGQUIT');
      return { sql: `INSERT INTO t SELECT unnest($1::int4[]) RETURNING n${slow}`, values: [numbers] };
    });
    assert.equal(await kindOf(bulk), 'outage');
    assert.equal(await kindOf(store.query('SELECT 1')), 'outage');
    assert.equal(store.state.up, false);
    await server.restart();
    assert.deepEqual(await store.query('SELECT n FROM t WHERE n > 10'), []);
    assert.deepEqual(store.state, { up: true, reason: '' });
  });
});
