// /api/devices on a real PostgreSQL: the list with its cache, filters and pages, one device, and what may be changed of it.
import assert from 'node:assert/strict';
import { bearer, tokenFor } from './api.fixture.ts';
import { httpWorld, type Row, threeDevices } from '../../test/api/http-world.ts';

describe('devices over HTTP', () => {
  const at = httpWorld();

  it('lists them with an ETag for 30 s', async () => {
    await threeDevices(at.store);
    await at.store.query(
      `INSERT INTO latest_values (device_id, metric, value, timestamp) VALUES ('a', 'temperature', 21.5, now())`,
    );
    const first = await at.world.get('/api/devices');
    assert.equal(first.status, 200);
    assert.match(first.headers.get('content-type')!, /^application\/json/);
    assert.equal(first.headers.get('cache-control'), 'private, max-age=30');
    const [row] = (await first.json()) as Record<string, Record<string, Row>>[];
    assert.equal(row?.['latest']?.['temperature']?.['value'], 21.5);
    const again = await at.world.get('/api/devices', { 'if-none-match': first.headers.get('etag')! });
    assert.equal(again.status, 304);
    assert.equal(await again.text(), '');
    const head = await fetch(`${at.world.base}/api/devices`, { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
  });

  it('filters and pages', async () => {
    await threeDevices(at.store);
    assert.deepEqual(await at.column('device_id', '/api/devices?application_id=hall'), ['a', 'c']);
    assert.deepEqual(await at.column('device_id', '/api/devices?online=false'), ['b', 'c']);
    const seen = (await at.pages('/api/devices?limit=2')).map(page => page.map(row => row['device_id']));
    assert.deepEqual(seen, [['a', 'b'], ['c']]);
  });

  it('pages through ids of any script, each once, also when one goes meanwhile', async () => {
    const ids = ['A', 'a', 'é', '\uff5e', '\u{1f600}', '\u{1f600}b', 'aa', 'Z', '-', '"'];
    await at.store.query(`INSERT INTO devices (device_id) SELECT unnest($1::text[])`, [ids]);
    const pages = await at.pages('/api/devices?limit=1');
    assert.deepEqual(
      pages
        .flat()
        .map(row => row['device_id'])
        .toSorted(),
      ids.toSorted(),
    );
    const first = await at.world.get('/api/devices?limit=3');
    const [, , last] = (await first.json()) as Row[];
    await at.store.query('DELETE FROM devices WHERE device_id = $1', [last?.['device_id']]);
    const next = /^<(.+)>/.exec(first.headers.get('link')!)![1]!;
    assert.equal((await at.rows(`${next}&limit=100`)).length, ids.length - 3);
  });

  it('tells live clients of a change', async () => {
    await threeDevices(at.store);
    await at.store.query('TRUNCATE live_feed');
    await at.world.send('PATCH', '/api/devices/a', { name: 'Hall' }, bearer(tokenFor('operator', 'north')));
    await at.world.send('POST', '/api/inspections', {}, bearer(tokenFor('operator', 'north')));
    const told = await at.store.query<Row>('SELECT table_name, event, org_id FROM live_feed ORDER BY id');
    assert.deepEqual(told, [
      { table_name: 'devices', event: 'UPDATE', org_id: 'north' },
      { table_name: 'inspections', event: 'INSERT', org_id: 'north' },
    ]);
  });

  it('changes what an operator says, and shows it at once', async () => {
    await threeDevices(at.store);
    await at.rows('/api/devices');
    const change = { name: 'Hall', class: null, metadata: { old: null, wall: 'east' } };
    for (const [headers, status] of [
      [{}, 401],
      [bearer(tokenFor('viewer', 'north')), 403],
      [bearer(tokenFor('operator', 'south')), 404],
      [bearer(tokenFor('operator', 'north')), 200],
    ] as const)
      assert.equal((await at.world.send('PATCH', '/api/devices/a', change, headers)).status, status);
    for (const wrong of [{}, { colour: 'red' }, { name: '' }, { metadata: [] }]) {
      const answer = await at.world.send('PATCH', '/api/devices/a', wrong, bearer(tokenFor('operator', 'north')));
      assert.equal(answer.status, 400, JSON.stringify(wrong));
    }
    const [shown] = await at.rows('/api/devices');
    assert.deepEqual([shown?.['name'], shown?.['metadata']], ['Hall', { floor: 1, wall: 'east' }]);
    assert.deepEqual(((await at.json('/api/devices/a')) as Row)['name'], 'Hall');
    assert.equal((await at.world.get('/api/devices/none')).status, 404);
  });
});
