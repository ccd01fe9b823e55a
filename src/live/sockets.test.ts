// Live clients on real sockets: upgrades of our path only, origins, limits, garbage, and a client that stops reading.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { type Admission, type AdmissionOptions, openAdmission } from './admission.ts';
import { fakeClock } from '../kernel/clock.ts';
import { centrifugoCodec } from './centrifugo.ts';
import type { Codec } from './codec.ts';
import type { Endpoint } from './endpoint.ts';
import { createHub, type Hub } from './hub.ts';
import { laser, type Served, visited } from './live.fixture.ts';
import { socketEndpoint } from './sockets.ts';

describe('live sockets', () => {
  let hub: Hub;
  let admission: Admission;
  let endpoint: Endpoint;
  let served: Served;
  const place = visited<WebSocket>(client => client.terminate());

  beforeEach(() => {
    hub = createHub();
  });

  async function start(options: Partial<AdmissionOptions> = {}, codec: Codec = centrifugoCodec()): Promise<void> {
    admission = openAdmission({ identify: () => ({ role: 'viewer' }), ...options });
    endpoint = socketEndpoint(hub, admission, { paths: ['/ws'], codec });
    served = await place.serve(hub, endpoint);
  }

  function open(path = '/ws', headers: Record<string, string> = {}): WebSocket {
    const client = new WebSocket(`ws://${served.at}${path}`, { headers });
    client.on('error', () => {});
    place.joined(client);
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
    await start();
    const client = await subscribed();
    hub.publish([laser(1)]);
    const [frame, binary] = await once(client, 'message');
    assert.equal(binary, false, 'text frames');
    const { push } = JSON.parse(String(frame));
    assert.equal(push.channel, 'measurement-stream');
    assert.equal(push.pub.data.type, 'measurement');
    assert.equal(admission.clients, 1);
  });

  it('lets in pages of its own origin and of the listed ones only', async () => {
    await start({ origins: ['https://scada.example'] });
    for (const origin of [`http://${served.at}`, 'https://scada.example']) await once(open('/ws', { origin }), 'open');
    for (const origin of ['https://evil.example', 'null', `http://${served.at}0`, 'https://scada.example.evil'])
      assert.equal(await statusOf(open('/ws', { origin })), 403, origin);
  });

  it('lets in so many clients, and another one when one has left', async () => {
    await start({ maxConnections: 1 });
    const first = open();
    await once(first, 'open');
    assert.equal(await statusOf(open()), 503);
    first.close();
    await once(first, 'close');
    while (admission.clients > 0) await new Promise(resolve => setImmediate(resolve));
    await once(open(), 'open');
  });

  it('hands token and request to the check', async () => {
    await start({
      identify: (request, token) =>
        token === 'T' && request.headers['x-key'] === 'K' ? { role: 'viewer' } : { refused: 'not you' },
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

  it('lets an address wait from which only tokens come that nobody knows, and for a while', async () => {
    const clock = fakeClock();
    await start({ clock, identify: (_, token) => (token === 'good' ? { role: 'viewer' } : { refused: 'forged' }) });
    const show = async (token: string) => {
      const client = open();
      await once(client, 'open');
      client.send(JSON.stringify({ id: 1, connect: { token } }));
      return Promise.race([once(client, 'message').then(() => 'in'), closeOf(client)]);
    };
    assert.equal(await show('bad'), 3500);
    const request = { socket: { remoteAddress: '127.0.0.1' } } as never;
    for (let n = 0; n < 1000; n++) admission.identify(request, 'bad');
    assert.equal(await statusOf(open()), 429);
    clock.advance(1000);
    assert.equal(await show('good'), 'in');
  });

  const faults: [what: string, frame: string | Buffer, code: number][] = [
    ['garbage', 'garbage', 3501],
    ['a binary frame', Buffer.from([1, 2, 3]), 3506],
    ['a frame that is too large', `{"id":2,"ping":${'x'.repeat(70_000)}}`, 1009],
  ];
  for (const [what, frame, code] of faults)
    it(`closes ${code} on ${what} and disturbs nobody else`, async () => {
      await start();
      const good = await subscribed();
      const bad = await subscribed();
      const gone = closeOf(bad);
      bad.send(frame);
      assert.equal(await gone, code);
      hub.publish([laser(1)]);
      assert.match(String((await once(good, 'message'))[0]), /"value_mm":1/);
    });

  it('tells a browser that opens the address what is there', async () => {
    await start();
    const answer = await fetch(`http://${served.at}/ws`);
    assert.equal(answer.status, 426);
    assert.equal(((await answer.json()) as { title: string }).title, 'A WebSocket is served here');
  });

  it('survives a handshake that is cut off and bytes that are no WebSocket', async () => {
    await start();
    const [host, port] = served.at.split(':');
    const upgrade = 'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    for (const bytes of [`${upgrade}\r\n`, `${upgrade}${key}\xff\xff\xff\xff\xff`, upgrade]) {
      const socket = connect(Number(port), host);
      socket.on('error', () => {});
      socket.end(Buffer.from(bytes, 'latin1'));
      socket.resume();
      await once(socket, 'close');
    }
    await subscribed();
  });

  it('cuts off a client that stops reading, and delays nobody else', async () => {
    await start({}, centrifugoCodec({ queueBytes: 100_000 }));
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
    while (admission.clients > 1) {
      hub.publish(Array.from({ length: 500 }, () => laser(sent++)));
      while (received < sent) await new Promise(resolve => setImmediate(resolve));
    }
    assert.equal(received, sent);
    stalled.resume();
    await gone;
  });

  it('sends all clients away when it closes', async () => {
    await start();
    const client = await subscribed();
    const gone = closeOf(client);
    await endpoint.close();
    assert.equal(await gone, 3001);
  });
});
