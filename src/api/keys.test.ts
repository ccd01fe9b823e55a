// API keys on a real PostgreSQL: made, listed, rotated with overlap, revoked; told once and kept as hashes.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import type { Query } from '../reading/contracts.ts';
import { migrate } from '../store/migrate.ts';
import { openStore } from '../store/store.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { keyRing } from './key-ring.ts';
import { createKey, firstKey, listKeys, revokeKeys, rotateKey } from './keys.ts';

describe('API keys', () => {
  let server: TestPostgres;
  let query: Query;
  let end: () => Promise<void>;
  before(async function () {
    server = await postgresFor(this);
    await migrate(server.url);
    const store = openStore({ url: server.url, connections: 2 });
    query = store.query;
    end = () => store.close();
  });
  after(async () => {
    await end?.();
    await server?.stop();
  });
  beforeEach(() => query('TRUNCATE api_keys'));

  const works = async (text: string): Promise<boolean> =>
    (await keyRing(query, { ...fakeClock(), now: Date.now }).find(text)) !== undefined;

  it('tells a key once and keeps its hash', async () => {
    const { key, ...line } = await createKey(query, { name: 'gw-1', orgId: 'acme', limitPerMinute: 20, partial: true });
    assert.match(key, /^flk_[\w-]{43}$/);
    assert.deepEqual(
      [line.name, line.kind, line.state, line.org_id, line.limit_per_minute, line.partial, line.hint],
      ['gw-1', 'gateway', 'in use', 'acme', 20, true, key.slice(0, 10)],
    );
    const [row] = await query<Record<string, unknown>>('SELECT * FROM api_keys');
    assert.ok(!JSON.stringify(row).includes(key));
    assert.deepEqual(
      (await listKeys(query)).map(one => 'key' in one),
      [false],
    );
    assert.ok(await works(key));
    assert.ok(!(await works(`${key} `)));
  });

  it('has one key in use for each name and organisation', async () => {
    await createKey(query, { name: 'gw-1' });
    await assert.rejects(createKey(query, { name: 'gw-1' }), /expected a name that no key in use has/);
    await createKey(query, { name: 'gw-1', orgId: 'acme' });
  });

  it('rotates: both keys work for the overlap, then the new one alone', async () => {
    const old = await createKey(query, { name: 'gw-1', kind: 'app', limitPerMinute: 5 });
    const fresh = await rotateKey(query, { who: 'gw-1' }, 24);
    assert.deepEqual([fresh.name, fresh.kind, fresh.limit_per_minute], ['gw-1', 'app', 5]);
    assert.deepEqual([await works(old.key), await works(fresh.key)], [true, true]);
    assert.deepEqual(
      (await listKeys(query)).map(({ state }) => state),
      ['in use', 'replaced'],
    );
    await query(`UPDATE api_keys SET expires_at = now() WHERE id = $1`, [old.id]);
    assert.deepEqual([await works(old.key), await works(fresh.key)], [false, true]);
    const third = await rotateKey(query, { who: String(fresh.id) }, 0);
    assert.deepEqual([await works(fresh.key), await works(third.key)], [false, true]);
  });

  it('revokes by name, with what a rotation has left, or one by its number', async () => {
    const old = await createKey(query, { name: 'gw-1' });
    const fresh = await rotateKey(query, { who: 'gw-1' }, 24);
    const other = await createKey(query, { name: 'gw-2' });
    assert.equal((await revokeKeys(query, { who: String(old.id) })).length, 1);
    assert.deepEqual([await works(old.key), await works(fresh.key)], [false, true]);
    await revokeKeys(query, { who: 'gw-1' });
    assert.deepEqual([await works(fresh.key), await works(other.key)], [false, true]);
    await assert.rejects(revokeKeys(query, { who: 'gw-1' }), /name or number of a key in use/);
    await assert.rejects(rotateKey(query, { who: 'gw-1' }, 1), /name or number of a key in use/);
    await createKey(query, { name: 'gw-1' });
  });

  it('takes no key of another organisation along, and no key whose name is the number of another', async () => {
    const north = await createKey(query, { name: 'gw', orgId: 'north' });
    const south = await createKey(query, { name: 'gw', orgId: 'south' });
    for (const change of [revokeKeys(query, { who: 'gw' }), rotateKey(query, { who: 'gw' }, 1)])
      await assert.rejects(
        change,
        new RegExp(`one of the numbers ${north.id}, ${south.id}, since several organisations`),
      );
    const fresh = await rotateKey(query, { who: 'gw', orgId: 'south' }, 0);
    assert.deepEqual([await works(north.key), await works(south.key), await works(fresh.key)], [true, false, true]);
    await assert.rejects(revokeKeys(query, { who: String(north.id), orgId: 'south' }), /name or number/);
    const named = await createKey(query, { name: String(north.id) });
    await revokeKeys(query, { who: String(north.id) });
    assert.deepEqual([await works(north.key), await works(named.key)], [false, true]);
    await revokeKeys(query, { who: String(named.id) });
    assert.deepEqual([await works(named.key), await works(fresh.key)], [false, true]);
  });

  it('lets a key expire', async () => {
    const { key, state } = await createKey(query, { name: 'short', expiresInHours: 0 });
    assert.equal(state, 'expired');
    assert.ok(!(await works(key)));
  });

  it('makes a first key in a database that never had one, also when two ask at once', async () => {
    const made = (await Promise.all([firstKey(query), firstKey(query)])).filter(one => one !== undefined);
    assert.equal(made.length, 1);
    assert.equal(made[0]?.kind, 'app');
    await revokeKeys(query, { who: 'first' });
    assert.equal(await firstKey(query), undefined);
  });
});
