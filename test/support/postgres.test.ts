// The throw-away PostgreSQL itself: it answers, survives a crash with its data, and leaves nothing behind.
import assert from 'node:assert/strict';
import { postgresFor, type TestPostgres } from './postgres.ts';
import { ask } from './ask.ts';

describe('throw-away PostgreSQL', () => {
  let server: TestPostgres;
  before(async function () {
    server = await postgresFor(this);
  });
  after(() => server?.stop());

  it('keeps committed rows over a crash and comes back on the same address', async () => {
    await ask(server.url, 'CREATE TABLE kept (n int)');
    await ask(server.url, 'INSERT INTO kept VALUES (7)');
    const before = server.pid;
    await server.terminate('SIGKILL');
    await assert.rejects(ask(server.url, 'SELECT 1'));
    await server.restart();
    assert.notEqual(server.pid, before);
    assert.deepEqual(await ask(server.url, 'SELECT n FROM kept'), [{ n: 7 }]);
  });

  it('gives further empty databases', async () => {
    const url = await server.database('second');
    assert.deepEqual(await ask(url, "SELECT to_regclass('kept') AS kept"), [{ kept: null }]);
  });
});
