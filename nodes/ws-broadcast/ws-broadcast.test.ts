// ws-broadcast and live-server in real Node-RED: pushes to a real client, passes on, waits for nobody, survives a deploy.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Identify } from '../../src/reading/principal.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { type FlowNode, type TestRuntime, testRuntime } from '../../test/support/node-red.ts';
import liveServer from '../live-server/live-server.ts';
import wsBroadcast from './ws-broadcast.ts';

function laser(value: number): Reading {
  const timestamp = new Date(Date.UTC(2026, 0, 1) + value * 1000).toISOString();
  return { deviceId: 'D1', protocol: 'bluetooth', timestamp, telemetry: { value_mm: value }, metadata: {} };
}

describe('ws-broadcast', () => {
  let runtime: TestRuntime;
  const clients: WebSocket[] = [];
  const flow: FlowNode[] = [
    { id: 'live', type: 'fieldline-live-server', path: '/ws' },
    { id: 'from', type: 'test-source', wires: [['push']] },
    { id: 'push', type: 'fieldline-ws-broadcast', server: 'live', wires: [['to']] },
    { id: 'to', type: 'test-sink' },
  ];

  before(async () => {
    runtime = await testRuntime();
    runtime.register(liveServer, wsBroadcast);
  });
  beforeEach(() => runtime.deploy(flow));
  afterEach(() => {
    for (const client of clients.splice(0)) client.terminate();
    delete (runtime.settings.services as Record<string, unknown>)['identify'];
  });
  after(() => runtime.deploy([]));

  async function open(path = '/ws'): Promise<WebSocket> {
    const client = new WebSocket(`${runtime.url.replace('http', 'ws')}${path}`);
    client.on('error', () => {});
    clients.push(client);
    await once(client, 'open');
    return client;
  }

  /** Connects and subscribes; gives the client and the reply. */
  async function subscribed(channel: string, more: object = {}) {
    const client = await open();
    client.send(`{"id":1,"connect":{}}\n${JSON.stringify({ id: 2, subscribe: { channel, ...more } })}`);
    const [frame] = await once(client, 'message');
    return { client, reply: JSON.parse(String(frame).split('\n')[1]!).subscribe };
  }

  const valuesOf = (frame: unknown): unknown[] =>
    String(frame)
      .split('\n')
      .map(line => JSON.parse(line).push.pub.data.value_mm);

  it('pushes a reading and a batch, and passes the message on as it came', async () => {
    const { client } = await subscribed('device:D1');
    for (const payload of [laser(1), [laser(2), laser(3)]]) {
      const pushed = once(client, 'message');
      assert.deepEqual(await runtime.emit('from', { topic: 't', payload }), { ok: true });
      assert.deepEqual(
        valuesOf((await pushed)[0]),
        [payload].flat().map(reading => reading.telemetry['value_mm']),
      );
    }
    assert.deepEqual(
      runtime.received('to').map(({ payload }) => payload),
      [laser(1), [laser(2), laser(3)]],
    );
  });

  it('is done while a client does not read', async () => {
    const { client } = await subscribed('device:D1');
    client.pause();
    for (let value = 0; value < 20; value++)
      assert.deepEqual(await runtime.emit('from', { payload: [laser(value)] }), { ok: true });
  });

  it('refuses what is no reading with a reason, and lets the readings of a mixed batch through', async () => {
    const { client } = await subscribed('device:D1');
    const refused = await runtime.emit('from', { payload: 'hello' });
    assert.ok(!refused.ok && refused.kind === 'data');
    assert.match(refused.reason, /expected a reading or an array of them, got "hello"/);
    const pushed = once(client, 'message');
    assert.deepEqual(await runtime.emit('from', { payload: [null, laser(4)] }), { ok: true });
    assert.deepEqual(valuesOf((await pushed)[0]), [4]);
    const { fill, text } = await runtime.untilStatus('push', /not readings/);
    assert.equal(fill, 'yellow');
    assert.match(text!, /^1 client, \d+\/s, 2 not readings$/);
  });

  it('lets clients resume over a deploy', async () => {
    const { client, reply } = await subscribed('device:D1');
    const gone = once(client, 'close');
    await runtime.emit('from', { payload: laser(1) });
    await runtime.deploy(flow);
    assert.equal((await gone)[0], 3001);
    await runtime.emit('from', { payload: laser(2) });
    const back = await subscribed('device:D1', { recover: true, epoch: reply.epoch, offset: reply.offset });
    assert.equal(back.reply.recovered, true);
    assert.deepEqual(
      back.reply.publications.map((entry: { data: { value_mm: number } }) => entry.data.value_mm),
      [1, 2],
    );
  });

  it('leaves the sockets of the editor alone', async () => {
    const comms = await open('/comms');
    const [frame] = await once(comms, 'message');
    assert.ok(String(frame).length > 0);
  });

  it('asks the gateway who may connect, with the token of the client', async () => {
    const identify: Identify = (_request, token) => (token === 'good' ? { role: 'viewer' } : { refused: 'not you' });
    (runtime.settings.services as Record<string, unknown>)['identify'] = identify;
    await runtime.deploy(flow);
    for (const [token, happens] of [
      ['good', 'message'],
      ['bad', 'close'],
      ['', 'close'],
    ] as const) {
      const client = await open();
      client.send(JSON.stringify({ id: 1, connect: { token } }));
      await once(client, happens);
    }
  });

  it('refuses a second live-server on the same addresses, and takes them over when the first is gone', async () => {
    const second = { id: 'second', type: 'fieldline-live-server', path: '/ws' };
    const push = { id: 'push2', type: 'fieldline-ws-broadcast', server: 'second' };
    await runtime.deploy([...flow, second, push]);
    await runtime.untilStatus('push2', /expected one that is valid/);
    await runtime.deploy([second, push]);
    await open();
    await runtime.untilStatus('push2', /^1 client/);
  });

  it('says what is missing when no live server is chosen', async () => {
    await runtime.deploy(flow.map(node => (node.id === 'push' ? { ...node, server: '' } : node)));
    const { fill } = await runtime.untilStatus('push', /expected one that is valid, got nothing/);
    assert.equal(fill, 'red');
  });
});
