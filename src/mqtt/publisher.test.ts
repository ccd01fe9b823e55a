// The publisher against a peer that speaks real MQTT: when a message has arrived, what is refused, and what an end of the connection means.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { generate, type IConnackPacket, type IPublishPacket, type Packet, parser } from 'mqtt-packet';
import { fakeClock } from '../kernel/clock.ts';
import type { Outcome } from '../reading/contracts.ts';
import { type Outgoing, type Publisher, type PublisherOptions, publisher } from './publisher.ts';

type Habits = {
  connack?: (version: number, connection: number) => Partial<IConnackPacket> | 'hang up' | undefined;
  /** Reason code of a PUBACK; undefined: none is sent; 'cut': the connection ends; or with the code of a DISCONNECT. */
  puback?: (packet: IPublishPacket) => number | 'cut' | { ends: number } | undefined;
};
const out = (n: number, more: Partial<Outgoing> = {}): Outgoing => ({
  ...{ topic: `t/${n}`, payload: Buffer.from(`message ${n}`), qos: 1, retain: false },
  ...more,
});

describe('mqtt publisher', () => {
  let server: Server;
  let sockets: Set<Socket>;
  let published: IPublishPacket[];
  let versions: number[];
  let held: number;
  let mostHeld: number;
  let sink: Publisher | undefined;

  async function open(habits: Habits = {}, options: Partial<PublisherOptions> = {}): Promise<Publisher> {
    sockets = new Set();
    [published, versions, held, mostHeld] = [[], [], 0, 0];
    server = createServer(socket => {
      sockets.add(socket);
      let version = 4;
      let parse = parser();
      const send = (packet: Packet) => socket.write(generate(packet, { protocolVersion: version }));
      const take = (packet: Packet): void => {
        if (packet.cmd === 'connect') {
          version = packet.protocolVersion ?? 4;
          versions.push(version);
          const answer = habits.connack?.(version, versions.length);
          if (answer === 'hang up') return void socket.destroy();
          parse = parser({ protocolVersion: version });
          parse.on('packet', take);
          send({ cmd: 'connack', sessionPresent: false, returnCode: 0, reasonCode: 0, ...answer });
        } else if (packet.cmd === 'publish') {
          published.push(packet);
          if (packet.qos === 0) return;
          const code = habits.puback === undefined ? 0 : habits.puback(packet);
          if (code === 'cut') return void socket.destroy();
          if (code === undefined) return;
          if (typeof code === 'object') {
            send({ cmd: 'disconnect', reasonCode: code.ends });
            // What came behind it is lost, and so may be the word about it.
            return void (held > 0 || published.at(-1) !== packet ? socket.destroy() : socket.end());
          }
          mostHeld = Math.max(mostHeld, ++held);
          setImmediate(() => {
            held--;
            send({ cmd: 'puback', messageId: packet.messageId!, reasonCode: code });
          });
        }
      };
      parse.on('packet', take);
      socket.on('data', bytes => parse.parse(bytes));
      socket.on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    sink = publisher({ url: `mqtt://127.0.0.1:${port}`, clientId: 'c', ...options });
    return sink;
  }
  afterEach(async () => {
    await sink?.close();
    sink = undefined;
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const sent = () => published.map(({ topic, payload }) => `${topic} ${payload}`);

  it('answers when each message has its PUBACK, in order, over one connection', async () => {
    const it = await open();
    assert.deepEqual(await it.write([out(1), out(2, { retain: true })]), ['stored', 'stored']);
    assert.deepEqual(await it.write([out(3)]), ['stored']);
    assert.deepEqual(sent(), ['t/1 message 1', 't/2 message 2', 't/3 message 3']);
    assert.deepEqual(
      published.map(({ qos, retain }) => [qos, retain]),
      [
        [1, false],
        [1, true],
        [1, false],
      ],
    );
    assert.deepEqual(versions, [5]);
    assert.deepEqual(await it.write([]), []);
  });

  for (const [name, connack] of [
    ['says that it does not know it', { returnCode: 1, reasonCode: 0x84 }],
    ['hangs up', 'hang up'],
  ] as const)
    it(`speaks 3.1.1 with a broker that ${name}`, async () => {
      const it = await open({ connack: version => (version === 5 ? connack : undefined) });
      assert.deepEqual(await it.write([out(1)]), ['stored']);
      assert.deepEqual(versions, [5, 4]);
    });

  it('connects once for writes that come together, and speaks the version of that connection', async () => {
    const publisher = await open({
      connack: version => (version === 5 ? { returnCode: 1, reasonCode: 1 } : undefined),
    });
    assert.deepEqual(await Promise.all([publisher.write([]), publisher.write([out(1)])]), [[], ['stored']]);
    assert.deepEqual([versions, published.map(({ payload }) => String(payload))], [[5, 4], ['message 1']]);
  });

  it('keeps within the receive maximum of the broker', async () => {
    const it = await open({ connack: () => ({ properties: { receiveMaximum: 3 } }) });
    const outcomes = await it.write(Array.from({ length: 20 }, (_, n) => out(n)));
    assert.deepEqual(new Set(outcomes), new Set(['stored']));
    assert.ok(mostHeld <= 3, `${mostHeld} at a time`);
  });

  it('refuses one by one what the broker or the protocol does not take', async () => {
    const it = await open({
      connack: () => ({ properties: { maximumPacketSize: 200 } }),
      puback: ({ topic }) => (topic === 't/2' ? 0x87 : 0),
    });
    const rows = [
      out(1),
      out(2),
      out(3, { topic: 'a/#' }),
      out(4, { topic: '' }),
      out(5, { payload: Buffer.alloc(300) }),
      out(6),
    ];
    const outcomes = await it.write(rows);
    assert.deepEqual(
      outcomes.map(outcome => (typeof outcome === 'object' ? 'rejected' : outcome)),
      ['stored', 'rejected', 'rejected', 'rejected', 'rejected', 'stored'],
    );
    assert.match((outcomes[1] as { rejected: string }).rejected, /not authorized \(code 135\)/);
    assert.deepEqual(sent(), ['t/1 message 1', 't/2 message 2', 't/6 message 6']);
  });

  it('has an outage when the connection ends, and does not send again what has arrived', async () => {
    let cuts = 1;
    const it = await open({ puback: ({ topic }) => (topic === 't/3' && cuts-- > 0 ? 'cut' : 0) }, { window: 1 });
    const rows = [out(1), out(2), out(3), out(4)];
    await assert.rejects(it.write(rows), { kind: 'outage', code: 'FIELDLINE_BROKER' });
    assert.deepEqual(await it.write(rows), ['stored', 'stored', 'stored', 'stored']);
    assert.deepEqual(sent(), ['t/1 message 1', 't/2 message 2', 't/3 message 3', 't/3 message 3', 't/4 message 4']);
  });

  it('gives up a broker that owes a PUBACK', async () => {
    const it = await open({ puback: () => undefined }, { answerMs: 50 });
    await assert.rejects(it.write([out(1)]), { kind: 'outage', message: /no PUBACK within 0.05 s/ });
  });

  it('takes a quota for an outage', async () => {
    const it = await open({ puback: () => 0x97 });
    await assert.rejects(it.write([out(1)]), { kind: 'outage', message: /quota/ });
  });

  it('has an outage where nobody listens or the account is refused', async () => {
    const it = await open({ connack: version => ({ returnCode: 5, reasonCode: version === 5 ? 0x87 : 5 }) });
    await assert.rejects(it.write([out(1)]), { kind: 'outage', message: /not authorized/ });
    for (const socket of sockets) socket.destroy();
    const { port } = server.address() as AddressInfo;
    const nobody = publisher({ url: `mqtt://127.0.0.1:${port}`, clientId: 'c' });
    server.close();
    await once(server, 'close');
    await assert.rejects(nobody.write([out(1)]), { kind: 'outage', message: /ECONNREFUSED/ });
    server.listen(0);
    await once(server, 'listening');
  });

  it('takes the PUBACK by which Mosquitto refuses what is too large, and goes on', async () => {
    const it = await open({ puback: ({ topic }) => (topic === 't/2' ? 0x95 : 0) });
    const outcomes = await it.write([out(1), out(2), out(3)]);
    assert.deepEqual(outcomes, [
      'stored',
      { rejected: 'the broker refused it: the packet is too large (code 149)' },
      'stored',
    ]);
    assert.equal(versions.length, 1);
  });

  for (const [code, says] of [
    [0x81, /malformed packet/],
    [0x82, /protocol error/],
    [0x87, /not authorized/],
    [0x90, /the topic name is not valid/],
    [0x95, /the packet is too large/],
    [0x99, /payload format/],
  ] as const)
    it(`finds the messages over which the broker ends the connection with code ${code}, and sends the others`, async () => {
      const bad = new Set(['t/4', 't/9']);
      const it = await open({ puback: ({ topic }) => (bad.has(topic) ? { ends: code } : 0) });
      const rows = Array.from({ length: 12 }, (_, n) => out(n));
      let outcomes: readonly Outcome[] | undefined;
      for (let attempts = 0; outcomes === undefined && attempts < 6; attempts++)
        outcomes = await it.write(rows).catch(() => undefined);
      for (const [n, outcome] of (outcomes ?? []).entries())
        if (typeof outcome === 'object') assert.match(outcome.rejected, says);
        else assert.ok(outcome === 'stored' && !bad.has(`t/${n}`), `${n}: ${outcome}`);
      assert.equal(outcomes?.filter(outcome => typeof outcome === 'object').length, 2);
      // At full speed again.
      await it.write(Array.from({ length: 20 }, (_, n) => out(100 + n)));
      assert.ok(mostHeld > 1);
    });

  for (const code of [0x8b, 0x8e, 0x96, 0x97, 0x98])
    it(`blames no message when the broker ends the connection with code ${code}`, async () => {
      let ends = 2;
      const it = await open({ puback: () => (ends-- > 0 ? { ends: code } : 0) });
      for (let n = 0; n < 2; n++) await assert.rejects(it.write([out(1)]), { kind: 'outage' });
      assert.deepEqual(await it.write([out(1)]), ['stored']);
    });

  it('leaves a broker alone for longer and longer that ends every connection soon, and asks who else has its client id', async () => {
    let ends = 6;
    const clock = fakeClock();
    const it = await open({ puback: () => (ends-- > 0 ? { ends: 0x8e } : 0) }, { clock });
    const rests: number[] = [];
    for (let n = 0; n < 6; n++) {
      const message =
        n < 2 ? /another connection \(code 142\)$/ : /, \d times in a row: has another client this client id\?$/;
      await assert.rejects(it.write([out(1)]), { kind: 'outage', message });
      rests.push(it.restMs());
      // Not even a write begins a connection before.
      if (n >= 2) await assert.rejects(it.write([out(1)]), { kind: 'outage', message });
      clock.advance(it.restMs());
    }
    assert.equal(versions.length, 6);
    assert.deepEqual(rests.slice(0, 2), [0, 0]);
    assert.ok(rests[2]! >= 400 && rests[5]! >= 2500 && rests[5]! <= 5000, String(rests));
    assert.deepEqual(await it.write([out(1)]), ['stored']);
    // A connection that has lasted ends the row.
    clock.advance(11_000);
    for (const socket of sockets) socket.destroy();
    await it.write([out(2)]).catch(() => it.write([out(2)]));
    assert.equal(it.restMs(), 0);
  });

  it('tells which other broker is meant', async () => {
    const properties = { reasonString: 'gone', serverReference: 'other.example:1883' };
    const it = await open({ connack: () => ({ reasonCode: 0x9d, properties }) });
    await assert.rejects(it.write([out(1)]), /the broker has moved \(code 157\): gone, other\.example:1883/);
  });

  for (const [properties, row, says] of [
    [{ retainAvailable: false }, { retain: true }, /retains no messages: set "Latest value" to "not retained"/],
    [{ maximumQoS: 0 }, { qos: 1 }, /takes no QoS 1: set QoS to 0/],
  ] as const)
    it(`sends nothing that the broker says it does not take: ${JSON.stringify(properties)}`, async () => {
      const it = await open({ connack: () => ({ properties: properties as IConnackPacket['properties'] }) });
      const other: Partial<Outgoing> = { retain: false, qos: 0 };
      await assert.rejects(it.write([out(1, other), out(2, { ...other, ...row })]), { kind: 'outage', message: says });
      assert.deepEqual(published, []);
      assert.deepEqual(await it.write([out(3, other)]), ['stored']);
    });

  for (const topic of ['a/\ud800', 'a/\u0001', 'a/\n', 'a/\u0080', 'a/\ufffe', 'a/\u{1ffff}', '\0'])
    it(`refuses a topic over which brokers end the connection: ${JSON.stringify(topic)}`, async () => {
      const it = await open();
      const [refused, next] = await it.write([out(1, { topic }), out(2)]);
      assert.match((refused as { rejected: string }).rejected, /a topic without wildcards and control characters/);
      assert.equal(next, 'stored');
    });

  it('sends QoS 0 without waiting', async () => {
    const it = await open();
    assert.deepEqual(await it.write([out(1, { qos: 0 }), out(2)]), ['stored', 'stored']);
    assert.deepEqual(sent(), ['t/1 message 1', 't/2 message 2']);
  });
});
