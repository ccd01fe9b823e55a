// What a broker does not take, as it says it: by a PUBACK, by a word at the end of the connection, by none at all, or before anything is sent.
import assert from 'node:assert/strict';
import type { IConnackPacket } from 'mqtt-packet';
import type { Outcome } from '../reading/contracts.ts';
import type { Outgoing } from './outgoing-packet.ts';
import { out, publisherPlace } from './publisher.fixture.ts';

describe('mqtt publisher: refusals', () => {
  const place = publisherPlace();
  const { open } = place;

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
    assert.deepEqual(place.sent(), ['t/1 message 1', 't/2 message 2', 't/6 message 6']);
  });

  for (const properties of [{ receiveMaximum: 0 }, { maximumPacketSize: 0 }])
    it(`refuses no message where the broker breaks MQTT 5 by ${JSON.stringify(properties)}: it is spoken to in 3.1.1`, async () => {
      // The generator sends no 0: the property as bytes, in a CONNACK of its own.
      const bytes = 'receiveMaximum' in properties ? [0x21, 0, 0] : [0x27, 0, 0, 0, 0];
      const connack = Uint8Array.of(0x20, 3 + bytes.length, 0, 0, bytes.length, ...bytes);
      const it = await open({ connack: version => (version === 5 ? connack : undefined) });
      assert.deepEqual(await it.write([out(1)]), ['stored']);
      assert.deepEqual(place.versions, [5, 4]);
    });

  it('names the one message over which a broker hangs up without a word, as those of 3.1.1 do, and no other', async () => {
    const bad = 't/4';
    const it = await open({
      connack: version => (version === 5 ? { returnCode: 1, reasonCode: 0x84 } : undefined),
      puback: ({ topic }) => (topic === bad ? 'cut' : 0),
    });
    const rows = Array.from({ length: 8 }, (_, n) => out(n));
    for (let attempts = 0; attempts < 3; attempts++) await assert.rejects(it.write(rows), { kind: 'outage' });
    assert.equal(it.failedAt()?.topic, bad);
    assert.deepEqual(await it.write(rows.slice(5)), ['stored', 'stored', 'stored']);
    assert.equal(it.failedAt(), undefined);
    await assert.rejects(it.write(rows), { kind: 'outage' });
    assert.equal(it.failedAt()?.topic, bad);
  });

  it('takes the PUBACK by which Mosquitto refuses what is too large, and goes on', async () => {
    const it = await open({ puback: ({ topic }) => (topic === 't/2' ? 0x95 : 0) });
    const outcomes = await it.write([out(1), out(2), out(3)]);
    assert.deepEqual(outcomes, [
      'stored',
      { rejected: 'the broker refused it: the packet is too large (code 149)' },
      'stored',
    ]);
    assert.equal(place.versions.length, 1);
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
      assert.ok(place.mostHeld > 1);
    });

  for (const code of [0x8b, 0x8e, 0x96, 0x97, 0x98])
    it(`blames no message when the broker ends the connection with code ${code}`, async () => {
      let ends = 2;
      const it = await open({ puback: () => (ends-- > 0 ? { ends: code } : 0) });
      for (let n = 0; n < 2; n++) await assert.rejects(it.write([out(1)]), { kind: 'outage' });
      assert.deepEqual(await it.write([out(1)]), ['stored']);
    });

  for (const [properties, row, says] of [
    [{ retainAvailable: false }, { retain: true }, /retains no messages: set "Latest value" to "not retained"/],
    [{ maximumQoS: 0 }, { qos: 1 }, /takes no QoS 1: set QoS to 0/],
  ] as const)
    it(`sends nothing that the broker says it does not take: ${JSON.stringify(properties)}`, async () => {
      const it = await open({ connack: () => ({ properties: properties as IConnackPacket['properties'] }) });
      const other: Partial<Outgoing> = { retain: false, qos: 0 };
      await assert.rejects(it.write([out(1, other), out(2, { ...other, ...row })]), { kind: 'outage', message: says });
      assert.deepEqual(place.published, []);
      assert.deepEqual(await it.write([out(3, other)]), ['stored']);
    });

  for (const topic of ['a/\ud800', 'a/\u0001', 'a/\n', 'a/\u0080', 'a/\ufffe', 'a/\u{1ffff}', '\0'])
    it(`refuses a topic over which brokers end the connection: ${JSON.stringify(topic)}`, async () => {
      const it = await open();
      const [refused, next] = await it.write([out(1, { topic }), out(2)]);
      assert.match((refused as { rejected: string }).rejected, /a topic without wildcards and control characters/);
      assert.equal(next, 'stored');
    });
});
