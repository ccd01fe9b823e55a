// Who may ask the API for what: tokens, keys, organisations.
import assert from 'node:assert/strict';
import { bearer, tokenFor } from './api.fixture.ts';
import { httpWorld, threeDevices } from '../../test/api/http-world.ts';
import { createKey } from './keys.ts';

describe('who asks the API', () => {
  const at = httpWorld();

  it('shows a token the rows of its organisation only', async () => {
    await threeDevices(at.store);
    await at.store.query(
      `INSERT INTO energy_readings (device_id, power_kw, org_id) VALUES ('a', 1, 'north'), ('b', 2, 'south');`,
    );
    await at.store.query(
      `INSERT INTO flow_data (device_id, flow_rate, org_id) VALUES ('a', 1, 'north'), ('b', 2, 'south')`,
    );
    const [north, south] = ['north', 'south'].map(org => bearer(tokenFor('viewer', org)));
    for (const [path, name] of [
      ['/api/devices', 'device_id'],
      ['/api/flow-data', 'device_id'],
      ['/api/v1/energy/latest', 'device_id'],
      ['/api/v1/energy/hourly', 'device_id'],
      ['/api/history?device=a&device=b&metric=power_kw&metric=flow_rate', 'device_id'],
    ] as const) {
      assert.deepEqual([...new Set(await at.column(name, path, north))], ['a'], path);
      assert.deepEqual([...new Set(await at.column(name, path, south))], ['b'], path);
      const all = new Set(await at.column(name, path));
      assert.ok(all.has('a') && all.has('b'), path);
    }
    assert.equal((await at.world.get('/api/devices/b', north)).status, 404);
  });

  it('shows of a device the values of its own organisation, also where another one uses its id', async () => {
    await threeDevices(at.store);
    await at.store.query(`INSERT INTO latest_values (device_id, metric, value, timestamp, org_id)
      VALUES ('a', 'mine', 1, now(), 'north'), ('a', 'theirs', 2, now(), 'south')`);
    const north = bearer(tokenFor('viewer', 'north'));
    const one = (await (await at.world.get('/api/devices/a', north)).json()) as { latest: object };
    const [listed] = (await (await at.world.get('/api/devices', north)).json()) as { latest: object }[];
    for (const { latest } of [one, listed!]) {
      assert.ok('mine' in latest, 'its own');
      assert.ok(!('theirs' in latest), 'of another');
    }
  });

  it('refuses a token that is not right, whatever is open to all', async () => {
    const good = tokenFor('admin', 'north');
    const forged = `${good.split('.').slice(0, 2).join('.')}.${'A'.repeat(43)}`;
    for (const token of [forged, `${good}x`]) {
      const answer = await at.world.get('/api/devices', bearer(token));
      assert.equal(answer.status, 401);
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
    }
    assert.equal((await at.world.get('/api/devices', bearer(good))).status, 200);
  });

  it('takes the key of an app, not that of a gateway, for changes; none that is revoked', async () => {
    await threeDevices(at.store);
    const app = await createKey(at.store.query, { name: 'phone', kind: 'app', orgId: 'north' });
    const gateway = await createKey(at.store.query, { name: 'gateway', orgId: 'north' });
    const change = (key: string) => at.world.send('PATCH', '/api/devices/a', { name: 'x' }, { 'x-api-key': key });
    assert.equal((await change(app.key)).status, 200);
    assert.equal((await change(`Bearer ${app.key}`)).status, 200, 'as seed 004 has it');
    assert.equal((await change(gateway.key)).status, 403);
    assert.equal((await change(`flk_${'x'.repeat(43)}`)).status, 401);
    assert.deepEqual(await at.column('device_id', '/api/devices', bearer(app.key)), ['a']);
    let last = await at.world.get('/api/devices', { apikey: gateway.key });
    for (let n = 0; n < 12; n++) last = await at.world.get('/api/devices', { apikey: gateway.key });
    assert.equal(last.status, 429);
    const seconds = Number(last.headers.get('retry-after'));
    assert.ok(seconds > 30 && seconds <= 60, `${seconds} s until one may come`);
    assert.equal(((await last.json()) as { retry_after?: number }).retry_after, seconds);
  });
});
