// Pieces of the write-ahead log, made before they are needed.
import assert from 'node:assert/strict';
import pg from 'pg';
import { minWalSize, walAhead } from '../../gateway/wal-ahead.ts';
import { postgresHere, startPostgres, type TestPostgres } from '../support/postgres.ts';

describe('write-ahead log made ahead', () => {
  let postgres: TestPostgres;
  let client: pg.Client;

  before(async function () {
    postgresHere(this);
    postgres = await startPostgres({ min_wal_size: '80MB' });
    client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
  });
  after(async () => {
    await client?.end();
    await postgres?.stop();
  });

  const pieces = async (): Promise<string[]> =>
    (
      await client.query<{ name: string }>(`SELECT name FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' ORDER BY 1`)
    ).rows.map(({ name }) => name);

  it('ends at once when it is told to', async () => {
    await assert.rejects(walAhead(postgres.url, AbortSignal.abort()), { name: 'AbortError' });
    assert.equal((await pieces()).length, 1);
  });

  it('has all pieces lie ready: what is written then makes none', async () => {
    await walAhead(postgres.url);
    const ready = await pieces();
    assert.ok(ready.length >= 5, ready.join(' '));
    for (let megabytes = 0; megabytes < 60; megabytes++)
      await client.query(`SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000000))`);
    assert.deepEqual(await pieces(), ready);
  });

  it('does nothing where they are there', async () => {
    const [before] = (await client.query<{ place: string }>('SELECT pg_current_wal_insert_lsn() AS place')).rows;
    await walAhead(postgres.url);
    const [after] = (await client.query<{ place: string }>('SELECT pg_current_wal_insert_lsn() AS place')).rows;
    assert.deepEqual(after, before);
  });

  it('is a setting that PostgreSQL takes', async () => {
    const { rows } = await client.query<{ bytes: string }>('SELECT pg_size_bytes($1) AS bytes', [minWalSize('.')]);
    assert.ok(Number(rows[0]?.bytes) >= 80 * 1024 ** 2);
  });
});
