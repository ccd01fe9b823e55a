// A statement on a connection: its answer, the server's error, and the end of waiting for one.
import assert from 'node:assert/strict';
import pg from 'pg';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { ask } from './ask.ts';
import { databaseFault } from './fault.ts';

describe('ask', () => {
  let server: TestPostgres;
  let client: pg.Client;
  before(async function () {
    server = await postgresFor(this);
    client = new pg.Client({ connectionString: server.url });
    await client.connect();
  });
  after(async () => {
    await client?.end();
    await server?.stop();
  });

  it('answers with the rows, or rejects with what the server says', async () => {
    const { rows } = await ask(client, { text: 'SELECT $1::int + 1 AS n', values: [1] }, 10_000);
    assert.deepEqual(rows, [{ n: 2 }]);
    await assert.rejects(ask(client, { text: 'SELECT 1 / 0' }, 10_000), { code: '22012' });
  });

  it('does not wait for ever: a fault of kind outage that says what to look at', async () => {
    const silent = new pg.Client({ connectionString: server.url });
    await silent.connect();
    try {
      const fault = await ask(silent, { text: 'SELECT pg_sleep(5)' }, 50).then(() => undefined, databaseFault);
      assert.equal(fault?.kind, 'outage');
      assert.match(fault.message, /Query read timeout; nobody answers/);
    } finally {
      await silent.end();
    }
  });
});
