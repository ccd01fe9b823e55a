// What applications of the seeds do on sockets, as their documents write it, against the shipped gateway after a fresh start.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { EventSource } from 'eventsource';
import { connectAsync } from 'mqtt';
import type pg from 'pg';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import type { Gateway } from '../../bench/gateway.ts';
import { signToken } from '../../src/kernel/token.ts';
import { connect } from '../../src/live/browser/live.js';
import { firstKeyOf, type GatewayOnDatabase, gatewayOnDatabase, postIngest } from '../support/gateway.ts';
import { until } from '../support/until.ts';

type Row = Record<string, unknown>;
const SECRET = 'the secret of this test';
/** Runs a snippet of a browser application. */
const snippet = (...parts: string[]) => new Function(...parts) as (...values: unknown[]) => unknown;

describe('applications of the seeds on sockets', () => {
  let running: GatewayOnDatabase;
  let gateway: Gateway;
  let pool: pg.Pool;
  let key: string;
  const closers: (() => unknown)[] = [];

  before(async function () {
    running = await gatewayOnDatabase(this, 'sockets', { FIELDLINE_SECRET: SECRET });
    ({ gateway, pool } = running);
    key = await firstKeyOf(gateway);
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });
  after(() => running?.remove());

  let second = 0;
  /** A message of seed 000 §2 or seed 004, with a time of its own. */
  const message = (more: Row): Row => ({
    timestamp: new Date(Date.UTC(2026, 1, 11) + second++ * 1000).toISOString(),
    ...more,
  });
  const laser = (value_mm: number, more: Row = {}): Row =>
    message({ type: 'measurement', value_mm, device_id: 'AA:BB:CC:DD:EE:FF', source: 'ble_mobile', ...more });

  async function ingest(...messages: Row[]): Promise<void> {
    const answer = await postIngest(gateway, key, messages);
    assert.equal(answer.status, 200, await answer.text());
  }

  const tokenOf = (org: string, seconds = 600) =>
    signToken({ sub: 'app', org_id: org, role: 'viewer', exp: Math.floor(Date.now() / 1000) + seconds }, SECRET);

  function supabase(apikey = 'anon'): SupabaseClient {
    const client = createClient(gateway.url, apikey, {
      realtime: { transport: WebSocket as never },
      auth: { persistSession: false, autoRefreshToken: false },
    });
    closers.push(() => client.realtime.disconnect());
    return client;
  }

  /** A channel of seed 000 §3; resolves when rows come. */
  async function channel(client: SupabaseClient, name: string, event: string, table: string, filter: string) {
    const changes: { eventType: string; new: Row; old: Row }[] = [];
    const ready = new Promise(resolve => {
      client
        .channel(name)
        .on(
          'postgres_changes' as never,
          { event, schema: 'public', table, filter } as never,
          ((change: never) => changes.push(change)) as never,
        )
        .on('system' as never, {} as never, resolve as never)
        .subscribe();
    });
    await ready;
    return changes;
  }

  it('000: the four channels, in the seed’s words', async () => {
    const client = supabase();
    const [stream, devices, inspections, anomalies] = await Promise.all([
      channel(client, 'measurement-stream', 'INSERT', 'measurements', 'session_id=eq.uuid-session-123'),
      channel(client, 'device-status', 'UPDATE', 'devices', 'org_id=eq.org-1'),
      channel(client, 'inspection-events', '*', 'inspections', 'inspector_id=eq.ann'),
      channel(client, 'anomaly-alerts', 'INSERT', 'measurements', 'anomaly_score.lt.0'),
    ]);
    await ingest(
      laser(2450, { session_id: 'uuid-session-123', anomaly_score: 0.85 }),
      laser(1, { session_id: 'another', anomaly_score: -0.2 }),
    );
    await pool.query(`INSERT INTO devices (device_id, org_id) VALUES ('meter-1', 'org-1'), ('meter-2', 'org-2')`);
    await pool.query(`UPDATE devices SET rssi = -65`);
    await pool.query(`INSERT INTO inspections (inspector_id) VALUES ('ann'), ('bob')`);
    await pool.query(`UPDATE inspections SET status = 'done'`);
    await pool.query(`DELETE FROM inspections`);
    await until(() => stream.length * anomalies.length * devices.length > 0 && inspections.length === 3);
    assert.deepEqual(
      stream.map(({ new: row }) => [row['value_mm'], row['session_id'], row['anomaly_score']]),
      [[2450, 'uuid-session-123', 0.85]],
    );
    assert.deepEqual(
      anomalies.map(({ new: row }) => row['value_mm']),
      [1],
    );
    assert.deepEqual(
      devices.map(({ new: row }) => [row['device_id'], row['rssi']]),
      [['meter-1', -65]],
    );
    assert.deepEqual(
      inspections.map(({ eventType }) => eventType),
      ['INSERT', 'UPDATE', 'DELETE'],
    );
  });

  it('002: socket.on(telemetry) of the frontend, for its device and for alarms', async () => {
    const socket = io(gateway.url);
    closers.push(() => socket.disconnect());
    const shown: Row[] = [];
    const alarms: Row[] = [];
    for (const name of ['device:esp-1', 'alarms', 'application:plant', 'system'])
      assert.deepEqual(await socket.emitWithAck('subscribe', name), { ok: true, channel: name });
    snippet(
      'socket',
      'updateDashboard',
      `socket.on('telemetry', (data) => {
      updateDashboard(data);
    });`,
    )(socket, (data: Row) => shown.push(data));
    socket.on('alarm', (data: Row) => alarms.push(data));
    await ingest(
      message({ device_id: 'esp-1', temperature: 21.5 }),
      message({ device_id: 'esp-2', temperature: 3 }),
      laser(7, { anomaly_score: -1 }),
    );
    await until(() => shown.length > 0 && alarms.length > 0);
    assert.deepEqual(
      shown.map(data => [data['device_id'], data['metric'], data['value']]),
      [['esp-1', 'temperature', 21.5]],
    );
    assert.equal(alarms[0]!['value_mm'], 7);
  });

  it('004: flow_data_changes without a schema, and alerts_changes', async () => {
    const client = supabase();
    let refreshed = 0;
    snippet(
      'supabase',
      'refresh',
      `supabase
  .channel('flow_data_changes')
  .on('postgres_changes', { event: 'INSERT', table: 'flow_data' }, () => {
    refresh()
  })
  .subscribe()`,
    )(client, () => refreshed++);
    const alerts = await channel(client, 'alerts_changes', 'INSERT', 'alerts', '');
    await ingest(message({ device_id: 'nivus-1', flow_rate: 12.5, totalizer: 1042.7 }));
    await pool.query(`INSERT INTO alerts (device_id, kind, message) VALUES ('nivus-1', 'device_offline', 'no data')`);
    await until(() => refreshed > 0 && alerts.length > 0);
    assert.equal(refreshed, 1);
    assert.equal(alerts[0]!.new['kind'], 'device_offline');
  });

  it('000, 004: the pushed record is the stored row, and its id selects that row by /rest/v1', async () => {
    const client = supabase();
    for (const [table, post] of [
      ['measurements', laser(31.5, { session_id: 'uuid-session-9', operator: { name: 'Zoë' } })],
      ['flow_data', message({ device_id: 'nivus-9', flow_rate: 3.25, totalizer: 7, depth: 0.5 })],
    ] as const) {
      const changes = await channel(client, `rows of ${table}`, 'INSERT', table, `device_id=eq.${post['device_id']}`);
      await ingest(post);
      await until(() => changes.length > 0);
      const { digest, ...record } = changes[0]!.new;
      assert.match(String(digest), /^[0-9a-f]{8}-/);
      const { data } = await client.from(table).select('*').eq('id', record['id']).single();
      assert.deepEqual(record, data);
      assert.ok(Object.keys(data as Row).includes('metadata'));
    }
  });

  it('003: a reading that comes twice, by HTTP or by MQTT, is pushed once to each of two tabs', async () => {
    const filter = 'device_id=eq.meter2';
    const tabs = await Promise.all(
      [supabase(), supabase()].map(client => channel(client, 'energy', 'INSERT', 'energy_readings', filter)),
    );
    const mqtt = await connectAsync(gateway.mqtt, { protocolVersion: 4 });
    closers.push(() => mqtt.endAsync());
    const [one, two, last] = [1, 2, 3].map(power_kw => message({ device_id: 'meter2', power_kw }));
    for (let time = 0; time < 2; time++) {
      await ingest(one!);
      await mqtt.publishAsync('homelab/energy/meter2', JSON.stringify(two), { qos: 1 });
    }
    const values = () => tabs.map(changes => changes.map(({ new: row }) => row['power_kw']).sort());
    await until(() => values().every(seen => seen.length >= 2), values);
    await ingest(last!);
    await until(() => values().every(seen => seen.includes(3)), values);
    assert.deepEqual(values(), [
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  it('003: an energy dashboard that filters by device, over /sse and over MQTT in the browser', async () => {
    const source = new EventSource(`${gateway.url}/sse?channel=device:meter1`);
    closers.push(() => source.close());
    const rows: Row[] = [];
    source.addEventListener('pub', ({ data }) => rows.push(JSON.parse(data).data));
    await once(source as never, 'open');
    const mqtt = await connectAsync(`${gateway.url.replace('http', 'ws')}/mqtt`, { protocolVersion: 4 });
    closers.push(() => mqtt.endAsync());
    const heard: string[] = [];
    mqtt.on('message', (topic, bytes) => heard.push(`${topic} ${bytes}`));
    await mqtt.subscribeAsync('homelab/energy/meter1', { qos: 1 });
    const payload = JSON.stringify({ timestamp: '2026-01-03T16:00:00Z', total_energy_kwh: 12.45, power_kw: 3.2 });
    await mqtt.publishAsync('homelab/energy/meter1', payload, { qos: 1 });
    await until(() => rows.length > 0 && heard.length > 0);
    assert.deepEqual([rows[0]!['type'], rows[0]!['power_kw']], ['energy_reading', 3.2]);
    assert.equal(heard[0], `homelab/energy/meter1 ${payload}`);
  });

  it('a page without a library: live.js is served, follows, and goes on over a stop and a start of the gateway', async () => {
    assert.match(await (await fetch(`${gateway.url}/fieldline/live.js`)).text(), /export function connect/);
    const states: string[] = [];
    const values: unknown[] = [];
    let gaps = 0;
    const live = connect({ url: `${gateway.url.replace('http', 'ws')}/ws`, onState: state => states.push(state) });
    closers.push(() => live.close());
    let ready = false;
    const state = () => ({ states: states.slice(-4), values, gaps, ready });
    live.subscribe('flow_data_changes', { snapshot: true, onGap: () => gaps++ }, (row, { snapshot }) => {
      if (snapshot) ready = true;
      else values.push(row['flow_rate']);
    });
    await until(() => ready, state);
    const flow = (rate: number) => ingest(message({ device_id: 'nivus-1', flow_rate: rate }));
    await flow(1);
    await until(() => values.length >= 1, state);
    assert.equal((await gateway.end('SIGTERM')).code, 0);
    await pool.query(`INSERT INTO flow_data (device_id, flow_rate) VALUES ('nivus-1', 2)`);
    await gateway.start();
    await flow(3);
    await until(() => values.length >= 3, state);
    values.sort();
    assert.deepEqual([values, gaps], [[1, 2, 3], 0]);

    await gateway.end('SIGKILL');
    await gateway.start();
    await until(() => gaps > 0, state);
    // Whom a slow start lets in before the snapshot is there is told of a second gap, and may have missed what came before.
    await until(() => flow(4).then(() => values.length > 3), state, 100_000, 500);
    assert.deepEqual(values.slice(0, 4), [1, 2, 3, 4]);
  });

  it('tokens: one organisation gets nothing of another, and a forged or old token gets nothing at all', async () => {
    const all = 'org_id=in.(A,B)';
    const [a, b] = await Promise.all([
      channel(supabase(tokenOf('A')), 'x', '*', 'flow_data', all),
      channel(supabase(tokenOf('B')), 'x', '*', 'flow_data', all),
    ]);
    await pool.query(
      `INSERT INTO flow_data (device_id, flow_rate, org_id) VALUES ('f', 1, 'A'), ('f', 2, 'B'), ('f', 3, NULL)`,
    );
    await until(() => a.length > 0 && b.length > 0);
    assert.deepEqual(
      [a, b].map(changes => changes.map(({ new: row }) => row['flow_rate'])),
      [[1], [2]],
    );
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
    const [, claims, signature] = tokenOf('A').split('.');
    for (const token of [
      tokenOf('A', -1),
      `${none}.${claims}.`,
      `${none}.${claims}.${signature}`,
      `${tokenOf('A')}x`,
    ]) {
      const client = new WebSocket(`${gateway.url.replace('http', 'ws')}/ws`);
      closers.push(() => client.terminate());
      await once(client, 'open');
      client.send(JSON.stringify({ id: 1, connect: { token } }));
      const answered = once(client, 'message').then(([frame]) => JSON.parse(String(frame)).error.code);
      assert.ok([3500, 109].includes(await Promise.race([answered, once(client, 'close').then(([code]) => code)])));
      assert.equal((await fetch(`${gateway.url}/sse?channel=alarms&token=${token}`)).status, 401);
    }
  });

  it('pages of other sites reach no socket', async () => {
    for (const path of ['/ws', '/realtime/v1/websocket', '/socket.io/?EIO=4&transport=websocket', '/mqtt']) {
      const page = new WebSocket(gateway.url.replace('http', 'ws') + path, { origin: 'https://evil.example' });
      page.on('error', () => undefined);
      const [, answer] = await once(page, 'unexpected-response');
      assert.equal(answer.statusCode, 403, path);
    }
  });
});
