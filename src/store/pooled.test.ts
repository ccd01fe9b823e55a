// Behind a pooler that hands each transaction to another connection of the server: nothing is left on one, nothing is missing on another.
import assert from 'node:assert/strict';
import pg from 'pg';
import { startPooler, type Pooler } from '../../test/support/pooler.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { migrate } from './migrate.ts';
import { readMigrations } from './migrations.ts';
import { openStore, type Store } from './store.ts';

describe('store behind a pooler by transaction', () => {
  let server: TestPostgres;
  let pooler: Pooler;
  let store: Store;
  before(async function () {
    server = await postgresFor(this);
    const user = openStore({ url: server.url, connections: 1 });
    await user.query(
      `ALTER ROLE fieldline SET synchronous_commit = off; ALTER ROLE fieldline SET statement_timeout = '7s';
       ALTER ROLE fieldline SET default_transaction_isolation = 'serializable'`,
    );
    await user.close();
    pooler = await startPooler(server.url);
    store = openStore({ url: pooler.url, connections: 5 });
  });
  after(async () => {
    await store?.close();
    await pooler?.close();
    await server?.stop();
  });

  /** Of each connection of the server, as another client of the pooler finds them. */
  async function found(sql: string): Promise<unknown[]> {
    const stranger = new pg.Client({ connectionString: pooler.url });
    await stranger.connect();
    try {
      const rows = [];
      for (let n = 0; n < 6; n++) rows.push((await stranger.query(sql)).rows[0]);
      return rows;
    } finally {
      await stranger.end();
    }
  }

  it('migrates, several at once and again, and leaves no lock behind', async () => {
    const version = (await readMigrations()).at(-1)?.version;
    const runs = await Promise.all([migrate(pooler.url), migrate(pooler.url)]);
    runs.push(await migrate(pooler.url));
    assert.deepEqual(
      runs.map(run => run.version),
      [version, version, version],
    );
    assert.deepEqual(await store.query("SELECT * FROM pg_locks WHERE locktype = 'advisory'"), []);
  });

  it('sets in each transaction what it needs, and nothing for others', async () => {
    const shown = `SELECT current_setting('fieldline.writer', true) AS mark, current_setting('synchronous_commit') AS kept,
      current_setting('statement_timeout') AS longest, current_setting('transaction_isolation') AS apart`;
    const own = await Promise.all(Array.from({ length: 12 }, () => store.prepared(shown)));
    for (const [row] of own) assert.deepEqual(row, { mark: 'on', kept: 'on', longest: '30s', apart: 'read committed' });
    assert.deepEqual(await store.within(1000)(shown), [
      { mark: 'on', kept: 'on', longest: '1s', apart: 'read committed' },
    ]);
    for (const row of await found(shown))
      assert.deepEqual(
        { ...(row as object), mark: (row as { mark: string | null }).mark || null },
        {
          ...{ mark: null, kept: 'off', longest: '7s', apart: 'serializable' },
        },
      );
  });

  it('prepares nothing, and counts as up throughout', async () => {
    const seen: boolean[] = [];
    const end = store.onState(({ up }) => seen.push(up));
    await Promise.all(Array.from({ length: 30 }, () => store.prepared('SELECT $1::int AS n', [1])));
    end();
    assert.deepEqual(
      seen.filter(up => !up),
      [],
    );
    for (const row of await found('SELECT count(*)::int AS n FROM pg_prepared_statements'))
      assert.deepEqual(row, { n: 0 });
  });

  it('waits for a connection that the pooler does not have no longer than for one of its own', async () => {
    const hogs = await Promise.all(
      [1, 2, 3].map(async () => {
        const hog = new pg.Client({ connectionString: pooler.url });
        await hog.connect();
        await hog.query('BEGIN');
        return hog;
      }),
    );
    const late = openStore({ url: pooler.url, connectTimeoutMs: 2000 });
    await assert.rejects(late.query('SELECT 1'), {
      kind: 'outage',
      message: /no connection left \(default_pool_size\)/,
    });
    for (const hog of hogs) await hog.query('ROLLBACK').then(() => hog.end());
    assert.deepEqual(await late.query('SELECT 1 AS n'), [{ n: 1 }]);
    await late.close();
  });

  it('narrows a refused batch down in one transaction', async () => {
    await store.query('CREATE TABLE few (n int CHECK (n < 10))');
    const written = await store.bulk([1, 20, 2], numbers => ({
      sql: 'INSERT INTO few SELECT unnest($1::int4[])',
      values: [numbers],
    }));
    assert.deepEqual(
      written.flatMap(part => ('refused' in part ? part.items : [])),
      [20],
    );
    assert.deepEqual(await store.query('SELECT array_agg(n ORDER BY n) AS n FROM few'), [{ n: [1, 2] }]);
  });
});
