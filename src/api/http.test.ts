// The routes over HTTP on a real PostgreSQL: what they answer, to whom, and what they refuse.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { migrate } from '../store/migrate.ts';
import { openStore, type Store } from '../store/store.ts';
import { postgresFor, type TestPostgres } from '../../test/support/postgres.ts';
import { bearer, openWorld, tokenFor, type World } from './api.fixture.ts';
import { restApi } from './http-api.ts';
import { createKey } from './keys.ts';

type Row = Record<string, unknown>;

describe('HTTP API', () => {
  let postgres: TestPostgres | undefined;
  let store: Store;
  let world: World;
  const json = async (path: string, headers?: Record<string, string>) => (await world.get(path, headers)).json();
  const rows = async (path: string, headers?: Record<string, string>) => (await json(path, headers)) as Row[];
  const column = async (name: string, path: string, headers?: Record<string, string>) =>
    (await rows(path, headers)).map(row => row[name]);

  before(async function () {
    postgres = await postgresFor(this);
    await migrate(postgres.url);
    store = openStore({ url: postgres.url });
  });
  after(async () => {
    await store?.close();
    await postgres?.stop();
  });
  beforeEach(async () => {
    await store.query(`TRUNCATE devices, latest_values, measurements, sensor_readings, energy_readings, flow_data,
      inspections, dead_letters, api_keys`);
    world = await openWorld(store.query);
  });
  afterEach(async () => {
    await world.close();
    assert.deepEqual(world.faults, [], 'nothing went wrong inside');
  });
  const devices = () =>
    store.query(`INSERT INTO devices (device_id, org_id, application_id, last_seen, metadata) VALUES
      ('a', 'north', 'hall', now(), '{"floor": 1, "old": true}'), ('b', 'south', NULL, now() - interval '1 hour', '{}'),
      ('c', NULL, 'hall', NULL, '{}')`);

  describe('devices', () => {
    it('lists them with an ETag for 30 s', async () => {
      await devices();
      await store.query(
        `INSERT INTO latest_values (device_id, metric, value, timestamp) VALUES ('a', 'temperature', 21.5, now())`,
      );
      const first = await world.get('/api/devices');
      assert.equal(first.status, 200);
      assert.match(first.headers.get('content-type')!, /^application\/json/);
      assert.equal(first.headers.get('cache-control'), 'private, max-age=30');
      const [row] = (await first.json()) as Record<string, Record<string, Row>>[];
      assert.equal(row?.['latest']?.['temperature']?.['value'], 21.5);
      const again = await world.get('/api/devices', { 'if-none-match': first.headers.get('etag')! });
      assert.equal(again.status, 304);
      assert.equal(await again.text(), '');
      const head = await fetch(`${world.base}/api/devices`, { method: 'HEAD' });
      assert.deepEqual([head.status, await head.text()], [200, '']);
    });

    it('filters and pages', async () => {
      await devices();
      assert.deepEqual(await column('device_id', '/api/devices?application_id=hall'), ['a', 'c']);
      assert.deepEqual(await column('device_id', '/api/devices?online=false'), ['b', 'c']);
      const seen: unknown[] = [];
      for (let path: string | undefined = '/api/devices?limit=2'; path !== undefined; ) {
        const page: Response = await world.get(path);
        seen.push(((await page.json()) as Row[]).map(row => row['device_id']));
        path = /^<(.+)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      }
      assert.deepEqual(seen, [['a', 'b'], ['c']]);
    });

    it('tells live clients of a change', async () => {
      await devices();
      await store.query('TRUNCATE live_feed');
      await world.send('PATCH', '/api/devices/a', { name: 'Hall' }, bearer(tokenFor('operator', 'north')));
      await world.send('POST', '/api/inspections', {}, bearer(tokenFor('operator', 'north')));
      const told = await store.query<Row>('SELECT table_name, event, org_id FROM live_feed ORDER BY id');
      assert.deepEqual(told, [
        { table_name: 'devices', event: 'UPDATE', org_id: 'north' },
        { table_name: 'inspections', event: 'INSERT', org_id: 'north' },
      ]);
    });

    it('changes what an operator says, and shows it at once', async () => {
      await devices();
      await rows('/api/devices');
      const change = { name: 'Hall', class: null, metadata: { old: null, wall: 'east' } };
      for (const [headers, status] of [
        [{}, 401],
        [bearer(tokenFor('viewer', 'north')), 403],
        [bearer(tokenFor('operator', 'south')), 404],
        [bearer(tokenFor('operator', 'north')), 200],
      ] as const)
        assert.equal((await world.send('PATCH', '/api/devices/a', change, headers)).status, status);
      const [shown] = await rows('/api/devices');
      assert.deepEqual([shown?.['name'], shown?.['metadata']], ['Hall', { floor: 1, wall: 'east' }]);
      assert.deepEqual(((await json('/api/devices/a')) as Row)['name'], 'Hall');
      assert.equal((await world.get('/api/devices/none')).status, 404);
    });
  });

  describe('flow data', () => {
    beforeEach(() =>
      store.query(`INSERT INTO flow_data (device_id, created_at, flow_rate, status, org_id)
        SELECT 'f' || n % 2, '2026-02-01T00:00:00Z'::timestamptz + n / 2 * interval '1 minute', n, 'ok, "fine"', 'north'
        FROM generate_series(0, 9) AS n`),
    );

    it('gives the newest first, of a device, in a range that includes its ends', async () => {
      assert.deepEqual(await column('flow_rate', '/api/flow-data?device_id=f1'), [9, 7, 5, 3, 1]);
      const range = 'start_time=2026-02-01T00:01:00Z&end_time=2026-02-01T00:02:00Z';
      assert.deepEqual(await column('flow_rate', `/api/flow-data?device_id=f0&${range}`), [4, 2]);
      assert.equal((await rows('/api/flow-data?limit=3')).length, 3);
      assert.equal((await rows('/api/flow-data?device_id=')).length, 10, 'an empty field is none');
    });

    it('goes on where a page ended, also among rows of one time, whatever comes in meanwhile', async () => {
      const seen: unknown[] = [];
      for (let path: string | undefined = '/api/flow-data?limit=3'; path !== undefined; ) {
        const page: Response = await world.get(path);
        seen.push(...((await page.json()) as Row[]).map(row => row['flow_rate']));
        path = /^<(.+)>/.exec(page.headers.get('link') ?? '')?.[1];
        await store.query(`INSERT INTO flow_data (device_id, created_at, flow_rate) VALUES ('late', now(), -1)`);
      }
      assert.deepEqual(seen.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    it('gives CSV that a spreadsheet opens', async () => {
      await store.query(
        `INSERT INTO flow_data (device_id, created_at, status) VALUES ('x', '2026-03-01T00:00:00Z', '=1+1')`,
      );
      const answer = await world.get('/api/flow-data?limit=2', { accept: 'text/csv' });
      assert.equal(answer.headers.get('content-type'), 'text/csv; charset=utf-8');
      const [names, first, second] = (await answer.text()).split('\r\n');
      assert.equal(names, 'id,device_id,created_at,flow_rate,totalizer,temperature,status,anomaly_score');
      assert.match(first!, /^\d+,x,2026-03-01T00:00:00\.000Z,,,,'=1\+1,$/);
      assert.match(second!, /,9,,,"ok, ""fine""",$/);
    });
  });

  describe('energy', () => {
    it('gives the newest of each meter, and hours with what was counted', async () => {
      await store.query(`INSERT INTO energy_readings (device_id, timestamp, total_energy_kwh, power_kw) VALUES
        ('m1', '2026-01-03T16:00:00Z', 10, 3), ('m1', '2026-01-03T16:30:00Z', 11.5, 5), ('m1', '2026-01-03T17:30:00Z', 2, 1),
        ('m2', '2026-01-03T16:10:00.123456Z', 7, 2)`);
      const latest = await rows('/api/v1/energy/latest');
      assert.deepEqual(
        latest.map(row => [row['device_id'], row['timestamp'], row['power_kw']]),
        [
          ['m1', '2026-01-03T17:30:00.000Z', 1],
          ['m2', '2026-01-03T16:10:00.123456Z', 2],
        ],
      );
      assert.deepEqual(await column('device_id', '/api/v1/energy/latest?device_id=m2'), ['m2']);
      const hours = await rows('/api/v1/energy/hourly?start=2026-01-03T00:00:00Z&end=2026-01-03T23:59:59Z');
      assert.deepEqual(
        hours.map(row => [row['hour'], row['device_id'], row['avg_power'], row['energy_kwh'], row['readings']]),
        [
          ['2026-01-03T16:00:00.000Z', 'm1', 4, 1.5, 2],
          ['2026-01-03T16:00:00.000Z', 'm2', 2, 0, 1],
          ['2026-01-03T17:00:00.000Z', 'm1', 1, 2, 1],
        ],
      );
      assert.equal((await world.get('/api/v1/energy/hourly?start=2026-01-04&end=2026-01-03')).status, 400);
    });
  });

  describe('history', () => {
    const start = 'start=2026-03-28T23:00:00Z&end=2026-03-30T22:00:00Z';
    beforeEach(() =>
      store.query(`INSERT INTO sensor_readings (device_id, metric, value, timestamp)
        SELECT device, metric, n, '2026-03-28T23:30:00Z'::timestamptz + n * interval '1 hour'
        FROM generate_series(0, 46) AS n, unnest(ARRAY['d1', 'd 2']) AS device, unnest(ARRAY['t', 'h']) AS metric`),
    );

    it('takes several devices and metrics, in the range asked for', async () => {
      const fields = new URLSearchParams([
        ['device', 'd1'],
        ['device', 'd 2'],
        ['metric', 't'],
        ['metric', 'h'],
        ['bucket', '1w'],
      ]);
      const found = await rows(`/api/history?${fields}&${start}`);
      assert.equal(new Set(found.map(row => `${row['device_id']} ${row['metric']}`)).size, 4);
      for (const [from, to] of [
        ['2026-03-29T00:00:00Z', '2026-03-29T01:00:00Z'],
        ['2026-03-29', '2026-03-29T01:00:00'],
        ['2026-03-29T02:00:00+02:00', String(Date.UTC(2026, 2, 29, 1) / 1000)],
      ])
        assert.deepEqual(
          await column('avg', `/api/history?device=d1&metric=t&start=${from}&end=${to}&points=4`),
          [1],
          `${from} ${to}`,
        );
    });

    it('begins days where the zone does, with 23 hours in the one when clocks go forward', async () => {
      const berlin = await rows(`/api/history?device=d1&metric=t&${start}&bucket=1d&tz=Europe/Berlin&aggregate=count`);
      assert.deepEqual(
        berlin.map(row => [row['time'], row['count']]),
        [
          ['2026-03-28T23:00:00.000Z', 23],
          ['2026-03-29T22:00:00.000Z', 24],
        ],
      );
      const utc = await rows(`/api/history?device=d1&metric=t&${start}&bucket=1d&aggregate=count`);
      assert.deepEqual(
        utc.map(row => row['time']),
        ['2026-03-28', '2026-03-29', '2026-03-30'].map(day => `${day}T00:00:00.000Z`),
      );
      const delhi = await rows(`/api/history?device=d1&metric=t&${start}&bucket=1h&tz=Asia/Kolkata&aggregate=count`);
      assert.equal(delhi[0]?.['time'], '2026-03-28T23:30:00.000Z');
    });

    it('shows gaps when asked, and the aggregates that were named', async () => {
      const path =
        '/api/history?device=d1&metric=t&metric=none&start=2026-03-28T22:00:00Z&end=2026-03-29T01:00:00Z&bucket=1h';
      const points = await rows(`${path}&gaps=null&aggregate=last&aggregate=count`);
      assert.deepEqual(
        points.map(row => [row['metric'], row['last'], row['count']]),
        [
          ...[
            ['t', null, 0],
            ['t', 0, 1],
            ['t', 1, 1],
          ],
          ...[
            ['none', null, 0],
            ['none', null, 0],
            ['none', null, 0],
          ],
        ],
      );
      assert.deepEqual(Object.keys(points[0]!), ['device_id', 'metric', 'time', 'last', 'count']);
      assert.equal((await rows(path)).length, 2);
      const csv = await (await world.get(`${path}&aggregate=sum`, { accept: 'text/csv' })).text();
      assert.equal(csv.split('\r\n')[0], 'device_id,metric,time,sum');
    });

    it('shares the rows of an answer among many series', async () => {
      const fields = Array.from({ length: 48 }, (_, n) => `device=d${n}`).join('&');
      assert.equal((await rows(`/api/history?${fields}&metric=t&${start}`)).length, 47);
      assert.equal((await world.get(`/api/history?${fields}&device=x&device=y&device=z&metric=t`)).status, 400);
    });

    it('answers any range with a bounded number of rows', async () => {
      const century = await rows('/api/history?device=d1&metric=t&start=1970-01-02&end=2069-01-01&gaps=null');
      assert.ok(century.length <= 500, String(century.length));
      assert.equal(
        century.reduce((sum, row) => sum + Number(row['count']), 0),
        47,
      );
    });
  });

  const refused: [path: string, field: string][] = [
    ['/api/history?metric=t', 'device'],
    ['/api/history?device=&metric=t', 'device'],
    ['/api/history?device=a%00&metric=t', 'device'],
    ['/api/history?device=a', 'metric'],
    ['/api/history?device=a&metric=t&points=0', 'points'],
    ['/api/history?device=a&metric=t&points=2001', 'points'],
    ['/api/history?device=a&metric=t&points=1e99', 'points'],
    ['/api/history?device=a&metric=t&points=many', 'points'],
    ['/api/history?device=a&metric=t&start=yesterday', 'start'],
    ['/api/history?device=a&metric=t&end=2026-02-31', 'end'],
    ['/api/history?device=a&metric=t&start=2026-02-02&end=2026-02-01', 'start'],
    ['/api/history?device=a&metric=t&hours=-1', 'hours'],
    ['/api/history?device=a&metric=t&bucket=1s&start=2020-01-01', 'bucket'],
    ['/api/history?device=a&metric=t&bucket=0m', 'bucket'],
    ['/api/history?device=a&metric=t&tz=Mars', 'tz'],
    ['/api/history?device=a&metric=t&tz=%2B02:00', 'tz'],
    ['/api/history?device=a&metric=t&aggregate=median', 'aggregate'],
    ['/api/flow-data?limit=0', 'limit'],
    ['/api/flow-data?limit=99999999', 'limit'],
    ['/api/flow-data?start_time=then', 'start_time'],
    ['/api/flow-data?device_id=%00', 'device_id'],
    ['/api/flow-data?cursor=WyJ4IiwxXQ', 'cursor'],
    ['/api/flow-data?cursor=%7B', 'cursor'],
    ['/api/devices?online=maybe', 'online'],
    ['/api/devices/%00', 'id'],
    ['/api/devices/%ff', 'path'],
    ['/api/dead-letters/x', 'id'],
    ['/api/dead-letters?state=lost', 'state'],
    ['/api/inspections/x', 'id'],
  ];
  for (const [path, field] of refused)
    it(`refuses ${path} and names ${field}`, async () => {
      const answer = await world.get(path);
      assert.equal(answer.status, 400);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
      const problem = (await answer.json()) as Row;
      assert.equal(problem['field'], field);
      assert.match(String(problem['detail']), new RegExp(`^${field}: expected `));
    });

  describe('inspections', () => {
    it('begins, lists and goes on, within the organisation', async () => {
      const north = bearer(tokenFor('operator', 'north'));
      const made = await world.send('POST', '/api/inspections', { inspector_id: 'ana', data: { floor: 2 } }, north);
      assert.equal(made.status, 201);
      const inspection = (await made.json()) as Row;
      assert.deepEqual(
        [inspection['status'], inspection['org_id'], inspection['data']],
        ['open', 'north', { floor: 2 }],
      );
      const at = made.headers.get('location')!;
      assert.deepEqual(await json(at), inspection);
      assert.equal((await world.send('POST', '/api/inspections', { id: inspection['id'] }, north)).status, 409);

      const changed = await world.send('PATCH', at, { status: 'done', data: { floor: 3 } }, north);
      assert.deepEqual([changed.status, ((await changed.json()) as Row)['data']], [200, { floor: 3 }]);
      assert.deepEqual(await column('status', '/api/inspections?inspector_id=ana'), ['done']);

      const south = bearer(tokenFor('admin', 'south'));
      assert.deepEqual(await rows('/api/inspections', south), []);
      assert.equal((await world.get(at, south)).status, 404);
      assert.equal((await world.send('PATCH', at, { status: 'x' }, south)).status, 404);
    });

    for (const [body, field] of [
      [{ id: 'x' }, 'id'],
      [{ status: 1 }, 'status'],
      [{ data: [] }, 'data'],
      [{ other: 1 }, 'body'],
      ['[]', 'body'],
      ['{', 'body'],
      ['{"data": {"a": "\\u0000"}}', undefined],
      [`${'['.repeat(40)}${']'.repeat(40)}`, 'body'],
    ] as const)
      it(`refuses ${JSON.stringify(body).slice(0, 40)}`, async () => {
        const answer = await world.send('POST', '/api/inspections', body, bearer(tokenFor('operator', 'north')));
        // A NUL in a text is taken out, as everywhere.
        assert.equal(answer.status, field === undefined ? 201 : 400);
        assert.equal(((await answer.json()) as Row)['field'], field);
      });
  });

  describe('dead letters', () => {
    it('are listed and shown with their bytes', async () => {
      await store.query(`INSERT INTO dead_letters (source, topic, reason, bytes, digest) VALUES
        ('s', 't/1', 'too old', '{"a": 1}', gen_random_uuid()), ('s', 't/2', 'no JSON', '\\xff00', gen_random_uuid())`);
      const [newest, oldest] = await rows('/api/dead-letters?source=s');
      assert.deepEqual([newest?.['topic'], newest?.['size'], oldest?.['reason']], ['t/2', 2, 'too old']);
      const whole = (await json(`/api/dead-letters/${newest?.['id']}`)) as Row;
      assert.deepEqual([whole['hex'], whole['text']], ['ff00', null]);
      assert.equal(((await json(`/api/dead-letters/${oldest?.['id']}`)) as Row)['text'], '{"a": 1}');
      assert.equal((await world.get('/api/dead-letters/999999')).status, 404);
    });

    it('of one organisation are nothing to another, in the list, by number, by filter and by cursor', async () => {
      await store.query(`INSERT INTO dead_letters (source, topic, reason, bytes, digest, org_id)
        SELECT 's', 't', 'secret of ' || org, 'x', gen_random_uuid(), nullif(org, '')
        FROM unnest(ARRAY['north', 'south', '', 'north', 'south']) AS org`);
      const all = await rows('/api/dead-letters');
      assert.equal(all.length, 5);
      for (const [org, count] of [
        ['north', 2],
        ['south', 2],
        ['west', 0],
      ] as const) {
        const own = bearer(tokenFor('admin', org));
        const cursor = Buffer.from(JSON.stringify([Number.MAX_SAFE_INTEGER])).toString('base64url');
        for (const path of ['', '?source=s', '?state=open', `?cursor=${cursor}`, '?org_id=south', '?limit=1000']) {
          const seen = await rows(`/api/dead-letters${path}`, own);
          const reasons = new Set(seen.map(row => row['reason']));
          assert.deepEqual([...reasons, seen.length], count > 0 ? [`secret of ${org}`, count] : [0], path);
        }
        for (const { id, reason } of all)
          assert.equal(
            (await world.get(`/api/dead-letters/${id}`, own)).status,
            reason === `secret of ${org}` ? 200 : 404,
          );
      }
    });
  });

  describe('who asks', () => {
    it('shows a token the rows of its organisation only', async () => {
      await devices();
      await store.query(
        `INSERT INTO energy_readings (device_id, power_kw, org_id) VALUES ('a', 1, 'north'), ('b', 2, 'south');`,
      );
      await store.query(
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
        assert.deepEqual([...new Set(await column(name, path, north))], ['a'], path);
        assert.deepEqual([...new Set(await column(name, path, south))], ['b'], path);
        const all = new Set(await column(name, path));
        assert.ok(all.has('a') && all.has('b'), path);
      }
      assert.equal((await world.get('/api/devices/b', north)).status, 404);
    });

    it('refuses a token that is not right, whatever is open to all', async () => {
      const good = tokenFor('admin', 'north');
      const forged = `${good.split('.').slice(0, 2).join('.')}.${'A'.repeat(43)}`;
      for (const token of [forged, `${good}x`]) {
        const answer = await world.get('/api/devices', bearer(token));
        assert.equal(answer.status, 401);
        assert.equal(answer.headers.get('www-authenticate'), 'Bearer');
      }
      assert.equal((await world.get('/api/devices', bearer(good))).status, 200);
    });

    it('takes the key of an app, not that of a gateway, for changes; none that is revoked', async () => {
      await devices();
      const app = await createKey(store.query, { name: 'phone', kind: 'app', orgId: 'north' });
      const gateway = await createKey(store.query, { name: 'gateway', orgId: 'north' });
      const change = (key: string) => world.send('PATCH', '/api/devices/a', { name: 'x' }, { 'x-api-key': key });
      assert.equal((await change(app.key)).status, 200);
      assert.equal((await change(`Bearer ${app.key}`)).status, 200, 'as seed 004 has it');
      assert.equal((await change(gateway.key)).status, 403);
      assert.equal((await change(`flk_${'x'.repeat(43)}`)).status, 401);
      assert.deepEqual(await column('device_id', '/api/devices', bearer(app.key)), ['a']);
      let last = 0;
      for (let n = 0; n < 12; n++) last = (await world.get('/api/devices', { apikey: gateway.key })).status;
      assert.equal(last, 429);
    });
  });

  it('knows its methods, types and limits', async () => {
    const wrong = await fetch(`${world.base}/api/devices`, { method: 'DELETE' });
    assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET, HEAD']);
    const north = bearer(tokenFor('operator', 'north'));
    const post = (body: string, headers: Record<string, string>) =>
      fetch(`${world.base}/api/inspections`, { method: 'POST', body, headers: { ...north, ...headers } });
    assert.equal((await post('{}', { 'content-type': 'text/plain' })).status, 415);
    assert.equal(
      (await post(`{"data": {"x": "${'x'.repeat(1_100_000)}"}}`, { 'content-type': 'application/json' })).status,
      413,
    );
    assert.equal((await world.get('/api/nothing')).status, 404);
  });

  it('takes so many questions at once, lets so many wait, and answers what asks no database all the same', async () => {
    let release = () => {};
    const held = new Promise<void>(resolve => {
      release = resolve;
    });
    const slow = await openWorld(async () => {
      await held;
      return [];
    });
    const asked = Array.from({ length: 210 }, () => slow.get('/api/flow-data'));
    const refused = await Promise.any(
      asked.map(async one => ((await one).status === 503 ? one : Promise.reject(new Error()))),
    );
    assert.match(((await refused.json()) as Row)['detail'] as string, /8 requests are worked on and 200 wait/);
    assert.equal((await slow.get('/metrics')).status, 200);
    release();
    const statuses = await Promise.all(asked.map(async one => (await one).status));
    assert.equal(statuses.filter(status => status === 200).length, 208);
    await slow.close();
  });

  it('tells clients to come again while it is deployed, or started', async () => {
    world.shut();
    const answer = await world.get('/api/devices');
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '5']);
    const started = createServer((_request, response) => response.writeHead(404).end()).listen(0, '127.0.0.1');
    await once(started, 'listening');
    const base = `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
    const end = restApi(started);
    assert.equal((await fetch(`${base}/rest/v1/devices`)).status, 503);
    end();
    assert.equal((await fetch(`${base}/rest/v1/devices`)).status, 404);
    started.closeAllConnections();
    started.close();
  });

  it('says 503 while the database is away', async () => {
    const away = openStore({ url: 'postgres://nobody@127.0.0.1:1/none', connectTimeoutMs: 500 });
    const other = await openWorld(away.query);
    for (const path of ['/api/devices', '/api/history?device=a&metric=t', '/rest/v1/devices']) {
      const answer = await other.get(path);
      assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '5'], path);
    }
    assert.equal((await other.get('/metrics')).status, 200);
    await other.close();
    await away.close();
  });
});
