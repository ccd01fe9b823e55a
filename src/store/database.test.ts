// A database that is not there yet, that somebody else migrates, or that was made by another program version.
import assert from 'node:assert/strict';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { type Database, openDatabase } from './database.ts';
import { migrate } from './migrate.ts';
import { openStore } from './store.ts';

describe('database', () => {
  let server: TestPostgres;
  let database: Database | undefined;
  before(async function () {
    server = await postgresFor(this);
  });
  after(() => server?.stop());
  afterEach(async () => {
    await database?.close();
    database = undefined;
  });

  const open = (url: string, migrates = true) => {
    let warned: (text: string) => void = () => undefined;
    const warning = new Promise<string>(resolve => {
      warned = resolve;
    });
    database = openDatabase({ url, migrate: migrates, log: (level, text) => level !== 'info' && warned(text) });
    return { database, warning };
  };

  it('is migrated once it answers', async () => {
    const url = await server.database('late');
    await server.terminate();
    const { database, warning } = open(url);
    assert.match(await warning, /ECONNREFUSED.*trying again/);
    assert.equal(database.variant, undefined);
    await server.restart();
    assert.equal(await database.migrated, server.variant);
    assert.equal(database.variant, server.variant);
    assert.deepEqual(await database.query('SELECT count(*) AS n FROM devices'), [{ n: 0 }]);
  });

  it('waits for somebody else to migrate it', async () => {
    const url = await server.database('others');
    const { database, warning } = open(url, false);
    assert.match(await warning, /expected version \d+, got 0/);
    await migrate(url);
    assert.equal(await database.migrated, server.variant);
  });

  it('does not try again what cannot work', async () => {
    const url = await server.database('changed');
    await migrate(url);
    const store = openStore({ url });
    await store.query("UPDATE fieldline_migrations SET checksum = 'other' WHERE version = 1");
    await store.close();
    const { database, warning } = open(url);
    await assert.rejects(database.migrated, { code: 'FIELDLINE_MIGRATION' });
    assert.match(await warning, /another content/);
  });

  it('closes while it waits', async () => {
    await server.terminate();
    const { database, warning } = open(server.url);
    await warning;
    await database.close();
    await assert.rejects(database.migrated, { kind: 'outage' });
    await server.restart();
  });

  it('forgets receipts by their age, not by the clock', async () => {
    const url = await server.database('receipts');
    await migrate(url);
    const store = openStore({ url });
    try {
      await store.query(`INSERT INTO receipts (key, target, created_at) VALUES
        ('newest', 't', now() - interval '30 days'), ('recent', 't', now() - interval '36 days'), ('old', 't', now() - interval '38 days')`);
      await open(url).database.migrated;
      await database?.upkept;
      assert.deepEqual(await store.query('SELECT key FROM receipts ORDER BY key'), [
        { key: 'newest' },
        { key: 'recent' },
      ]);
    } finally {
      await store.close();
    }
  });
});
