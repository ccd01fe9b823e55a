// Tests of the wire subscriber against a scripted peer: versions, refusals, garbage, silence, receipts. The contract suite has the rest.
import assert from 'node:assert/strict';
import { generate } from 'mqtt-packet';
import { type Mqtt5Habits, type Mqtt5Peer, mqtt5Peer } from '../../test/support/mqtt5-peer.ts';
import type { Source } from '../reading/contracts.ts';
import type { Raw } from '../reading/raw.ts';
import type { SourceState } from './source-state.ts';
import { type WireSourceOptions, wireSource } from './subscriber.ts';
import { until } from '../../test/support/until.ts';

type Heard = { raws: Raw[]; states: SourceState[] };

describe('wire subscriber', () => {
  let peer: Mqtt5Peer;
  let handle: ReturnType<Source> | undefined;
  afterEach(async () => {
    await handle?.close();
    handle = undefined;
    await peer.close();
  });
  async function start(habits: Mqtt5Habits, options: Partial<WireSourceOptions> = {}): Promise<Heard> {
    peer = await mqtt5Peer(habits);
    const heard: Heard = { raws: [], states: [] };
    handle = wireSource({
      url: peer.url,
      clientId: 'me',
      filters: [{ filter: 't/#', qos: 1 }],
      window: 10,
      sessionExpirySeconds: 600,
      source: 'test',
      onState: state => heard.states.push(state),
      ...options,
    })((raw, settle) => {
      heard.raws.push(raw);
      settle({ ok: true });
    });
    return heard;
  }
  const last = (heard: Heard): SourceState | undefined => heard.states.at(-1);
  const subscribed = (heard: Heard) => until(() => last(heard)?.state === 'subscribed');
  const connects = () => peer.heard.flatMap(packet => (packet.cmd === 'connect' ? [packet] : []));

  it('asks for a session that stays, with its window and its largest packet', async () => {
    const heard = await start({}, { username: 'u', password: 'p', maxPacketBytes: 5000 });
    await subscribed(heard);
    const [connect] = connects();
    assert.equal(connect?.clean, false);
    assert.equal(connect?.clientId, 'me');
    assert.equal(connect?.username, 'u');
    assert.equal(connect?.password?.toString(), 'p');
    assert.deepEqual(connect?.properties, { sessionExpiryInterval: 600, receiveMaximum: 10, maximumPacketSize: 5000 });
    assert.deepEqual(last(heard), { state: 'subscribed', via: 'MQTT 5', detail: undefined });
  });

  it('gives each message a receipt of client, packet and content', async () => {
    const heard = await start({});
    await subscribed(heard);
    peer.publish('t/a', 'same', 1);
    peer.publish('t/b', 'same', 1);
    await until(() => heard.raws.length === 2);
    const keys = heard.raws.map(({ receipt }) => receipt?.key ?? '');
    assert.match(keys[0]!, /^me:1:[0-9a-f]{32}$/);
    assert.notEqual(keys[0]!.slice(5), keys[1]!.slice(5), 'the topic counts');
    assert.equal(heard.raws[0]?.receipt?.redelivered, false);
  });

  const olds: [name: string, answer: NonNullable<Mqtt5Habits['connack']>, versions: number[]][] = [
    [
      'in the style of 3.1.1',
      connect => (connect.protocolVersion === 5 ? Buffer.from('20020001', 'hex') : undefined),
      [5, 4, 4],
    ],
    [
      'in the style of 5',
      connect => (connect.protocolVersion === 5 ? Buffer.from('2003008400', 'hex') : undefined),
      [5, 4, 4],
    ],
    ['by hanging up', connect => (connect.protocolVersion === 5 ? 'hang up' : undefined), [5, 4, 5, 4]],
  ];
  for (const [name, connack, versions] of olds)
    it(`speaks 3.1.1 to a broker that refuses version 5 ${name}`, async () => {
      const heard = await start({ connack });
      await subscribed(heard);
      assert.deepEqual(last(heard), { state: 'subscribed', via: 'MQTT 3.1.1', detail: undefined });
      peer.publish('t/a', 'x', 1);
      await until(() => heard.raws.length === 1);
      peer.cut();
      await until(() => last(heard)?.state === 'offline');
      await subscribed(heard);
      assert.deepEqual(
        connects().map(({ protocolVersion }) => protocolVersion),
        versions,
      );
    });

  it('tells why it is refused, and tries again', async () => {
    const heard = await start({ connack: (_connect, at) => (at === 1 ? { reasonCode: 0x87 } : undefined) });
    await subscribed(heard);
    assert.deepEqual(heard.states[1], { state: 'refused', reason: 'not authorized (code 135)' });
  });

  it('tells which filter is refused, and which gets less', async () => {
    const filters = [
      { filter: 't/#', qos: 1 as const },
      { filter: 'secret/#', qos: 1 as const },
    ];
    const heard = await start({ suback: () => [1, 0x87] }, { filters });
    await until(() => last(heard)?.state === 'refused');
    assert.deepEqual(last(heard), {
      state: 'refused',
      reason: 'subscription refused: secret/#: not authorized (code 135)',
    });
    peer.publish('t/a', 'x', 1);
    await until(() => heard.raws.length === 1);
    await handle?.close();
    await peer.close();
    const lesser = await start({ suback: () => [0] });
    await subscribed(lesser);
    assert.deepEqual(last(lesser), { state: 'subscribed', via: 'MQTT 5', detail: 't/#: QoS 0 instead of 1' });
  });

  it('unsubscribes what an earlier deploy had, and no filter it still wants', async () => {
    const heard = await start({}, { unsubscribe: ['old/#', 't/#'] });
    await subscribed(heard);
    const gone = peer.heard.flatMap(packet => (packet.cmd === 'unsubscribe' ? packet.unsubscriptions : []));
    assert.deepEqual(gone, ['old/#']);
  });

  it('does not subscribe again to a session that is still there, but to one that was lost', async () => {
    const heard = await start({});
    const subscribes = () => peer.heard.filter(({ cmd }) => cmd === 'subscribe').length;
    await subscribed(heard);
    peer.cut();
    await until(() => last(heard)?.state === 'offline');
    await subscribed(heard);
    assert.equal(subscribes(), 1);
    peer.forget();
    peer.cut();
    await until(() => last(heard)?.state === 'offline');
    await subscribed(heard);
    assert.equal(subscribes(), 2);
  });

  const five = { protocolVersion: 5 as const };
  const message = { cmd: 'publish' as const, payload: 'x', qos: 1 as const, dup: false, retain: false };
  const garbage: [name: string, bytes: Uint8Array][] = [
    ['bytes that are no packet', Buffer.from('0000ff00ff', 'hex')],
    ['text of another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'.padEnd(100, '.'))],
    ['a length of five bytes', Buffer.from('30ffffffffff01', 'hex')],
    ['a topic longer than its packet', Buffer.from('3204ffff6100', 'hex')],
    ['properties longer than their packet', Buffer.from('3208000174000110f000', 'hex')],
    ['a message without packet identifier', Buffer.from('320400017400', 'hex')],
    ['packet identifier 0', Buffer.from('3206000174000000', 'hex')],
    ['QoS 3', Buffer.from('3606000174000100', 'hex')],
    ['a topic with a wildcard', Buffer.from('320600012b000100', 'hex')],
    ['an empty topic', Buffer.from('32050000000100', 'hex')],
    ['a second CONNACK', generate({ cmd: 'connack', reasonCode: 0, sessionPresent: false }, five)],
    ['a packet only a client may send', generate({ cmd: 'pingreq' }, five)],
    ['a SUBACK nobody waits for', generate({ cmd: 'suback', messageId: 9, granted: [0] }, five)],
    ['a large packet that is no message', Buffer.from('90ffffff7f', 'hex')],
    ['DISCONNECT', generate({ cmd: 'disconnect', reasonCode: 0x8b }, five)],
    [
      'an identifier for two messages',
      Buffer.concat(['a', 'b'].map(text => generate({ ...message, topic: `t/${text}`, messageId: 5 }, five))),
    ],
  ];
  for (const [name, bytes] of garbage)
    it(`survives ${name}`, async () => {
      const heard = await start({});
      if (name.includes('two messages')) {
        await handle?.close();
        await peer.close();
        Object.assign(heard, await startHolding());
      }
      await subscribed(heard);
      peer.write(bytes);
      await until(() => last(heard)?.state === 'offline');
      await subscribed(heard);
      peer.publish('t/after', 'x', 1);
      await until(() => heard.raws.some(({ topic }) => topic === 't/after'));
    });
  /** A source that never settles, so that an identifier stays in use. */
  async function startHolding(): Promise<Heard> {
    const heard = await start({});
    await handle?.close();
    const states: SourceState[] = [];
    const raws: Raw[] = [];
    handle = wireSource({
      ...{ url: peer.url, clientId: 'me', filters: [{ filter: 't/#', qos: 1 as const }], window: 10 },
      ...{ sessionExpirySeconds: 600, source: 'test', onState: state => states.push(state) },
    })(raw => raws.push(raw));
    return { ...heard, raws, states };
  }

  it('notices a peer that answers no PINGREQ, at the interval the broker has set', async () => {
    const heard = await start({ deaf: true, connack: () => ({ properties: { serverKeepAlive: 1 } }) });
    await until(() => heard.states.some(state => state.state === 'offline' && /PINGREQ/.test(state.reason)));
  });

  it('keeps sending PINGREQ while its window is full', async () => {
    peer = await mqtt5Peer({ overshoots: true, connack: () => ({ properties: { serverKeepAlive: 1 } }) });
    let subscribedTimes = 0;
    handle = wireSource({
      ...{ url: peer.url, clientId: 'me', filters: [{ filter: 't/#', qos: 1 as const }], window: 2 },
      ...{ sessionExpirySeconds: 600, source: 'test' },
      onState: state => {
        if (state.state === 'subscribed') subscribedTimes++;
      },
    })(() => {});
    await peer.until(() => peer.heard.some(({ cmd }) => cmd === 'subscribe'));
    // Far more than is read beyond the window: the socket is paused.
    for (let at = 0; at < 40; at++) peer.publish('t/a', Buffer.alloc(50_000, at), 1);
    const pings = () => peer.heard.filter(({ cmd }) => cmd === 'pingreq').length;
    await peer.until(() => pings() >= 4);
    assert.equal(subscribedTimes, 1, 'one connection all the time');
    assert.equal(peer.connections, 1);
  });

  it('says so at once when a filter or an address is none', async () => {
    const heard = await start({}, { filters: [{ filter: 'a/#/b', qos: 1 }] });
    assert.equal(last(heard)?.state, 'refused');
    for (const url of ['', 'http://x', 'mqtt://', 'nonsense', 'mqtt://user:secret@'])
      assert.throws(
        () => wireSource({ url, clientId: 'x', filters: [], window: 1, sessionExpirySeconds: 1, source: '' }),
        (error: Error & { code?: string }) => error.code === 'FIELDLINE_SETTING' && !error.message.includes('secret'),
      );
  });
});
