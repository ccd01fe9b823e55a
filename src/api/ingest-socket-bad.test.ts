// Ingest over WebSocket from clients that misbehave: endless frames, floods, nobody who reads, too many, half-open ones.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { stored } from './ingest.fixture.ts';
import { flow, onSocket } from './ingest-socket.fixture.ts';
import type { Key } from './key-ring.ts';

describe('ingest over WebSocket: clients that misbehave', () => {
  const at = onSocket();

  const endless = '['.repeat(20_000) + ']'.repeat(20_000);
  for (const [place, frame, id] of [
    ['data', `{"id": 7, "data": ${endless}}`, 7],
    ['a field', `{"id": "a", "device_id": "d", "flow_rate": 1, "more": ${endless}}`, 'a'],
    ['the id', `{"id": ${endless}, "device_id": "d", "flow_rate": 1}`, 1],
    ['everything', endless, 1],
  ] as const)
    it(`answers a frame with ${place} nested without end, and goes on`, async () => {
      await at.reopen({ maxBytes: 100_000 });
      await at.open({ 'x-api-key': 'app-key' });
      const line = await at.ask(frame);
      assert.deepEqual([line.id, line.error?.status], [id, 400]);
      assert.deepEqual(at.scene.refused, { body: 1 });
      assert.equal((await at.ask(flow())).ok, true);
    });

  // More than both ends of a connection hold between them.
  const FLOOD_BYTES = 40_000_000;

  it('reads no more of a client that takes no answers', async () => {
    await at.open({ 'x-api-key': 'app-key' });
    at.client.pause();
    const count = Math.ceil(FLOOD_BYTES / 9000);
    let taken = 0;
    at.client.on('message', () => taken++);
    const frame = JSON.stringify({ id: 'x'.repeat(9000) });
    for (let n = 0; n < count; n++) at.client.send(frame);
    const answered = () => Object.values(at.scene.answers).reduce((sum, n) => sum + n, 0);
    let before = -1;
    while (before !== answered()) {
      before = answered();
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    assert.ok(before < count, `${before} of ${count} answered before anybody took an answer`);
    at.client.resume();
    while (taken < count) await once(at.client, 'message');
  });

  it('gathers no answers to pings for a client that takes none', async () => {
    await at.open({ 'x-api-key': 'app-key' });
    at.client.pause();
    let pongs = 0;
    at.client.on('pong', () => pongs++);
    // A ping of 125 bytes, masked with zeros.
    const ping = Buffer.concat([Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125, 'p')]);
    const count = Math.ceil(FLOOD_BYTES / ping.length);
    const { _socket: socket } = at.client as unknown as { _socket: Socket };
    const written = once(socket.write(Buffer.concat(Array<Buffer>(count).fill(ping))) ? process : socket, 'drain');
    await written;
    at.client.resume();
    assert.equal((await at.ask(flow())).ok, true);
    assert.ok(pongs > 0 && pongs < count, `${pongs} of ${count}`);
  });

  it('lets nobody in who is let in only after the node was closed', async () => {
    let found: ((key: Key | undefined) => void) | undefined;
    at.scene.find = () => new Promise(resolve => (found = resolve));
    const refused = at.refusedWith({ 'x-api-key': 'app-key' });
    while (found === undefined) await new Promise(resolve => setImmediate(resolve));
    at.scene.closeSockets();
    found(at.scene.keys.get('app-key'));
    assert.equal(await refused, 503);
  });

  it('keeps room for clients with a key', async () => {
    await at.reopen({ maxUnknown: 1 });
    await at.open();
    const first = at.client;
    assert.equal(await at.refusedWith({}), 503);
    await at.open({ 'x-api-key': 'app-key' });
    assert.equal((await at.ask(flow())).ok, true);
    first.terminate();
  });

  it('reads little more of a client while 16 of its frames are open', async () => {
    const waiting: (() => void)[] = [];
    at.scene.deliver = readings => new Promise(resolve => waiting.push(() => resolve(stored(readings))));
    await at.open({ 'x-api-key': 'app-key' });
    let answered = 0;
    at.client.on('message', () => answered++);
    // Seven or so fit into what is read of a socket at once.
    for (let n = 0; n < 100; n++) at.client.send(JSON.stringify(flow({ note: 'x'.repeat(9000) })));
    while (waiting.length < 16) await new Promise(resolve => setImmediate(resolve));
    let highest = 0;
    while (answered < 100) {
      highest = Math.max(highest, waiting.length - answered);
      waiting[answered]?.();
      await once(at.client, 'message');
    }
    assert.ok(highest >= 16 && highest < 32, `${highest}`);
    assert.equal(at.scene.received.length, 100);
  });

  it('ends a frame that is too large, bytes instead of text, and clients beyond the most', async () => {
    await at.reopen({ maxConnections: 1 });
    await at.open({ 'x-api-key': 'app-key' });
    at.client.send(Buffer.from('{}'));
    assert.equal((await at.next()).error?.status, 415);
    const first = at.client;
    assert.equal(await at.refusedWith({ 'x-api-key': 'app-key' }), 503);
    const gone = once(first, 'close');
    first.send(' '.repeat(20_000));
    assert.equal((await gone)[0], 1009);
    assert.deepEqual(at.scene.refused, { body: 2 });
    assert.deepEqual([at.scene.answers[413], at.scene.answers[415], at.scene.answers[503]], [1, 1, 1]);
  });

  it('ends a connection that answers no ping', async () => {
    await at.reopen({ pingMs: 20 });
    await at.open({ 'x-api-key': 'app-key' });
    const gone = once(at.client, 'close');
    at.client.pong = () => {};
    (at.client as unknown as { _autoPong: boolean })._autoPong = false;
    await gone;
  });
});
