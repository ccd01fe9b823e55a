// Every public live client, unmodified, through a stop and a start of the gateway while rows come: who can resume misses nothing, the others come back.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createClient } from '@supabase/supabase-js';
import { Centrifuge } from 'centrifuge';
import { EventSource } from 'eventsource';
import { connect as connectMqtt, connectAsync } from 'mqtt';
import pg from 'pg';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { type Gateway, touching } from '../../bench/gateway.ts';
import { connect } from '../../src/live/browser/live.js';
import { type GatewayOnDatabase, gatewayOnDatabase } from '../support/gateway.ts';
import { listened } from '../support/listened.ts';
import { until } from '../support/until.ts';

type Flow = { flow_rate: number };

describe('live clients of a gateway that is restarted', () => {
  let running: GatewayOnDatabase;
  let gateway: Gateway;
  let psql: pg.Client;
  let address: string;
  const closers: (() => unknown)[] = [];

  before(async function () {
    running = await gatewayOnDatabase(this, 'restart');
    ({ gateway } = running);
    address = gateway.url.replace('http', 'ws');
    psql = new pg.Client({ connectionString: running.url });
    psql.on('error', () => undefined);
    await psql.connect();
    await listened(psql);
  });
  after(async () => {
    for (const close of closers) await close();
    await psql?.end();
    await running?.remove();
  });

  let written = 0;
  const write = () => psql.query(`INSERT INTO flow_data (device_id, flow_rate) VALUES ('nivus-1', $1)`, [++written]);

  /** What a client was shown, in order; `ready` counts how often its subscription stood. */
  type Follower = { values: number[]; ready: number; lost: number };
  const followers: Record<string, Follower> = {};
  const follower = (name: string): Follower => (followers[name] = { values: [], ready: 0, lost: 0 });
  const all = (holds: (one: Follower, name: string) => boolean) => () =>
    Object.entries(followers).every(([name, one]) => holds(one, name));
  const resuming = ['centrifuge', 'EventSource', 'live.js'];

  function follow(): void {
    const centrifuge = new Centrifuge(`${address}/ws`, { websocket: WebSocket, maxReconnectDelay: 500 });
    const subscription = centrifuge.newSubscription('flow_data_changes', { recoverable: true });
    const own = follower('centrifuge');
    subscription.on('publication', ({ data }) => own.values.push((data as Flow).flow_rate));
    subscription.on('subscribed', ({ wasRecovering, recovered }) => {
      own.ready++;
      if (wasRecovering && !recovered) own.lost++;
    });
    subscription.subscribe();
    centrifuge.connect();
    closers.push(() => centrifuge.disconnect());

    const source = new EventSource(`${gateway.url}/sse?channel=flow_data_changes`);
    const stream = follower('EventSource');
    source.addEventListener('open', () => stream.ready++);
    source.addEventListener('gap', () => stream.lost++);
    source.addEventListener('pub', ({ data }) =>
      stream.values.push((JSON.parse(data) as { data: Flow }).data.flow_rate),
    );
    closers.push(() => source.close());

    const page = follower('live.js');
    const live = connect({ url: `${address}/ws`, onState: state => (page.ready += Number(state === 'open')) });
    live.subscribe('flow_data_changes', { onGap: () => page.lost++ }, row =>
      page.values.push(row['flow_rate'] as number),
    );
    closers.push(() => live.close());

    const supabase = createClient(gateway.url, 'anon', {
      realtime: { transport: WebSocket as never },
      auth: { persistSession: false, autoRefreshToken: false },
    });
    const changes = follower('supabase-js');
    supabase
      .channel('flow_data_changes')
      .on('postgres_changes', { event: 'INSERT', schema: 'public', table: 'flow_data' }, ({ new: row }) =>
        changes.values.push((row as Flow).flow_rate),
      )
      .on('system' as never, {} as never, (() => changes.ready++) as never)
      .subscribe();
    closers.push(() => supabase.realtime.disconnect());

    const socket = io(gateway.url, { reconnectionDelayMax: 500 });
    const events = follower('Socket.IO');
    socket.on('connect', () => socket.emit('subscribe', 'flow_data_changes', () => events.ready++));
    socket.on('telemetry', (row: Flow) => events.values.push(row.flow_rate));
    closers.push(() => socket.disconnect());
  }

  for (const [what, leave] of [
    [
      'a stop and a start',
      async () => {
        assert.equal((await gateway.end('SIGTERM')).code, 0);
        await write();
        await gateway.start();
      },
    ],
    [
      'a deploy of everything',
      async () => {
        await Promise.all([gateway.deploy('full', touching('fieldline-live-server')), write()]);
      },
    ],
  ] as const)
    it(`through ${what}: /ws, /sse and live.js miss nothing; supabase-js and Socket.IO come back`, async () => {
      if (closers.length === 0) follow();
      const state = () => followers;
      await until(
        all(({ ready }) => ready > 0),
        state,
      );
      await write();
      await until(
        all(({ values }) => values.at(-1) === written),
        state,
      );
      // A first start that was slow may have told of a gap until now.
      const before = structuredClone(followers);
      await leave();
      await until(
        all(({ ready }, name) => ready > before[name]!.ready),
        state,
      );
      await write();
      await until(
        all(({ values }) => values.at(-1) === written),
        state,
      );
      for (const name of resuming) {
        const { values, lost } = followers[name]!;
        const whole = Array.from({ length: written }, (_, at) => at + 1);
        assert.deepEqual([values, lost], [whole, before[name]!.lost], name);
      }
      for (const [name, { values }] of Object.entries(followers))
        assert.equal(new Set(values).size, values.length, `${name}: nothing twice`);
    });

  it('through a crash of the database: what others write before and after it comes once', async () => {
    // They are the rows in their order, for whoever has stayed; nothing was cut but the line to the database.
    const before = Object.fromEntries(Object.entries(followers).map(([name, { lost }]) => [name, lost]));
    await write();
    await running.postgres.terminate('SIGQUIT');
    await psql.end().catch(() => undefined);
    await running.postgres.restart();
    psql = new pg.Client({ connectionString: running.url });
    psql.on('error', () => undefined);
    await psql.connect();
    for (let row = 0; row < 20; row++) await write();
    await until(
      all(({ values }) => values.at(-1) === written),
      () => followers,
    );
    for (const name of resuming) {
      const { values, lost } = followers[name]!;
      assert.deepEqual(
        values,
        Array.from({ length: written }, (_, at) => at + 1),
        name,
      );
      assert.equal(lost, before[name], name);
    }
  });

  it('over MQTT in the browser: wildcards, what is retained, and the will of a page that vanishes', async () => {
    const device = await connectAsync(gateway.mqtt, { protocolVersion: 4 });
    closers.push(() => device.endAsync());
    await device.publishAsync('homelab/energy/meter8', '{"power_kw":8}', { qos: 1, retain: true });
    const heard: string[] = [];
    const page = connectMqtt(`${address}/mqtt`, { protocolVersion: 4 });
    closers.push(() => page.endAsync());
    page.on('message', (topic, payload, { retain }) => heard.push(`${topic} ${payload}${retain ? ' retained' : ''}`));
    await page.subscribeAsync(['homelab/energy/+', 'pages/#'], { qos: 1 });
    const vanishing = await connectAsync(`${address}/mqtt`, {
      ...{ protocolVersion: 4, reconnectPeriod: 0 },
      will: { topic: 'pages/2/status', payload: Buffer.from('gone'), qos: 1, retain: false },
    });
    await vanishing.publishAsync('pages/2/status', Buffer.of(0, 255), { qos: 1 });
    vanishing.stream.destroy();
    await until(
      () => heard.length >= 3,
      () => heard,
    );
    assert.deepEqual(heard, [
      'homelab/energy/meter8 {"power_kw":8} retained',
      'pages/2/status \0\ufffd',
      'pages/2/status gone',
    ]);
    await assert.rejects(connectAsync(`${address}/mqtt`, { protocolVersion: 5, reconnectPeriod: 0 }), /version/i);
  });

  it('an MQTT session over WebSocket gets what was published while its line was down', async () => {
    const options = { protocolVersion: 4, clean: false, clientId: 'page-1', reconnectPeriod: 0 } as const;
    const first = await connectAsync(`${address}/mqtt`, options);
    await first.subscribeAsync('homelab/energy/+', { qos: 1 });
    first.stream.destroy();
    await once(first as never, 'close');
    const device = await connectAsync(gateway.mqtt, { protocolVersion: 4 });
    closers.push(() => device.endAsync());
    await device.publishAsync('homelab/energy/meter7', '{"power_kw":1}', { qos: 1 });
    const second = connectMqtt(`${address}/mqtt`, options);
    closers.push(() => second.endAsync());
    const [topic, payload] = await once(second as never, 'message');
    assert.deepEqual([topic, String(payload)], ['homelab/energy/meter7', '{"power_kw":1}']);
  });
});
