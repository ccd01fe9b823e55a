// Bounds of the embedded broker with real clients: a full journal, who does not read, who may not come in, who asks for too much.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { generate } from 'mqtt-packet';
import { startBroker } from './broker.ts';
import { onBroker } from '../../test/support/broker.ts';
import { until } from '../../test/support/until.ts';

describe('embedded broker: bounds', () => {
  const world = onBroker();
  const { start, client, bare } = world;

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
    await until(() => world.broker.state().journal.waiting > 0 && acknowledged >= 3);
    const other = await client('other');
    await other.publishAsync('elsewhere', 'x', { qos: 1 });
    assert.ok(acknowledged <= 5, `${acknowledged} acknowledged`);
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
      // The bound is the drain timeout of 1 s; the rest is room for a machine that stands still for some seconds.
      assert.ok(longest < 15_000, `${Math.round(longest)} ms`);
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
      const socket = connect(world.broker.port, '127.0.0.1');
      world.sockets.push(socket);
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
    await until(() => world.broker.state().sessions === 1);
    assert.equal(await answer('nul\0', true), '', 'no database takes the receipts of such a client');
    assert.equal(await answer('second', false), '', 'one durable session is all it takes');
    assert.equal(await answer('clean', true), welcome);
    assert.equal(await answer('third', true), '', 'two clients are all it takes');
    world.sockets[0]?.destroy();
    await until(() => world.broker.state().clients === 1);
    assert.equal(await answer('durable', false), welcome);
  });

  it('says that its port is in use', async () => {
    await start();
    const { port } = world.broker;
    await assert.rejects(startBroker({ journal: world.journal, host: '127.0.0.1', port }), {
      code: 'FIELDLINE_PORT_IN_USE',
    });
    await assert.rejects(startBroker({ journal: world.journal, host: '203.0.113.1', port: 0 }), {
      code: 'FIELDLINE_SETTING',
    });
  });
});
