// Databases that several nodes name: one pool for one address, however it is spelled; what cannot be shared is told.
import assert from 'node:assert/strict';
import { onDatabase } from '../../test/support/database.ts';
import { until } from '../../test/support/until.ts';
import { shareDatabase } from './shared-database.ts';

describe('shared database', () => {
  const db = onDatabase();
  const open = (url: string, more: object = {}) => {
    const told: string[] = [];
    return { database: shareDatabase({ url, log: (_level, text) => told.push(text), ...more }), told };
  };
  /** The address of the server with another spelling. */
  const spelled = (change: (url: URL) => unknown) => {
    const url = new URL(db.server.url);
    change(url);
    return url.href;
  };

  it('has one pool for one address, however it is spelled, until the last user has closed it', async () => {
    const url = spelled(
      it => it.searchParams.set('application_name', 'a') ?? it.searchParams.set('sslmode', 'disable'),
    );
    const other = spelled(
      it => it.searchParams.set('sslmode', 'disable') ?? it.searchParams.set('application_name', 'a'),
    );
    const [first, second] = [open(url), open(other.replace('postgres:', 'postgresql:'), { password: '' })];
    assert.equal(first.database.pool, second.database.pool);
    const heard: boolean[] = [];
    first.database.onState(({ up }) => heard.push(up));
    await first.database.close();
    await first.database.close();
    await second.database.migrated;
    assert.deepEqual(await second.database.query('SELECT 1 AS one'), [{ one: 1 }]);
    assert.equal(second.database.state.up, true);
    assert.deepEqual(heard, []);
    const { pool } = second.database;
    await second.database.close();
    assert.equal(pool.ended, true);
    const third = open(url);
    assert.notEqual(third.database.pool, pool);
    await third.database.close();
  });

  it('tells where the same database has another address or other settings', async () => {
    const [named, numbered] = [open(spelled(it => (it.hostname = 'localhost'))), open(db.server.url)];
    assert.notEqual(named.database.pool, numbered.database.pool);
    const kept = open(db.server.url, { keepRawDays: 30 });
    const told = () => [...named.told, ...numbered.told, ...kept.told].join('\n');
    await until(() => /2 database nodes name this database.*up to 40 together/.test(told()), told);
    await until(() => /3 database nodes.*up to 60 together, and raw messages are kept for 30 days/.test(told()), told);
    for (const { database } of [named, numbered, kept]) await database.close();
  });

  it('says nothing of another database of the same server', async () => {
    const elsewhere = await db.server.database('elsewhere');
    const [one, two] = [open(db.server.url), open(elsewhere)];
    for (const { database } of [one, two]) await database.upkept;
    for (const { database } of [one, two]) await database.close();
    assert.doesNotMatch([...one.told, ...two.told].join('\n'), /database nodes/);
  });
});
