// Key ring on a database that answers what the test says: new, revoked and expired keys, floods of wrong ones, an outage.
import assert from 'node:assert/strict';
import { fakeClock, systemClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';
import { type Key, keyRing } from './key-ring.ts';
import { keyHash } from './keys.ts';

describe('key ring', () => {
  const row = (text: string, more: object = {}) => ({
    ...{ id: 1, name: text, kind: 'gateway', hash: keyHash(text), org_id: null, limit_per_minute: null },
    ...{ partial: false, expires_at: null },
    ...more,
  });
  let rows: object[];
  let asked: string[];
  let away: boolean;
  const clock = fakeClock();
  const query: Query = async <R>(sql: string) => {
    asked.push(sql.slice(0, 6));
    if (away) throw new Fault('FIELDLINE_DATABASE', 'database: away', { kind: 'outage' });
    return rows as R[];
  };
  beforeEach(() => {
    rows = [row('a')];
    asked = [];
    away = false;
  });

  it('knows a key without asking again, and asks again after half a second', async () => {
    const ring = keyRing(query, clock);
    for (let n = 0; n < 100; n++) assert.equal((await ring.find('a'))?.name, 'a');
    assert.equal(asked.length, 1);
    rows = [];
    clock.advance(499);
    assert.equal((await ring.find('a'))?.name, 'a');
    clock.advance(1);
    assert.equal(await ring.find('a'), undefined);
  });

  it('finds a key that was just made, and asks at most 20 times a second for wrong ones', async () => {
    const ring = keyRing(query, clock);
    await ring.find('a');
    rows = [row('a'), row('b', { limit_per_minute: 7, org_id: 'acme' })];
    clock.advance(50);
    const found = (await ring.find('b')) as Key;
    assert.deepEqual([found.perMinute, found.orgId], [7, 'acme']);
    asked = [];
    for (let n = 0; n < 1000; n++) {
      clock.advance(1);
      assert.equal(await ring.find(`wrong ${n}`), undefined);
    }
    assert.ok(asked.filter(one => one === 'SELECT').length <= 21, `${asked.length}`);
  });

  it('waits a moment for a key that was just made, not for what can be none', async () => {
    const fresh = `flk_${'x'.repeat(43)}`;
    const ring = keyRing(query, systemClock);
    await ring.find('a');
    rows = [row('a'), row(fresh)];
    const [found, known] = await Promise.all([ring.find(fresh), ring.find('a')]);
    assert.deepEqual([found?.name, known?.name], [fresh, 'a']);
    asked = [];
    assert.equal(await ring.find('flk_short'), undefined);
    assert.equal(await ring.find(`${fresh}x`), undefined);
    assert.deepEqual(asked, []);
  });

  it('lets a key expire by the clock, also when the database is away', async () => {
    rows = [row('a', { expires_at: new Date(clock.now() + 1000) }), row('b')];
    const ring = keyRing(query, clock);
    assert.ok(await ring.find('a'));
    away = true;
    clock.advance(1000);
    assert.equal(await ring.find('a'), undefined);
    assert.ok(await ring.find('b'), 'as last known');
  });

  it('is an outage before the keys were ever read', async () => {
    away = true;
    const ring = keyRing(query, clock);
    await assert.rejects(ring.find('a'), /away/);
    away = false;
    clock.advance(500);
    assert.ok(await ring.find('a'));
  });

  it('refuses no key that may have been made while the database does not answer', async () => {
    const fresh = `flk_${'y'.repeat(43)}`;
    const ring = keyRing(query, clock);
    assert.ok(await ring.find('a'));
    away = true;
    clock.advance(60);
    await assert.rejects(ring.find(fresh), /away/);
    assert.equal(await ring.find('flk_short'), undefined, 'no key of ours');
    assert.ok(await ring.find('a'), 'as last known');
    away = false;
    rows = [row('a'), row(fresh)];
    clock.advance(60);
    assert.equal((await ring.find(fresh))?.name, fresh);
    const hangs = keyRing(async <R>(sql: string) => {
      if (sql.startsWith('SELECT') && away) await new Promise(() => {});
      return [] as R[];
    }, clock);
    await hangs.load();
    away = true;
    clock.advance(500);
    await assert.rejects(hangs.find(fresh), /not been read yet/);
  });

  it('begins with what the ring before it knew of the same database, and asks all the same', async () => {
    const database = 'postgres://one';
    assert.ok(await keyRing(query, clock, { database }).find('a'));
    away = true;
    assert.ok(await keyRing(query, clock, { database }).find('a'), 'as last known');
    await assert.rejects(keyRing(query, clock, { database: 'postgres://other' }).find('a'), /away/);
    away = false;
    rows = [];
    assert.equal(await keyRing(query, clock, { database }).find('a'), undefined, 'revoked meanwhile');
  });

  it('answers by what it knows while the database does not', async () => {
    const ring = keyRing(async <R>(sql: string) => {
      if (sql.startsWith('SELECT') && away) await new Promise(() => {});
      return rows as R[];
    }, clock);
    await ring.load();
    away = true;
    clock.advance(500);
    assert.ok(await ring.find('a'));
    assert.ok(await ring.find('a'));
  });

  it('takes the keys it was given beside those of the table', async () => {
    const own: Key = { id: 0, name: 'own', kind: 'app', orgId: undefined, perMinute: undefined, partial: false };
    const ring = keyRing(query, clock, { extra: new Map([['secret', own]]) });
    assert.equal(await ring.find('secret'), own);
    assert.deepEqual(asked, []);
  });
});
