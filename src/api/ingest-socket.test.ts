// Ingest over WebSocket on real sockets: the key in a header or in the first frame, answers by id, clients that misbehave.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import WebSocket from 'ws';
import { Fault } from '../kernel/fault.ts';
import { openScene, type Scene, stored } from './ingest.fixture.ts';
import type { Key } from './key-ring.ts';

const flow = (more: object = {}) => ({ device_id: 'd', flow_rate: 1, ...more });
type Line = {
  id: unknown;
  ok?: boolean;
  stored?: number;
  error?: { status: number; errors?: object[] };
  retry_after?: number;
};

describe('ingest over WebSocket', () => {
  let scene: Scene;
  let client: WebSocket;
  beforeEach(async () => {
    scene = await openScene();
  });
  afterEach(async () => {
    client.terminate();
    await scene.close();
  });

  const open = async (headers: Record<string, string> = {}): Promise<void> => {
    client = new WebSocket(`${scene.url.replace('http', 'ws')}/ws/ingest`, { headers });
    client.on('error', () => {});
    await once(client, 'open');
  };
  const next = async (): Promise<Line> => JSON.parse(String((await once(client, 'message'))[0])) as Line;
  const ask = (frame: unknown): Promise<Line> => {
    const answer = next();
    client.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
    return answer;
  };
  const refusedWith = (headers: Record<string, string>): Promise<number | undefined> =>
    new Promise(resolve => {
      client = new WebSocket(`${scene.url.replace('http', 'ws')}/ws/ingest`, { headers });
      client.on('error', () => {});
      client.once('unexpected-response', (_request, response) => resolve(response.statusCode));
      client.once('open', () => resolve(undefined));
    });

  const frames: readonly [name: string, frame: unknown, id: unknown, readings: number][] = [
    ['a reading, answered by its number', flow(), 1, 1],
    ['an array', [flow(), flow({ device_id: 'e' })], 1, 2],
    ['a reading with an id', flow({ id: 'a-7' }), 'a-7', 1],
    ['a reading in data', { id: 5, data: flow() }, 5, 1],
    ['an array in data', { id: 5, data: [flow(), flow()] }, 5, 2],
    ['the device data structure', { id: 2, deviceId: 'd', telemetry: { temperature: 20 } }, 2, 1],
  ];
  for (const [name, frame, id, readings] of frames)
    it(`takes ${name}`, async () => {
      await open({ 'x-api-key': 'app-key' });
      const line = await ask(frame);
      assert.deepEqual([line.id, line.ok, line.stored], [id, true, readings]);
      assert.equal(scene.received[0]?.protocol, 'websocket');
      assert.equal(scene.received[0]?.metadata.extra?.['id'], undefined);
    });

  it('knows a reading again that comes under another id', async () => {
    await open({ 'x-api-key': 'app-key' });
    await ask(flow({ id: 1 }));
    await ask(flow({ id: 2 }));
    const digests = scene.received.map(({ metadata }) => metadata.digest);
    assert.equal(new Set(digests).size, 1);
  });

  const wrong: readonly [name: string, frame: string, status: number][] = [
    ['no JSON', '{', 400],
    ['a fault of a field', JSON.stringify({ id: 1, device_id: 'd' }), 400],
    ['an empty array', '[]', 400],
    ['too many', JSON.stringify(Array.from({ length: 101 }, () => ({}))), 413],
    ['data that is no reading', '{"id": 1, "data": 5}', 400],
  ];
  for (const [name, frame, status] of wrong)
    it(`answers ${status} to ${name}, and goes on`, async () => {
      await open({ authorization: 'Bearer app-key' });
      const { id, ok, error } = await ask(frame);
      assert.deepEqual([id, ok, error?.status], [1, undefined, status]);
      assert.equal((await ask(flow())).ok, true);
    });

  const endless = '['.repeat(20_000) + ']'.repeat(20_000);
  for (const [place, frame, id] of [
    ['data', `{"id": 7, "data": ${endless}}`, 7],
    ['a field', `{"id": "a", "device_id": "d", "flow_rate": 1, "more": ${endless}}`, 'a'],
    ['the id', `{"id": ${endless}, "device_id": "d", "flow_rate": 1}`, 1],
    ['everything', endless, 1],
  ] as const)
    it(`answers a frame with ${place} nested without end, and goes on`, async () => {
      await scene.close();
      scene = await openScene({ socket: { maxBytes: 100_000 } });
      await open({ 'x-api-key': 'app-key' });
      const line = await ask(frame);
      assert.deepEqual([line.id, line.error?.status], [id, 400]);
      assert.deepEqual(scene.refused, { body: 1 });
      assert.equal((await ask(flow())).ok, true);
    });

  it('takes the key in the first frame', async () => {
    await open();
    assert.deepEqual(await ask({ key: 'app-key' }), { id: 0, ok: true });
    assert.deepEqual((await ask(flow())).id, 1);
  });

  it('works on what comes behind the key before it was answered', async () => {
    await open();
    const lines: Line[] = [];
    client.on('message', data => lines.push(JSON.parse(String(data)) as Line));
    for (const frame of [{ key: 'app-key' }, flow(), flow({ device_id: 'e' })]) client.send(JSON.stringify(frame));
    while (lines.length < 3) await once(client, 'message');
    assert.deepEqual(
      lines.map(({ id, ok }) => [id, ok]),
      [
        [0, true],
        [1, true],
        [2, true],
      ],
    );
  });

  it('sends away whoever shows none, or a wrong one', async () => {
    for (const frame of [flow(), { key: 'wrong' }, 'hello']) {
      await open();
      const gone = once(client, 'close');
      assert.equal((await ask(frame)).error?.status, 401);
      assert.equal((await gone)[0], 4401);
    }
    assert.equal(await refusedWith({ 'x-api-key': 'wrong' }), 401);
    assert.equal(scene.received.length, 0);
  });

  it('sends away whoever shows none in time', async () => {
    await scene.close();
    scene = await openScene({ socket: { keyMs: 20 } });
    await open();
    assert.equal((await once(client, 'close'))[0], 4401);
  });

  it('sends away a client whose key is revoked', async () => {
    await open({ 'x-api-key': 'app-key' });
    scene.keys.delete('app-key');
    const gone = once(client, 'close');
    assert.equal((await ask(flow())).error?.status, 401);
    assert.equal((await gone)[0], 4401);
  });

  it('sends away a silent client whose key is revoked, and one that comes meanwhile, but none while keys cannot be read', async () => {
    await scene.close();
    scene = await openScene({ socket: { checkMs: 10 } });
    await open({ 'x-api-key': 'app-key' });
    const asked: string[] = [];
    scene.find = text => {
      asked.push(text);
      return Promise.reject(new Fault('FIELDLINE_DATABASE', 'away', { kind: 'outage' }));
    };
    while (asked.length < 3) await new Promise(resolve => setImmediate(resolve));
    assert.equal(client.readyState, client.OPEN);
    const gone = once(client, 'close');
    scene.find = async () => undefined;
    assert.equal((await gone)[0], 4401);
    assert.deepEqual(scene.answers, {}, 'nobody has asked for an answer');
  });

  it('answers in the order of the frames, whichever is done first', async () => {
    const waiting: (() => void)[] = [];
    scene.deliver = readings => new Promise(resolve => waiting.push(() => resolve(stored(readings))));
    await open({ 'x-api-key': 'app-key' });
    const lines: Line[] = [];
    client.on('message', data => lines.push(JSON.parse(String(data)) as Line));
    for (const frame of [flow({ id: 'slow' }), { id: 'wrong' }, flow({ id: 'quick' })])
      client.send(JSON.stringify(frame));
    while (waiting.length < 2) await new Promise(resolve => setImmediate(resolve));
    waiting[1]?.();
    for (let n = 0; n < 50; n++) await new Promise(resolve => setImmediate(resolve));
    assert.deepEqual(lines, []);
    waiting[0]?.();
    while (lines.length < 3) await once(client, 'message');
    assert.deepEqual(
      lines.map(({ id }) => id),
      ['slow', 'wrong', 'quick'],
    );
  });

  // More than both ends of a connection hold between them.
  const FLOOD_BYTES = 40_000_000;

  it('reads no more of a client that takes no answers', async () => {
    await open({ 'x-api-key': 'app-key' });
    client.pause();
    const count = Math.ceil(FLOOD_BYTES / 9000);
    let taken = 0;
    client.on('message', () => taken++);
    const frame = JSON.stringify({ id: 'x'.repeat(9000) });
    for (let n = 0; n < count; n++) client.send(frame);
    const answered = () => Object.values(scene.answers).reduce((sum, n) => sum + n, 0);
    let before = -1;
    while (before !== answered()) {
      before = answered();
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    assert.ok(before < count, `${before} of ${count} answered before anybody took an answer`);
    client.resume();
    while (taken < count) await once(client, 'message');
  });

  it('gathers no answers to pings for a client that takes none', async () => {
    await open({ 'x-api-key': 'app-key' });
    client.pause();
    let pongs = 0;
    client.on('pong', () => pongs++);
    // A ping of 125 bytes, masked with zeros.
    const ping = Buffer.concat([Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125, 'p')]);
    const count = Math.ceil(FLOOD_BYTES / ping.length);
    const { _socket: socket } = client as unknown as { _socket: Socket };
    const written = once(socket.write(Buffer.concat(Array<Buffer>(count).fill(ping))) ? process : socket, 'drain');
    await written;
    client.resume();
    assert.equal((await ask(flow())).ok, true);
    assert.ok(pongs > 0 && pongs < count, `${pongs} of ${count}`);
  });

  it('lets nobody in who is let in only after the node was closed', async () => {
    let found: ((key: Key | undefined) => void) | undefined;
    scene.find = () => new Promise(resolve => (found = resolve));
    const refused = refusedWith({ 'x-api-key': 'app-key' });
    while (found === undefined) await new Promise(resolve => setImmediate(resolve));
    scene.closeSockets();
    found(scene.keys.get('app-key'));
    assert.equal(await refused, 503);
  });

  it('keeps room for clients with a key', async () => {
    await scene.close();
    scene = await openScene({ socket: { maxUnknown: 1 } });
    await open();
    const first = client;
    assert.equal(await refusedWith({}), 503);
    await open({ 'x-api-key': 'app-key' });
    assert.equal((await ask(flow())).ok, true);
    first.terminate();
  });

  it('counts each frame as a request of its key', async () => {
    await open({ 'x-api-key': 'gateway-key' });
    for (let n = 0; n < 10; n++) assert.equal((await ask(flow())).ok, true);
    const { error, retry_after: seconds } = await ask(flow());
    assert.deepEqual([error?.status, seconds], [429, 60]);
  });

  it('says when to come again', async () => {
    scene.deliver = () => Promise.reject(new Fault('FIELDLINE_DATABASE', 'away', { kind: 'outage' }));
    await open({ 'x-api-key': 'app-key' });
    const { error, retry_after: seconds } = await ask(flow());
    assert.deepEqual([error?.status, seconds], [503, 5]);
  });

  it('reads little more of a client while 16 of its frames are open', async () => {
    const waiting: (() => void)[] = [];
    scene.deliver = readings => new Promise(resolve => waiting.push(() => resolve(stored(readings))));
    await open({ 'x-api-key': 'app-key' });
    let answered = 0;
    client.on('message', () => answered++);
    // Seven or so fit into what is read of a socket at once.
    for (let n = 0; n < 100; n++) client.send(JSON.stringify(flow({ note: 'x'.repeat(9000) })));
    while (waiting.length < 16) await new Promise(resolve => setImmediate(resolve));
    let highest = 0;
    while (answered < 100) {
      highest = Math.max(highest, waiting.length - answered);
      waiting[answered]?.();
      await once(client, 'message');
    }
    assert.ok(highest >= 16 && highest < 32, `${highest}`);
    assert.equal(scene.received.length, 100);
  });

  it('ends a frame that is too large, bytes instead of text, and clients beyond the most', async () => {
    await scene.close();
    scene = await openScene({ socket: { maxConnections: 1 } });
    await open({ 'x-api-key': 'app-key' });
    client.send(Buffer.from('{}'));
    assert.equal((await next()).error?.status, 415);
    const first = client;
    assert.equal(await refusedWith({ 'x-api-key': 'app-key' }), 503);
    const gone = once(first, 'close');
    first.send(' '.repeat(20_000));
    assert.equal((await gone)[0], 1009);
    assert.deepEqual(scene.refused, { body: 2 });
    assert.deepEqual([scene.answers[413], scene.answers[415], scene.answers[503]], [1, 1, 1]);
  });

  it('ends a connection that answers no ping', async () => {
    await scene.close();
    scene = await openScene({ socket: { pingMs: 20 } });
    await open({ 'x-api-key': 'app-key' });
    const gone = once(client, 'close');
    client.pong = () => {};
    (client as unknown as { _autoPong: boolean })._autoPong = false;
    await gone;
  });
});
