// A backup and its restore behind a pooler that hands each transaction to another connection of the server.
import assert from 'node:assert/strict';
import pg from 'pg';
import { backup, fillWithEverything, restore } from '../../test/support/full-database.ts';
import { startPooler } from '../../test/support/pooler.ts';
import { postgresFor } from '../../test/support/postgres.ts';

const SHOWN = `SELECT current_setting('row_security') AS policies, current_setting('statement_timeout') AS longest,
  current_setting('extra_float_digits') AS digits, nullif(current_setting('fieldline.writer', true), '') AS mark`;

/** Of each connection of the server, as whoever gets it next finds it. */
async function left(url: string): Promise<unknown[]> {
  const stranger = new pg.Client({ connectionString: url });
  await stranger.connect();
  const rows = [];
  for (let n = 0; n < 6; n++) rows.push((await stranger.query<object>(SHOWN)).rows[0]);
  await stranger.end();
  return rows;
}

describe('a backup behind a pooler by transaction', () => {
  it('is the same as without it, there and back, and leaves nothing of its own to others', async function () {
    const server = await postgresFor(this);
    const pools = [];
    try {
      const source = await server.database('source');
      await fillWithEverything(source);
      const from = await startPooler(source);
      pools.push(from);
      const to = await startPooler(await server.database('target'));
      pools.push(to);
      const bare = await backup(source);
      const kept = await backup(from.url);
      assert.deepEqual([kept.sums, kept.pieces], [bare.sums, bare.pieces]);
      await restore(to.url, kept);
      assert.deepEqual((await backup(to.url)).sums, bare.sums);
      const untouched = { policies: 'on', longest: '0', digits: '1', mark: null };
      for (const row of [...(await left(from.url)), ...(await left(to.url))]) assert.deepEqual(row, untouched);
    } finally {
      for (const pool of pools) await pool.close();
      await server.stop();
    }
  });
});
