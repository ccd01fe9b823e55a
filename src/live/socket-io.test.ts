// Socket.IO with the public client, unmodified: channels with acknowledgement, events by kind, tokens, and clients that come back.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as library from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';
import type { Identify } from '../reading/principal.ts';
import { type Admission, openAdmission } from './admission.ts';
import type { Endpoint } from './endpoint.ts';
import { createHub, type Hub } from './hub.ts';
import { laser, type Served, serveEndpoint } from './live.fixture.ts';
import { rowOfRecord } from './record.ts';
import { socketIoEndpoint } from './socket-io.ts';
import type { SocketIo } from './socket-io-package.ts';
import { until } from '../../test/support/until.ts';

type Data = { value_mm: number; type: string };

describe('live with the public Socket.IO client', () => {
  let hub: Hub;
  let admission: Admission;
  let endpoint: Endpoint;
  let served: Served;
  const sockets: Socket[] = [];

  const identify: Identify = (_request, token) => {
    if (token === 'bad') return { refused: 'token: forged' };
    if (token === 'short') return { role: 'viewer', expiresAt: Date.now() + 50 };
    return token === undefined ? { role: 'viewer' } : { role: 'viewer', org: token };
  };

  async function start(port = 0): Promise<void> {
    admission = openAdmission({ identify, origins: ['https://scada.example'], maxConnections: 5 });
    const limits = { maxSubscriptions: 3, queueBytes: 1e6 };
    endpoint = socketIoEndpoint(hub, admission, library as unknown as SocketIo, limits);
    served = await serveEndpoint(endpoint, port);
  }
  async function stop(): Promise<void> {
    await endpoint.close();
    await served.close();
  }
  beforeEach(async () => {
    hub = createHub();
    await start();
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.disconnect();
    await stop();
    hub.close();
  });

  function open(options: object = {}): Socket {
    const socket = io(`http://${served.at}`, { reconnectionDelay: 10, reconnectionDelayMax: 20, ...options });
    sockets.push(socket);
    return socket;
  }

  function heard(socket: Socket, event = 'telemetry'): Data[] {
    const data: Data[] = [];
    socket.on(event, (one: Data) => data.push(one));
    return data;
  }

  for (const transports of [['websocket'], ['polling'], ['polling', 'websocket']])
    it(`subscribes with an acknowledgement, gets its rows, and leaves: ${transports.join(' then ')}`, async () => {
      const socket = open({ transports });
      const data = heard(socket);
      assert.deepEqual(await socket.emitWithAck('subscribe', 'device:D1'), { ok: true, channel: 'device:D1' });
      hub.publish([laser(1), laser(2, {}, 'D2')]);
      await until(() => data.length === 1);
      assert.deepEqual([data[0]!.value_mm, data[0]!.type], [1, 'measurement']);
      assert.equal((await socket.emitWithAck('unsubscribe', 'device:D1')).ok, true);
      hub.publish([laser(3)]);
      await socket.emitWithAck('subscribe', 'device:D9');
      assert.equal(data.length, 1);
    });

  it('speaks with clients of version 2, as their packets are', async () => {
    const line = new WebSocket(`ws://${served.at}/socket.io/?EIO=3&transport=websocket&token=acme`);
    const packets: string[] = [];
    line.on('message', data => packets.push(String(data)));
    await until(() => packets.length === 2);
    assert.match(packets[0]!, /^0\{"sid":/);
    assert.equal(packets[1], '40', 'of its own accord, which later versions wait to be asked for');
    line.send('2');
    line.send('420["subscribe","device:D1"]');
    await until(() => packets.length === 4);
    assert.deepEqual(packets.slice(2), ['3', '430[{"ok":true,"channel":"device:D1"}]']);
    hub.publish([laser(1, { orgId: 'other' }), laser(2, { orgId: 'acme' })]);
    await until(() => packets.length === 5);
    const [event, row, channel] = JSON.parse(packets[4]!.slice(2));
    assert.deepEqual([packets[4]!.slice(0, 2), event, row.value_mm, channel], ['42', 'telemetry', 2, 'device:D1']);
    line.terminate();

    const refused = new WebSocket(`ws://${served.at}/socket.io/?EIO=3&transport=websocket&token=bad`);
    const told: string[] = [];
    refused.on('message', data => told.push(String(data)));
    await until(() => told.length === 2);
    assert.match(told[1]!, /^44.*forged/);
    refused.terminate();
  });

  it('names events by what they are, and the channel beside the row', async () => {
    const socket = open();
    const told: unknown[] = [];
    for (const event of ['telemetry', 'alarm', 'system'])
      socket.on(event, (data: Data, channel: string) => told.push([event, data.type, channel]));
    for (const channel of ['device:D1', 'alarms', 'system'])
      assert.equal((await socket.emitWithAck('subscribe', channel)).ok, true);
    hub.publish([laser(1, { receivedScore: -1 })]);
    hub.publishRows([
      rowOfRecord('alerts', 'INSERT', { id: 1, kind: 'offline' })!,
      { table: 'system', event: 'INSERT', key: 's', time: '', data: { type: 'system', event: 'started' } },
    ]);
    await until(() => told.length === 4);
    assert.deepEqual(told.map(String).sort(), [
      'alarm,alert,alarms',
      'alarm,measurement,alarms',
      'system,system,system',
      'telemetry,measurement,device:D1',
    ]);
  });

  it('takes a filter and gives a snapshot, and no row twice to one who joins others', async () => {
    const first = open();
    const data = heard(first);
    const wishes = { filter: 'value_mm=gt.1', snapshot: true };
    await first.emitWithAck('subscribe', 'measurement-stream', wishes);
    hub.publish([laser(1), laser(2)]);
    const second = open();
    const late = heard(second);
    await once(second as never, 'connect');
    hub.publish([laser(3)]);
    const { snapshot } = await second.emitWithAck('subscribe', { channel: 'measurement-stream', ...wishes });
    assert.deepEqual(
      snapshot.map((row: Data) => row.value_mm),
      [3],
    );
    hub.publish([laser(4)]);
    await until(() => data.length === 3 && late.length === 1);
    assert.deepEqual(
      [data, late].map(rows => rows.map(row => row.value_mm)),
      [[2, 3, 4], [4]],
    );
  });

  it('says what is wrong', async () => {
    const socket = open();
    for (const [asked, reason] of [
      ['nope', /channel: expected one that exists/],
      [7, /expected a text/],
      [null, /expected a text/],
      [{ channel: 'alarms', filter: 'nope=eq.1' }, /column nope does not exist/],
      [{ channel: 'alarms', conflate_ms: 1 }, /conflate_ms/],
    ] as const)
      assert.match((await socket.emitWithAck('subscribe', asked)).error, reason);
    for (const channel of ['device:1', 'device:2', 'device:3']) await socket.emitWithAck('subscribe', channel);
    assert.match((await socket.emitWithAck('subscribe', 'device:4')).error, /at most 3 channels/);
    assert.match((await socket.emitWithAck('subscribe', 'device:1')).error, /already subscribed/);
    assert.match((await socket.emitWithAck('unsubscribe', 'alarms')).error, /not subscribed/);
    socket.emit('subscribe');
    socket.emit('unsubscribe', {});
    assert.equal((await socket.emitWithAck('unsubscribe', 'device:1')).ok, true);
  });

  it('keeps organisations apart, refuses bad tokens and ends with the token', async () => {
    const [a, b] = [open({ auth: { token: 'A', channels: ['measurement-stream'] } }), open({ auth: { token: 'B' } })];
    const [ofA, ofB] = [heard(a), heard(b)];
    await once(a as never, 'connect');
    await b.emitWithAck('subscribe', { channel: 'measurement-stream', filter: 'org_id=in.(A,B)' });
    hub.publish([laser(1, { orgId: 'A' }), laser(2, { orgId: 'B' })]);
    await until(() => ofA.length + ofB.length === 2);
    assert.deepEqual([ofA[0]!.value_mm, ofB[0]!.value_mm], [1, 2]);

    const [error] = (await once(open({ auth: { token: 'bad' } }) as never, 'connect_error')) as [Error];
    assert.equal(error.message, 'token: forged');
    const short = open({ auth: { token: 'short' } });
    await once(short as never, 'connect');
    assert.equal((await once(short as never, 'disconnect'))[0], 'io server disconnect');
  });

  it('lets in pages of its own and of listed sites only', async () => {
    const poll = (origin: string) =>
      fetch(`http://${served.at}/socket.io/?EIO=4&transport=polling`, { headers: { origin } });
    assert.equal((await poll('https://evil.example')).status, 403);
    const good = await poll('https://scada.example');
    assert.equal(good.status, 200);
    assert.equal(good.headers.get('access-control-allow-origin'), 'https://scada.example');
  });

  it('lets in so many clients', async () => {
    for (let n = 0; n < 5; n++) await once(open({ forceNew: true }) as never, 'connect');
    await once(open({ forceNew: true, reconnection: false }) as never, 'connect_error');
    assert.equal(admission.clients, 5);
  });

  it('counts lines on which nobody has said a word, until they are gone', async () => {
    const lines = Array.from(
      { length: 5 },
      () => new WebSocket(`ws://${served.at}/socket.io/?EIO=4&transport=websocket`),
    );
    await until(() => admission.clients === 5);
    const sixth = new WebSocket(`ws://${served.at}/socket.io/?EIO=4&transport=websocket`);
    sixth.on('error', () => {});
    assert.equal((await once(sixth, 'unexpected-response'))[1].statusCode, 503);
    // Some of them connect and close in one go.
    for (const [at, line] of lines.entries()) {
      if (at < 3) line.send('40');
      line.close();
    }
    await until(() => admission.clients === 0);
    await once(open() as never, 'connect');
  });

  it('cuts off who does not read, and delays nobody else', async () => {
    const good = open();
    const data = heard(good);
    await good.emitWithAck('subscribe', 'device:D1');
    const stalled = new WebSocket(`ws://${served.at}/socket.io/?EIO=4&transport=websocket`);
    stalled.on('error', () => {});
    const packets: string[] = [];
    stalled.on('message', packet => packets.push(String(packet)));
    await once(stalled, 'open');
    stalled.send('40');
    await until(() => packets.some(packet => packet.startsWith('40')));
    stalled.send('420["subscribe","device:D1"]');
    await until(() => packets.some(packet => packet.startsWith('430')));
    stalled.pause();
    let sent = 0;
    while (admission.clients === 2) {
      hub.publish(Array.from({ length: 500 }, () => laser(++sent)));
      await until(() => data.length === sent);
    }
    assert.equal(data.length, sent);
    stalled.terminate();
  });

  it('has its clients come back when it was closed, and forgets those that left', async () => {
    const socket = open({ auth: { channels: ['device:D1'] } });
    const data = heard(socket);
    await once(socket as never, 'connect');
    const port = Number(served.at.split(':')[1]);
    const gone = once(socket as never, 'disconnect');
    await stop();
    assert.notEqual((await gone)[0], 'io server disconnect');
    await start(port);
    await once(socket as never, 'connect');
    hub.publish([laser(1)]);
    await until(() => data.length === 1);
    socket.disconnect();
    await until(() => admission.clients === 0);
  });
});
