// What applications of the seeds ask over HTTP, as their documents write it, of the shipped gateway after a fresh start.
import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import type pg from 'pg';
import type { Gateway } from '../../bench/gateway.ts';
import { signToken } from '../../src/kernel/token.ts';
import type { Document } from '../api/requests.ts';
import { firstKeyOf, type GatewayOnDatabase, gatewayOnDatabase, postIngest } from '../support/gateway.ts';
import { untilAt } from '../support/until.ts';
import { MEASUREMENT } from '../support/seed-words.ts';

type Row = Record<string, unknown>;
const SECRET = 'the secret of this test';
/** Runs a snippet of a browser application, whose paths are relative to the gateway. */
const AsyncFunction = (async () => undefined).constructor as new (
  ...parts: string[]
) => (...values: unknown[]) => Promise<unknown>;

describe('applications of the seeds over HTTP', () => {
  let running: GatewayOnDatabase;
  let gateway: Gateway;
  let pool: pg.Pool;
  let key: string;

  before(async function () {
    running = await gatewayOnDatabase(this, 'seeds', { FIELDLINE_SECRET: SECRET });
    ({ gateway, pool } = running);
    key = await firstKeyOf(gateway);
    const [meter, flow] = [
      {
        device_id: 'meter1',
        timestamp: '2026-01-03T16:00:00Z',
        total_energy_kwh: 12.45,
        power_kw: 3.2,
        voltage: 230,
        current: 13.9,
      },
      { device_id: 'nivus-1', flow_rate: 12.5, totalizer: 1042.7, temperature: 18.2, status: 'ok' },
    ];
    const answer = await postIngest(gateway, key, [meter, flow]);
    assert.equal(answer.status, 200, await answer.text());
  });
  after(() => running?.remove());

  const until = untilAt(() => gateway);
  const get = async (path: string): Promise<Row[]> => {
    const answer = await fetch(gateway.url + path);
    assert.equal(answer.status, 200, `${path}: ${answer.status}`);
    return (await answer.json()) as Row[];
  };
  const token = (role: 'viewer' | 'operator', org: string) =>
    signToken({ sub: 'app', org_id: org, role, exp: Math.floor(Date.now() / 1000) + 600 }, SECRET);
  const supabase = (apikey: string): SupabaseClient =>
    createClient(gateway.url, apikey, { auth: { persistSession: false, autoRefreshToken: false } });

  it('002: the initial load of the frontend', async () => {
    const relative = (path: string, init?: RequestInit) => fetch(gateway.url + path, init);
    const run = new AsyncFunction('fetch', `const devices = await fetch('/api/devices'); return devices.json();`);
    const devices = (await run(relative)) as Row[];
    assert.deepEqual(devices.map(device => device['device_id']).toSorted(), ['meter1', 'nivus-1']);
  });

  it('003: GET /api/v1/energy/latest and /hourly', async () => {
    const [latest] = await get('/api/v1/energy/latest');
    assert.deepEqual(
      [latest?.['device_id'], latest?.['power_kw'], latest?.['timestamp']],
      ['meter1', 3.2, '2026-01-03T16:00:00.000Z'],
    );
    const [hour] = await get('/api/v1/energy/hourly?start=2026-01-03T00:00:00Z&end=2026-01-03T23:59:59Z');
    assert.deepEqual([hour?.['hour'], hour?.['avg_power']], ['2026-01-03T16:00:00.000Z', 3.2]);
  });

  it('004: GET /api/devices with latest data, GET /api/flow-data by device, time and limit', async () => {
    const devices = await get('/api/devices');
    const nivus = devices.find(device => device['device_id'] === 'nivus-1');
    const latest = nivus?.['latest'] as Record<string, Row>;
    assert.deepEqual([latest['flow_rate']?.['value'], latest['status']?.['value']], [12.5, 'ok']);
    const [start, end] = [Date.now() - 3_600_000, Date.now() + 60_000].map(at => new Date(at).toISOString());
    const [row] = await get(`/api/flow-data?device_id=nivus-1&start_time=${start}&end_time=${end}&limit=1000`);
    assert.deepEqual([row?.['flow_rate'], row?.['totalizer'], row?.['temperature']], [12.5, 1042.7, 18.2]);
    assert.deepEqual(await get(`/api/flow-data?device_id=nivus-1&end_time=${start}`), []);
  });

  it('004: the device list may be kept for 30 s', async () => {
    const answer = await fetch(`${gateway.url}/api/devices`);
    assert.equal(answer.headers.get('cache-control'), 'private, max-age=30');
    const etag = answer.headers.get('etag')!;
    assert.equal((await fetch(`${gateway.url}/api/devices`, { headers: { 'if-none-match': etag } })).status, 304);
  });

  it('000: the phone inserts a measurement by Supabase’s REST and reads its session (X9: 0.85 is normal)', async () => {
    const phone = supabase(token('operator', 'north'));
    const inserted = await phone.from('measurements').insert(MEASUREMENT).select().single();
    assert.equal(inserted.error, null, JSON.stringify(inserted.error));
    const { type: _type, ...columns } = MEASUREMENT;
    assert.deepEqual({ ...inserted.data, ...columns }, inserted.data, 'the row has what was sent');
    assert.equal((await phone.from('measurements').insert(MEASUREMENT)).status, 201);
    const session = await phone.from('measurements').select('value_mm').eq('session_id', 'uuid-session-123');
    assert.deepEqual(session.data, [{ value_mm: 2450 }], 'the same bytes again make no second row');
    const alerts = await phone.from('measurements').select().lt('anomaly_score', 0);
    assert.deepEqual(alerts.data, []);
    assert.deepEqual((await supabase(token('viewer', 'south')).from('measurements').select()).data, []);
    const archived = await pool.query(`SELECT payload FROM raw_advertisements WHERE topic = 'http/rest/measurements'`);
    assert.equal((archived.rows[0] as { payload: Row }).payload['value_mm'], 2450);
  });

  it('000: an inspector’s inspections', async () => {
    const app = supabase(token('operator', 'north'));
    const begun = await app
      .from('inspections')
      .insert({ inspector_id: 'ana', session_id: 'uuid-session-123' })
      .select()
      .single();
    assert.equal(begun.error, null);
    const done = await app.from('inspections').update({ status: 'done' }).eq('id', begun.data.id).select('status');
    assert.deepEqual(done.data, [{ status: 'done' }]);
    assert.equal((await supabase('anon').from('inspections').select().eq('inspector_id', 'ana')).data?.length, 1);
  });

  it('004: dashboard_summary by Supabase', async () => {
    const { data } = await supabase('anon').from('dashboard_summary').select().single();
    assert.equal(data.active_alerts, 0);
    assert.ok(data.total_devices >= 2);
  });

  it('002: /health for each part, and what OpenAPI says of it', async () => {
    const openApi = (await (await fetch(`${gateway.url}/api/openapi.json`)).json()) as Document;
    for (const path of ['/health', '/health/live', '/status']) {
      const answer = await fetch(gateway.url + path, { headers: { accept: 'application/json' } });
      const { schema } = openApi.paths[path]!['get']!.responses[answer.status]!.content!['application/json']!;
      const validate = new Ajv2020({ strict: false }).compile(schema);
      assert.ok(validate(await answer.json()), `${path}: ${JSON.stringify(validate.errors)}`);
    }
  });

  it('004: a page shows the outage while the database is down, and data comes again afterwards', async () => {
    const page = async () => (await (await fetch(`${gateway.url}/status`)).text()).includes('Everything works.');
    await until('everything to work', page);
    await running.postgres.terminate('SIGINT');
    const away = await fetch(`${gateway.url}/api/flow-data`);
    assert.deepEqual([away.status, away.headers.get('retry-after')], [503, '5']);
    await until('the database to be missed', async () => (await fetch(`${gateway.url}/health`)).status === 503);
    assert.equal((await fetch(`${gateway.url}/health/live`)).status, 200);
    await until('the page to tell', async () => !(await page()));
    assert.equal((await fetch(`${gateway.url}/metrics`)).status, 200);
    await running.postgres.restart();
    await until('the database', page);
    assert.equal((await get('/api/flow-data?device_id=nivus-1')).length, 1);
  });
});
