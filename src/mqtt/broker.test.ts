// Tests of the embedded broker with real clients: acknowledgement after the disk, durable sessions, retained messages, consumers.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import mqtt from 'mqtt';
import { generate } from 'mqtt-packet';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { fakeClock } from '../kernel/clock.ts';
import { audience } from './audience.ts';
import { onBroker } from '../../test/support/broker.ts';
import { until } from '../../test/support/until.ts';
import type { Consumer } from './consumers.ts';

describe('embedded broker', () => {
  const world = onBroker();
  const { start, restart, client, bare } = world;

  for (const qos of [1, 2] as const)
    it(`keeps QoS ${qos} messages of a durable session over a restart, in order, until it acknowledges`, async () => {
      await start();
      const first = await client('durable', { clean: false });
      await first.subscribeAsync('t/+', { qos });
      await first.endAsync();
      const sender = await client('sender');
      for (let at = 0; at < 20; at++) await sender.publishAsync(`t/${at}`, String(at), { qos });
      assert.equal(world.broker.state().journal.entries, 20);
      await restart();
      const second = await client('durable', { clean: false });
      await until(() => second.got.length === 20);
      assert.deepEqual(
        second.got,
        Array.from({ length: 20 }, (_, at) => `t/${at}=${at} ${qos}`),
      );
      await until(() => world.broker.state().journal.entries === 0);
    });

  for (const [name, durable] of [
    ['none', false],
    ['a durable one', true],
  ] as const)
    it(`hands on what one client publishes in its order, retained or not, beside a live reader and ${name}`, async () => {
      await start();
      const live = await client('live');
      await live.subscribeAsync('t/#', { qos: 1 });
      if (durable) await (await client('durable', { clean: false })).subscribeAsync('t/durable', { qos: 1 });
      const sender = await client('sender');
      const topics = ['t/live', 't/durable'];
      const sent = Array.from({ length: 60 }, (_, at) => ({
        topic: topics[at % 2]!,
        retain: at % 3 === 0,
        text: String(at),
      }));
      await Promise.all(sent.map(({ topic, retain, text }) => sender.publishAsync(topic, text, { qos: 1, retain })));
      await until(() => live.got.length === sent.length);
      assert.deepEqual(
        live.got,
        sent.map(({ topic, text }) => `${topic}=${text} 1`),
      );
    });

  it('marks what it sends again, under the same identifier', async () => {
    await start();
    const socket = await bare('durable', false, 't');
    const sender = await client('sender');
    await sender.publishAsync('t', 'x', { qos: 1 });
    const [before] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    await until(() => world.broker.state().clients === 1);
    const again = await bare('durable', false);
    const [after] = (await once(again, 'data')) as [Buffer];
    assert.equal(before[0], 0x32);
    assert.equal(after[0], 0x3a);
    assert.deepEqual(after.subarray(1), before.subarray(1));
  });

  it('deletes a message when the last durable session has acknowledged, and keeps none for others', async () => {
    await start();
    const sender = await client('sender');
    const live = await client('live');
    await live.subscribeAsync('t', { qos: 1 });
    await sender.publishAsync('t', '1', { qos: 1 });
    await until(() => live.got.length === 1);
    assert.equal(world.broker.state().journal.entries, 0, 'a clean session needs no journal');
    const one = await client('one', { clean: false });
    await one.subscribeAsync('t', { qos: 1 });
    const two = await client('two', { clean: false });
    await two.subscribeAsync('t', { qos: 1 });
    await two.endAsync();
    await sender.publishAsync('t', '2', { qos: 1 });
    await until(() => one.got.length === 1);
    // Acknowledged in order: once the second one is gone, the first one waits for two alone.
    await one.subscribeAsync('only one', { qos: 1 });
    await sender.publishAsync('only one', '3', { qos: 1 });
    await until(() => one.got.length === 2 && world.broker.state().journal.entries === 1);
    const back = await client('two', { clean: false });
    await until(() => back.got.length === 1);
    await until(() => world.broker.state().journal.entries === 0);
  });

  it('forgets a session that connects clean, and what was kept for it', async () => {
    await start();
    const first = await client('x', { clean: false });
    await first.subscribeAsync('t', { qos: 1 });
    await first.endAsync();
    const sender = await client('sender');
    await sender.publishAsync('t', '1', { qos: 1 });
    const clean = await client('x', { clean: true });
    await until(() => world.broker.state().journal.entries === 0);
    assert.deepEqual([world.broker.state().sessions, clean.got], [0, []]);
  });

  it('forgets a session that nobody used for longer than its expiry', async () => {
    const clock = fakeClock();
    const logged: string[] = [];
    const log = (_level: string, text: string) => logged.push(text);
    await start({ clock, sessionExpirySeconds: 100, sweepMs: 5, log });
    const stays = await client('stays', { clean: false });
    const first = await client('x', { clean: false });
    await first.subscribeAsync('t', { qos: 1 });
    await first.endAsync();
    const half = await bare('half', false);
    half.write(generate({ cmd: 'publish', topic: 't', payload: '0', qos: 2, messageId: 7, dup: false, retain: false }));
    await once(half, 'data');
    const begun = () => [...world.journal.notes.keys()].filter(key => key.startsWith('incoming:'));
    assert.equal(begun().length, 1, 'a message of QoS 2 of which it has not heard the end');
    half.destroy();
    await until(() => world.broker.state().clients === 1);
    await stays.publishAsync('t', '1', { qos: 1 });
    assert.deepEqual([world.broker.state().sessions, world.broker.state().journal.entries], [3, 2]);
    clock.advance(101_000);
    await until(() => world.broker.state().journal.entries === 0 && begun().length === 0);
    assert.equal(world.broker.state().sessions, 1, 'one that is connected is used');
    assert.ok(logged.some(text => /session:x was not used for longer than its expiry/.test(text)));
    const back = await client('x', { clean: false });
    await back.subscribeAsync('t', { qos: 1 });
    await stays.publishAsync('t', '2', { qos: 1 });
    await until(() => back.got.length > 0);
    assert.deepEqual(back.got, ['t=2 1']);
  });

  it('restores retained messages before it listens', async () => {
    await start();
    const sender = await client('sender');
    await sender.publishAsync('r/a', 'old', { qos: 1, retain: true });
    await sender.publishAsync('r/a', 'kept', { qos: 1, retain: true });
    await sender.publishAsync('r/b', 'gone', { qos: 1, retain: true });
    await sender.publishAsync('r/b', '', { qos: 1, retain: true });
    await restart();
    const reader = await client('reader', { clean: false });
    await reader.subscribeAsync(['r/#', 'r/+'], { qos: 1 });
    await reader.publishAsync('r/b/last', 'now', { qos: 1 });
    await until(() => reader.got.includes('r/b/last=now 1'));
    assert.deepEqual(reader.got, ['r/a=kept 1 retained', 'r/b/last=now 1']);
  });

  it('does not take a QoS 2 message twice that is sent again', async () => {
    await start();
    const reader = await client('reader', { clean: false });
    await reader.subscribeAsync('t', { qos: 2 });
    const publish = (dup: boolean) =>
      generate({ cmd: 'publish', topic: 't', payload: 'once', qos: 2, messageId: 7, dup, retain: false });
    const pubrel = generate({ cmd: 'pubrel', messageId: 7 });
    const first = await bare('sender', false);
    first.write(publish(false));
    const [pubrec] = (await once(first, 'data')) as [Buffer];
    assert.equal(pubrec.toString('hex'), '50020007');
    first.destroy();
    await restart();
    const second = await bare('sender', false);
    second.write(publish(true));
    assert.equal(((await once(second, 'data')) as [Buffer])[0].toString('hex'), '50020007');
    second.write(pubrel);
    assert.equal(((await once(second, 'data')) as [Buffer])[0].toString('hex'), '70020007');
    const back = await client('reader', { clean: false });
    // The identifier is free again: this one is another message.
    second.write(
      generate({ cmd: 'publish', topic: 't', payload: 'next', qos: 2, messageId: 7, dup: false, retain: false }),
    );
    await once(second, 'data');
    second.write(pubrel);
    await until(() => back.got.includes('t=next 2'));
    assert.deepEqual(back.got.filter(text => text.startsWith('t=once')).length + reader.got.length, 1);
  });

  it('serves MQTT over WebSocket', async () => {
    await start();
    const http: Server = createServer();
    const upgrades = new WebSocketServer({ server: http, path: '/mqtt' });
    upgrades.on('connection', (socket, request) =>
      world.broker.handleWebSocket(createWebSocketStream(socket), request),
    );
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/mqtt`;
    const over = await mqtt.connectAsync(url, { reconnectPeriod: 0 });
    world.clients.push(over);
    await over.subscribeAsync('t', { qos: 1 });
    const got = new Promise<Buffer>(resolve => over.once('message', (_topic, payload) => resolve(payload)));
    await over.publishAsync('t', Buffer.alloc(50_000, 'w'), { qos: 1 });
    assert.equal((await got).length, 50_000);
    await over.endAsync();
    upgrades.close();
    http.close();
  });

  it('publishes a will, durably', async () => {
    await start();
    const reader = await client('reader', { clean: false });
    await reader.subscribeAsync('t/will', { qos: 1 });
    await reader.endAsync();
    const socket = connect(world.broker.port, '127.0.0.1');
    world.sockets.push(socket);
    const will = { topic: 't/will', payload: 'gone', qos: 1 as const, retain: false };
    socket.write(
      generate({
        cmd: 'connect',
        clientId: 'w',
        clean: true,
        keepalive: 0,
        protocolId: 'MQTT',
        protocolVersion: 4,
        will,
      }),
    );
    await once(socket, 'data');
    socket.destroy();
    await until(() => world.broker.state().journal.entries === 1);
    const back = await client('reader', { clean: false });
    await until(() => back.got.length === 1);
    assert.deepEqual(back.got, ['t/will=gone 1']);
  });

  it('gives a consumer in this process the retained messages of a new filter, once', async () => {
    await start();
    const sender = await client('sender');
    await sender.publishAsync('r/a', 'kept', { qos: 1, retain: true });
    const filters = [{ filter: 'r/#', qos: 1 as const }];
    const pulled = (consumer: Consumer): Promise<string[]> =>
      new Promise(resolve => {
        const pull = consumer.pull({
          window: 10,
          deliver(messages) {
            pull.stop();
            resolve(messages.map(({ topic }) => topic));
          },
        });
      });
    const first = await world.broker.register('c', filters, 100, () => {});
    assert.deepEqual(await pulled(first), ['r/a']);
    let takenOver = 0;
    const second = await world.broker.register('c', filters, 100, () => takenOver++);
    assert.deepEqual(await pulled(second), ['r/a']);
    await world.broker.register('c', filters, 100, () => {});
    assert.equal(takenOver, 1);
    await assert.rejects(
      world.broker.register('d', [{ filter: 'a#', qos: 1 }], 100, () => {}),
      { code: 'FIELDLINE_SETTING' },
    );
  });

  it('forgets a consumer whose node was removed, with all that waits for it, once the time for undoing is over', async () => {
    const clock = fakeClock();
    await start({ clock });
    const kept = () => audience(world.journal, clock).get('consumer', 'gone')?.expirySeconds;
    const consumer = await world.broker.register('gone', [{ filter: 't/#', qos: 1 }], 100_000, () => {});
    const sender = await client('sender');
    await sender.publishAsync('t/a', 'waits', { qos: 1 });
    await world.broker.release('gone', 600);
    assert.equal(kept(), 100_000, 'in use, by another node of the name');
    consumer.detach();
    await world.broker.release('gone', 600);
    clock.advance(599_000);
    assert.deepEqual(audience(world.journal, clock).expire(), []);
    clock.advance(2_000);
    assert.deepEqual(audience(world.journal, clock).expire(), ['consumer:gone']);
    await until(() => world.journal.state().entries === 0);
  });
});
