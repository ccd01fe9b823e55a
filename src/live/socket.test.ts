// Live clients on real sockets: upgrades of our path only, origins, limits, garbage, and a client that stops reading.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import type { Reading } from '../reading/reading.ts';
import { centrifugoCodec } from './centrifugo.ts';
import { type Hub, createHub } from './hub.ts';
import { type LiveSocket, type SocketOptions, attachSocket } from './socket.ts';

function laser(value: number): Reading {
  const timestamp = new Date(Date.UTC(2026, 0, 1) + value * 1000).toISOString();
  return { deviceId: 'D1', protocol: 'bluetooth', timestamp, telemetry: { value_mm: value }, metadata: {} };
}

describe('live socket', () => {
  let server: Server;
  let hub: Hub;
  let live: LiveSocket | undefined;
  const clients: WebSocket[] = [];

  beforeEach(async () => {
    hub = createHub();
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.terminate();
    await live?.close();
    live = undefined;
    hub.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  function start(options: Partial<SocketOptions> = {}): void {
    live = attachSocket(server, hub, { path: '/ws', codec: centrifugoCodec(), ...options });
  }

  function open(path = '/ws', headers: Record<string, string> = {}): WebSocket {
    const { port } = server.address() as AddressInfo;
    const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers });
    client.on('error', () => {});
    clients.push(client);
    return client;
  }

  /** Connects and subscribes; resolves when the subscription stands. */
  async function subscribed(channel = 'measurement-stream', data: object = {}): Promise<WebSocket> {
    const client = open();
    await once(client, 'open');
    client.send(
      `${JSON.stringify({ id: 1, connect: {} })}\n${JSON.stringify({ id: 2, subscribe: { channel, data } })}`,
    );
    for (;;) {
      const [frame] = await once(client, 'message');
      if (String(frame).includes('"subscribe":')) return client;
    }
  }

  const closeOf = async (client: WebSocket): Promise<number> => (await once(client, 'close'))[0];
  const statusOf = async (client: WebSocket): Promise<number> =>
    (await once(client, 'unexpected-response'))[1].statusCode;

  it('serves a bare WebSocket with raw frames', async () => {
    start();
    const client = await subscribed();
    hub.publish([laser(1)]);
    const [frame, binary] = await once(client, 'message');
    assert.equal(binary, false, 'text frames');
    const { push } = JSON.parse(String(frame));
    assert.equal(push.channel, 'measurement-stream');
    assert.equal(push.pub.data.type, 'measurement');
    assert.equal(live?.clients, 1);
  });

  it('leaves the upgrades of other paths to others', async () => {
    const other = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      if (request.url === '/comms') other.handleUpgrade(request, socket, head, client => client.send('comms'));
    });
    start();
    const [frame] = await once(open('/comms'), 'message');
    assert.equal(String(frame), 'comms');
    await once(open('/ws?token=x'), 'open');
    other.close();
  });

  it('refuses a second live server on the same path, until the first is closed', async () => {
    start();
    assert.throws(() => attachSocket(server, hub, { path: '/ws', codec: centrifugoCodec() }), /no other live server/);
    await live?.close();
    start();
    await once(open(), 'open');
  });

  it('lets in pages of its own origin and of the listed ones only', async () => {
    start({ origins: ['https://scada.example'] });
    const { port } = server.address() as AddressInfo;
    for (const origin of [`http://127.0.0.1:${port}`, 'https://scada.example'])
      await once(open('/ws', { origin }), 'open');
    for (const origin of ['https://evil.example', 'null', `http://127.0.0.1:${port + 1}`, 'https://scada.example.evil'])
      assert.equal(await statusOf(open('/ws', { origin })), 403, origin);
  });

  it('lets in so many clients, and another one when one has left', async () => {
    start({ maxConnections: 1 });
    const first = open();
    await once(first, 'open');
    assert.equal(await statusOf(open()), 503);
    first.close();
    await once(first, 'close');
    while (live!.clients > 0) await new Promise(resolve => setImmediate(resolve));
    await once(open(), 'open');
  });

  it('hands token and request to the check', async () => {
    start({
      authorize: async (request, token) =>
        token === 'T' && request.headers['x-key'] === 'K' ? { role: 'viewer' } : undefined,
    });
    for (const [token, expected] of [
      ['T', 'message'],
      ['wrong', 'close'],
    ] as const) {
      const client = open('/ws', { 'x-key': 'K' });
      await once(client, 'open');
      client.send(JSON.stringify({ id: 1, connect: { token } }));
      const happened = await Promise.race([
        once(client, 'message').then(() => 'message'),
        closeOf(client).then(String),
      ]);
      assert.equal(happened, expected === 'close' ? '3500' : expected);
    }
  });

  const faults: [what: string, frame: string | Buffer, code: number][] = [
    ['garbage', 'garbage', 3501],
    ['a binary frame', Buffer.from([1, 2, 3]), 3506],
    ['a frame that is too large', `{"id":2,"ping":${'x'.repeat(70_000)}}`, 1009],
  ];
  for (const [what, frame, code] of faults)
    it(`closes ${code} on ${what} and disturbs nobody else`, async () => {
      start();
      const good = await subscribed();
      const bad = await subscribed();
      const gone = closeOf(bad);
      bad.send(frame);
      assert.equal(await gone, code);
      hub.publish([laser(1)]);
      assert.match(String((await once(good, 'message'))[0]), /"value_mm":1/);
    });

  it('survives a handshake that is cut off and bytes that are no WebSocket', async () => {
    start();
    const { port } = server.address() as AddressInfo;
    const upgrade = 'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    for (const bytes of [`${upgrade}\r\n`, `${upgrade}${key}\xff\xff\xff\xff\xff`, upgrade]) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(Buffer.from(bytes, 'latin1'));
      socket.resume();
      await once(socket, 'close');
    }
    await subscribed();
  });

  it('cuts off a client that stops reading, and delays nobody else', async () => {
    start({ codec: centrifugoCodec({ queueBytes: 100_000 }) });
    const stalled = await subscribed();
    stalled.pause();
    const good = await subscribed();
    let received = 0;
    good.on('message', frame => {
      received += String(frame).split('\n').length;
    });
    const gone = closeOf(stalled);
    // The kernel's socket buffers take some megabytes before the backlog is ours.
    let sent = 0;
    while (live!.clients > 1) {
      hub.publish(Array.from({ length: 500 }, () => laser(sent++)));
      while (received < sent) await new Promise(resolve => setImmediate(resolve));
    }
    assert.equal(received, sent);
    stalled.resume();
    await gone;
  }).timeout(20_000);

  it('sends all clients away when it closes, and takes no new ones', async () => {
    start();
    const client = await subscribed();
    const gone = closeOf(client);
    await live?.close();
    live = undefined;
    assert.equal(await gone, 3001);
    assert.equal(server.listenerCount('upgrade'), 0);
  });
});
