// Tests of the embedded broker with real clients: acknowledgement after the disk, durable sessions, retained messages, bounds, misuse.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { generate } from 'mqtt-packet';
import { createWebSocketStream, WebSocketServer } from 'ws';
import { openJournal } from '../delivery/journal.ts';
import type { Journal } from '../delivery/journal-contract.ts';
import { fakeClock } from '../kernel/clock.ts';
import { audience } from './audience.ts';
import { type Broker, type BrokerOptions, startBroker } from './broker.ts';
import type { Consumer } from './consumers.ts';

describe('embedded broker', () => {
  let folder = '';
  let journal: Journal;
  let broker: Broker;
  let clients: MqttClient[] = [];
  let sockets: Socket[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'broker-'));
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(clients.map(client => client.endAsync(true)));
    clients = [];
    sockets = [];
    await broker?.close();
    await journal?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(options: Partial<BrokerOptions> = {}, maxBytes?: number): Promise<Broker> {
    journal = await openJournal(join(folder, 'journal.db'), { maxBytes });
    broker = await startBroker({ journal, host: '127.0.0.1', port: 0, ...options });
    return broker;
  }
  /** As after a stop: everything in memory is gone. */
  async function restart(options: Partial<BrokerOptions> = {}): Promise<Broker> {
    await Promise.all(clients.map(client => client.endAsync(true)));
    clients = [];
    await broker.close();
    await journal.close();
    return start(options);
  }
  async function client(clientId: string, options: IClientOptions = {}): Promise<MqttClient & { got: string[] }> {
    const url = `mqtt://127.0.0.1:${broker.port}`;
    const made = await mqtt.connectAsync(url, { clientId, reconnectPeriod: 0, ...options });
    clients.push(made);
    const got: string[] = [];
    made.on('message', (topic, payload, { qos, retain, dup }) => {
      got.push(`${topic}=${payload} ${qos}${retain ? ' retained' : ''}${dup ? ' dup' : ''}`);
    });
    return Object.assign(made, { got });
  }
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await sleep(5);
  };
  /** A client that is nothing but a socket. */
  async function bare(clientId: string, clean: boolean, subscribe?: string): Promise<Socket> {
    const socket = connect(broker.port, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(generate({ cmd: 'connect', clientId, clean, keepalive: 0, protocolId: 'MQTT', protocolVersion: 4 }));
    await once(socket, 'data');
    if (subscribe) {
      socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: subscribe, qos: 1 }] }));
      await once(socket, 'data');
    }
    return socket;
  }

  for (const qos of [1, 2] as const)
    it(`keeps QoS ${qos} messages of a durable session over a restart, in order, until it acknowledges`, async () => {
      await start();
      const first = await client('durable', { clean: false });
      await first.subscribeAsync('t/+', { qos });
      await first.endAsync();
      const sender = await client('sender');
      for (let at = 0; at < 20; at++) await sender.publishAsync(`t/${at}`, String(at), { qos });
      assert.equal(broker.state().journal.entries, 20);
      await restart();
      const second = await client('durable', { clean: false });
      await until(() => second.got.length === 20);
      assert.deepEqual(
        second.got,
        Array.from({ length: 20 }, (_, at) => `t/${at}=${at} ${qos}`),
      );
      await until(() => broker.state().journal.entries === 0);
    });

  it('marks what it sends again, under the same identifier', async () => {
    await start();
    const socket = await bare('durable', false, 't');
    const sender = await client('sender');
    await sender.publishAsync('t', 'x', { qos: 1 });
    const [before] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    await until(() => broker.state().clients === 1);
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
    assert.equal(broker.state().journal.entries, 0, 'a clean session needs no journal');
    const one = await client('one', { clean: false });
    await one.subscribeAsync('t', { qos: 1 });
    const two = await client('two', { clean: false });
    await two.subscribeAsync('t', { qos: 1 });
    await two.endAsync();
    await sender.publishAsync('t', '2', { qos: 1 });
    await until(() => one.got.length === 1);
    await sleep(50);
    assert.equal(broker.state().journal.entries, 1, 'two has not seen it');
    const back = await client('two', { clean: false });
    await until(() => back.got.length === 1);
    await until(() => broker.state().journal.entries === 0);
  });

  it('forgets a session that connects clean, and what was kept for it', async () => {
    await start();
    const first = await client('x', { clean: false });
    await first.subscribeAsync('t', { qos: 1 });
    await first.endAsync();
    const sender = await client('sender');
    await sender.publishAsync('t', '1', { qos: 1 });
    const clean = await client('x', { clean: true });
    await until(() => broker.state().journal.entries === 0);
    assert.deepEqual([broker.state().sessions, clean.got], [0, []]);
  });

  it('forgets a session that nobody used for longer than its expiry', async () => {
    const clock = fakeClock();
    await start({ clock, sessionExpirySeconds: 100 });
    const first = await client('x', { clean: false });
    await first.subscribeAsync('t', { qos: 1 });
    await first.endAsync();
    await until(() => broker.state().clients === 0);
    clock.advance(101_000);
    const members = audience(journal, clock);
    assert.deepEqual(members.expire(), ['session:x']);
    assert.equal(members.get('session', 'x'), undefined);
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
    await until(() => reader.got.length >= 1);
    await sleep(50);
    assert.deepEqual(reader.got, ['r/a=kept 1 retained']);
  });

  it('withholds PUBACK while the journal is full, and gives it when there is room', async () => {
    await start({}, 3000);
    const reader = await client('reader', { clean: false });
    await reader.subscribeAsync('t', { qos: 1 });
    await reader.endAsync();
    const sender = await client('sender');
    let acknowledged = 0;
    for (let at = 0; at < 10; at++)
      sender.publish('t', Buffer.alloc(500, at), { qos: 1 }, error => {
        if (!error) acknowledged++;
      });
    await until(() => broker.state().journal.waiting > 0);
    await sleep(50);
    assert.ok(acknowledged >= 3 && acknowledged <= 5, `${acknowledged} acknowledged`);
    const other = await client('other');
    await other.publishAsync('elsewhere', 'x', { qos: 1 });
    const back = await client('reader', { clean: false });
    await until(() => acknowledged === 10 && back.got.length === 10);
  });

  for (const clean of [true, false])
    it(`a ${clean ? 'clean' : 'durable'} subscriber that stops reading delays nobody for more than about a second`, async () => {
      await start();
      const stuck = await bare('stuck', clean, 't/#');
      stuck.pause();
      const live = await client('live');
      await live.subscribeAsync('t/#', { qos: 1 });
      const sender = await client('sender');
      const payload = Buffer.alloc(100_000);
      let longest = 0;
      for (let at = 0; at < 300; at++) {
        const began = performance.now();
        await sender.publishAsync('t/x', payload, { qos: 1 });
        longest = Math.max(longest, performance.now() - began);
      }
      await until(() => live.got.length === 300);
      // The bound is the drain timeout of 1 s; the rest is room for a busy machine.
      assert.ok(longest < 4000, `${Math.round(longest)} ms`);
    });

  it('asks for user name and password', async () => {
    await start({ authenticate: async (user, password, id) => user === 'u' && `${password}` === 'p' && id !== 'evil' });
    await client('good', { username: 'u', password: 'p' });
    await assert.rejects(client('bad', { username: 'u', password: 'x' }), /Not authorized/);
    await assert.rejects(client('evil', { username: 'u', password: 'p' }), /Not authorized/);
    await assert.rejects(client('none'), /Not authorized/);
  });

  it('refuses filters that are none, too long or too many, each by itself', async () => {
    await start({ limits: { filters: 3, topicBytes: 20 } });
    const one = await client('one', { clean: false });
    const granted = async (topics: string[]): Promise<number[]> =>
      (
        await one
          .subscribeAsync(topics, { qos: 1 })
          .catch(error => error.packet?.granted.map((qos: number) => ({ qos })) ?? [])
      ).map(({ qos }: { qos: number }) => qos);
    assert.deepEqual(await granted(['a', 'x'.repeat(21)]), [1, 128]);
    assert.deepEqual(await granted(['b', 'c', 'd', 'e']), [1, 1, 128, 128]);
    assert.deepEqual(await granted(['a']), [1]);
  });

  const misuse: [name: string, packet: () => Buffer][] = [
    [
      'a topic of the broker itself',
      () => generate({ cmd: 'publish', topic: '$SYS/x', payload: '', qos: 1, messageId: 1, dup: false, retain: false }),
    ],
    [
      'a topic that is too long',
      () =>
        generate({
          cmd: 'publish',
          topic: 'x'.repeat(2000),
          payload: '',
          qos: 1,
          messageId: 1,
          dup: false,
          retain: false,
        }),
    ],
    [
      'a packet that is too large',
      () =>
        generate({
          cmd: 'publish',
          topic: 'x',
          payload: Buffer.alloc(200_000),
          qos: 1,
          messageId: 1,
          dup: false,
          retain: false,
        }),
    ],
    ['a length that is none', () => Buffer.from('30ffffffffff', 'hex')],
    ['garbage', () => Buffer.from('00112233445566778899'.repeat(5), 'hex')],
    [
      'a second CONNECT',
      () =>
        generate({ cmd: 'connect', clientId: 'x', clean: true, keepalive: 0, protocolId: 'MQTT', protocolVersion: 4 }),
    ],
  ];
  for (const [name, packet] of misuse)
    it(`cuts off ${name}, and nobody else`, async () => {
      await start({ limits: { packetBytes: 100_000 } });
      const other = await client('other');
      await other.subscribeAsync('t', { qos: 1 });
      const socket = await bare('bad', true);
      socket.resume();
      const closed = new Promise(resolve => socket.once('close', resolve));
      socket.write(packet());
      await closed;
      await other.publishAsync('t', 'still here', { qos: 1 });
      await until(() => other.got.length === 1);
    });

  it('refuses clients above its limit, and durable ones above theirs', async () => {
    await start({ limits: { clients: 2, durable: 1 } });
    /** What the broker answers to CONNECT before it hangs up. */
    const answer = async (clientId: string, clean: boolean): Promise<string> => {
      const socket = connect(broker.port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => {});
      let heard = '';
      socket.on('data', chunk => {
        heard += chunk.toString('hex');
      });
      socket.write(generate({ cmd: 'connect', clientId, clean, keepalive: 0, protocolId: 'MQTT', protocolVersion: 4 }));
      await new Promise(resolve => socket.once('close', resolve).once('data', resolve));
      return heard;
    };
    const welcome = '20020000';
    assert.equal(await answer('durable', false), welcome);
    await until(() => broker.state().sessions === 1);
    assert.equal(await answer('second', false), '', 'one durable session is all it takes');
    assert.equal(await answer('clean', true), welcome);
    assert.equal(await answer('third', true), '', 'two clients are all it takes');
    sockets[0]?.destroy();
    await until(() => broker.state().clients === 1);
    assert.equal(await answer('durable', false), welcome);
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

  it('says that its port is in use', async () => {
    await start();
    const { port } = broker;
    await assert.rejects(startBroker({ journal, host: '127.0.0.1', port }), { code: 'FIELDLINE_PORT_IN_USE' });
    await assert.rejects(startBroker({ journal, host: '203.0.113.1', port: 0 }), { code: 'FIELDLINE_SETTING' });
  });

  it('serves MQTT over WebSocket', async () => {
    await start();
    const http: Server = createServer();
    const upgrades = new WebSocketServer({ server: http, path: '/mqtt' });
    upgrades.on('connection', (socket, request) => broker.handleWebSocket(createWebSocketStream(socket), request));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = `ws://127.0.0.1:${(http.address() as AddressInfo).port}/mqtt`;
    const over = await mqtt.connectAsync(url, { reconnectPeriod: 0 });
    clients.push(over);
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
    const socket = connect(broker.port, '127.0.0.1');
    sockets.push(socket);
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
    await until(() => broker.state().journal.entries === 1);
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
    const first = await broker.register('c', filters, 100, () => {});
    assert.deepEqual(await pulled(first), ['r/a']);
    let takenOver = 0;
    const second = await broker.register('c', filters, 100, () => takenOver++);
    assert.deepEqual(await pulled(second), ['r/a']);
    await broker.register('c', filters, 100, () => {});
    assert.equal(takenOver, 1);
    await assert.rejects(
      broker.register('d', [{ filter: 'a#', qos: 1 }], 100, () => {}),
      { code: 'FIELDLINE_SETTING' },
    );
  });

  it('forgets a consumer whose node was removed, with all that waits for it, once the time for undoing is over', async () => {
    const clock = fakeClock();
    await start({ clock });
    const kept = () => audience(journal, clock).get('consumer', 'gone')?.expirySeconds;
    const consumer = await broker.register('gone', [{ filter: 't/#', qos: 1 }], 100_000, () => {});
    const sender = await client('sender');
    await sender.publishAsync('t/a', 'waits', { qos: 1 });
    await broker.release('gone', 600);
    assert.equal(kept(), 100_000, 'in use, by another node of the name');
    consumer.detach();
    await broker.release('gone', 600);
    clock.advance(599_000);
    assert.deepEqual(audience(journal, clock).expire(), []);
    clock.advance(2_000);
    assert.deepEqual(audience(journal, clock).expire(), ['consumer:gone']);
    await until(() => journal.state().entries === 0);
  });
});
