// The publisher against a peer that speaks real MQTT: when a message has arrived, and what an end of the connection means.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { fakeClock } from '../kernel/clock.ts';
import { out, publisherPlace } from './publisher.fixture.ts';
import { publisher } from './publisher.ts';

describe('mqtt publisher', () => {
  const place = publisherPlace();
  const { open } = place;

  it('answers when each message has its PUBACK, in order, over one connection', async () => {
    const it = await open();
    assert.deepEqual(await it.write([out(1), out(2, { retain: true })]), ['stored', 'stored']);
    assert.deepEqual(await it.write([out(3)]), ['stored']);
    assert.deepEqual(place.sent(), ['t/1 message 1', 't/2 message 2', 't/3 message 3']);
    assert.deepEqual(
      place.published.map(({ qos, retain }) => [qos, retain]),
      [
        [1, false],
        [1, true],
        [1, false],
      ],
    );
    assert.deepEqual(place.versions, [5]);
    assert.deepEqual(await it.write([]), []);
  });

  for (const [name, connack] of [
    ['says that it does not know it', { returnCode: 1, reasonCode: 0x84 }],
    ['hangs up', 'hang up'],
  ] as const)
    it(`speaks 3.1.1 with a broker that ${name}`, async () => {
      const it = await open({ connack: version => (version === 5 ? connack : undefined) });
      assert.deepEqual(await it.write([out(1)]), ['stored']);
      assert.deepEqual(place.versions, [5, 4]);
    });

  it('connects once for writes that come together, and speaks the version of that connection', async () => {
    const publisher = await open({
      connack: version => (version === 5 ? { returnCode: 1, reasonCode: 1 } : undefined),
    });
    assert.deepEqual(await Promise.all([publisher.write([]), publisher.write([out(1)])]), [[], ['stored']]);
    assert.deepEqual([place.versions, place.published.map(({ payload }) => String(payload))], [[5, 4], ['message 1']]);
  });

  it('keeps within the receive maximum of the broker', async () => {
    const it = await open({ connack: () => ({ properties: { receiveMaximum: 3 } }) });
    const outcomes = await it.write(Array.from({ length: 20 }, (_, n) => out(n)));
    assert.deepEqual(new Set(outcomes), new Set(['stored']));
    assert.ok(place.mostHeld <= 3, `${place.mostHeld} at a time`);
  });

  it('has an outage when the connection ends, and does not send again what has arrived', async () => {
    let cuts = 1;
    const it = await open({ puback: ({ topic }) => (topic === 't/3' && cuts-- > 0 ? 'cut' : 0) }, { window: 1 });
    const rows = [out(1), out(2), out(3), out(4)];
    await assert.rejects(it.write(rows), { kind: 'outage', code: 'FIELDLINE_BROKER' });
    assert.deepEqual(await it.write(rows), ['stored', 'stored', 'stored', 'stored']);
    assert.deepEqual(place.sent(), [
      't/1 message 1',
      't/2 message 2',
      't/3 message 3',
      't/3 message 3',
      't/4 message 4',
    ]);
  });

  it('gives up a broker that owes a PUBACK', async () => {
    const it = await open({ puback: () => undefined }, { answerMs: 50 });
    await assert.rejects(it.write([out(1)]), { kind: 'outage', message: /no PUBACK within 0.05 s/ });
  });

  for (const [scheme, attempts, says] of [
    ['mqtt', 2, /: no answer within 0.1 s$/],
    // Before a word of MQTT was said, the version is not what it fails for.
    ['mqtts', 1, /: not reached within 0.1 s; if the broker speaks no TLS there, use mqtt:\/\//],
  ] as const)
    it(`gives up a peer of ${scheme}:// that takes the connection and never answers`, async () => {
      const sockets: Socket[] = [];
      const silent = createServer(socket => sockets.push(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const { port } = silent.address() as AddressInfo;
      const it = publisher({ url: `${scheme}://127.0.0.1:${port}`, clientId: 'c', handshakeMs: 100 });
      try {
        await assert.rejects(it.write([out(1)]), { kind: 'outage', message: says });
        assert.equal(sockets.length, attempts);
      } finally {
        await it.close();
        for (const socket of sockets) socket.destroy();
        silent.close();
      }
    });

  it('takes a quota for an outage', async () => {
    const it = await open({ puback: () => 0x97 });
    await assert.rejects(it.write([out(1)]), { kind: 'outage', message: /quota/ });
  });

  it('has an outage where nobody listens or the account is refused', async () => {
    const it = await open({ connack: version => ({ returnCode: 5, reasonCode: version === 5 ? 0x87 : 5 }) });
    await assert.rejects(it.write([out(1)]), { kind: 'outage', message: /not authorized/ });
    const { localPort: port } = [...place.sockets][0]!;
    await place.stop();
    const nobody = publisher({ url: `mqtt://127.0.0.1:${port}`, clientId: 'c' });
    await assert.rejects(nobody.write([out(1)]), { kind: 'outage', message: /ECONNREFUSED/ });
    assert.equal(nobody.failedAt(), undefined);
  });

  it('leaves a broker alone for longer and longer that ends every connection soon, and asks who else has its client id', async () => {
    let [ends, refuses] = [6, false];
    const clock = fakeClock();
    const it = await open(
      { connack: () => (refuses ? { reasonCode: 0x87 } : undefined), puback: () => (ends-- > 0 ? { ends: 0x8e } : 0) },
      { clock },
    );
    const rests: number[] = [];
    for (let n = 0; n < 6; n++) {
      const message =
        n < 2 ? /another connection \(code 142\)$/ : /, \d times in a row: has another client this client id\?$/;
      await assert.rejects(it.write([out(1)]), { kind: 'outage', message });
      rests.push(it.restMs());
      clock.advance(it.restMs());
    }
    assert.equal(place.versions.length, 6);
    assert.deepEqual(rests.slice(0, 2), [0, 0]);
    refuses = true;
    await assert.rejects(
      it.write([out(1)]),
      /not authorized \(code 135\)$/,
      'of a connection that never stood it is not asked',
    );
    refuses = false;
    assert.ok(rests[2]! >= 400 && rests[5]! >= 2500 && rests[5]! <= 5000, String(rests));
    assert.deepEqual(await it.write([out(1)]), ['stored']);
    // A connection that has lasted ends the row.
    clock.advance(11_000);
    for (const socket of place.sockets) socket.destroy();
    await it.write([out(2)]).catch(() => it.write([out(2)]));
    assert.equal(it.restMs(), 0);
  });

  it('tells which other broker is meant', async () => {
    const properties = { reasonString: 'gone', serverReference: 'other.example:1883' };
    const it = await open({ connack: () => ({ reasonCode: 0x9d, properties }) });
    await assert.rejects(it.write([out(1)]), /the broker has moved \(code 157\): gone, other\.example:1883/);
  });

  it('sends QoS 0 without waiting', async () => {
    const it = await open();
    assert.deepEqual(await it.write([out(1, { qos: 0 }), out(2)]), ['stored', 'stored']);
    assert.deepEqual(place.sent(), ['t/1 message 1', 't/2 message 2']);
  });

  it('takes no more of QoS 0 than the broker does, and gives up one that takes nothing', async () => {
    const it = await open({}, { answerMs: 300 });
    await it.write([]);
    for (const socket of place.sockets) socket.pause();
    let taken = 0;
    await assert.rejects(
      (async () => {
        // More than any socket holds.
        for (const megabytes = 64; taken < megabytes; taken++)
          await it.write([out(taken, { qos: 0, payload: Buffer.alloc(1 << 20) })]);
      })(),
      { kind: 'outage', message: /takes nothing within 0.3 s/ },
    );
    assert.ok(taken < 32, `${taken} MB`);
  });
});
