// The Centrifugo codec as a connection: its frames and commands, tokens, pings and limits, and the codes with which it ends.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Principal } from '../reading/principal.ts';
import { clientOf, clock, connectedTo, subscribe } from './centrifugo.fixture.ts';
import { methods } from './centrifugo-wire.ts';
import { createHub, type Hub } from './hub.ts';
import { laser } from './live.fixture.ts';

describe('Centrifugo codec', () => {
  let hub: Hub;
  beforeEach(() => {
    hub = createHub({ batchMs: 60_000 });
  });
  afterEach(() => hub.close());

  it('answers connect, and the commands that came behind it in the same frame, in order', () => {
    const it = clientOf(hub);
    it.say({ id: 1, connect: { token: '', name: 'js' } }, subscribe('alarms'), { id: 3, ping: {} });
    assert.equal(it.frames, 1);
    assert.deepEqual(
      it.lines.map(({ id }) => id),
      [1, 2, 3],
    );
    const { client: id, ...welcome } = it.lines[0]!['connect']!;
    assert.match(String(id), /^[0-9a-f-]{36}$/);
    assert.deepEqual(welcome, { version: 'fieldline', ping: 25, pong: true });
    assert.deepEqual(it.lines[2], { id: 3, ping: {} });
  });

  const garbage: [what: string, frame: string | Buffer, code: number][] = [
    ['no JSON', 'hello', 3501],
    ['half a JSON', '{"id":1,"ping":', 3501],
    ['a list', '[1,2]', 3501],
    ['a number', '7', 3501],
    ['null', 'null', 3501],
    ['an empty frame', '', 3501],
    ['blank lines', '\n\n', 3501],
    ['a negative id', '{"id":-1,"ping":{}}', 3501],
    ['an id that is text', '{"id":"1","ping":{}}', 3501],
    ['an id too large', '{"id":4294967296,"ping":{}}', 3501],
    ['a call without id', '{"subscribe":{"channel":"alarms"}}', 3501],
    ['params that are a list', '{"id":2,"subscribe":[]}', 3501],
    ['params that are text', '{"id":2,"subscribe":"alarms"}', 3501],
    ['a second connect', '{"id":2,"connect":{}}', 3501],
    ['a message for nobody', '{"send":{"data":1}}', 3508],
    ['a binary frame', Buffer.from('{}'), 3506],
    ['deep nesting', '['.repeat(30_000), 3501],
  ];
  for (const [what, frame, code] of garbage)
    it(`closes ${code} on ${what}`, () => {
      const it = connectedTo(hub);
      it.session.receive(frame);
      assert.equal(it.closed, code);
      it.session.receive('{"id":3,"ping":{}}');
      it.session.tick();
      assert.equal(it.lines.length, 0, 'silent after the close');
    });

  it('demands connect first, and at all', () => {
    const hasty = clientOf(hub);
    hasty.say(subscribe('alarms'));
    assert.equal(hasty.closed, 3501);
    const silent = clientOf(hub);
    const chatty = clientOf(hub);
    for (let second = 0; second <= 10; second++) {
      chatty.say('{}');
      clock.advance(1000);
      for (const { session } of [silent, chatty]) session.tick();
    }
    assert.deepEqual([silent.closed, chatty.closed], [3502, 3502]);
  });

  it('closes 3500 for a token that nobody knows, and asks for a new one where it has expired', () => {
    const stranger = clientOf(hub, {}, token => (token === 'good' ? { role: 'viewer' } : { refused: 'token: forged' }));
    stranger.say({ id: 1, connect: { token: 'bad' } }, subscribe('alarms'));
    assert.deepEqual([stranger.closed, stranger.lines.length], [3500, 0]);
    const late = clientOf(hub, {}, () => ({ refused: 'token: expired' }));
    late.say({ id: 1, connect: { token: 'old' } });
    assert.deepEqual([late.lines[0]?.['error']?.['code'], late.closed], [109, undefined]);
  });

  it('is silent after the line is down', () => {
    const it = clientOf(hub);
    it.session.closed();
    it.session.tick();
    it.say({ id: 1, connect: {} });
    hub.breakOff();
    assert.deepEqual([it.lines, it.closed], [[], undefined]);
  });

  it('says how long a token lasts, takes a new one of the same user, and sends away who has none', () => {
    const until: Record<string, Principal> = {
      first: { role: 'viewer', org: 'A', subject: 'ann', expiresAt: clock.now() + 60_000 },
      second: { role: 'viewer', org: 'A', subject: 'ann', expiresAt: clock.now() + 120_000 },
      other: { role: 'viewer', org: 'B', subject: 'ann', expiresAt: clock.now() + 120_000 },
    };
    const it = clientOf(hub, {}, token => until[token] ?? { refused: 'token: expired' });
    it.say({ id: 1, connect: { token: 'first' } });
    assert.deepEqual([it.lines[0]?.['connect']?.['expires'], it.lines[0]?.['connect']?.['ttl']], [true, 60]);
    it.say({ id: 2, refresh: { token: 'other' } }, { id: 3, refresh: { token: 'gone' } }, { id: 4, refresh: {} });
    assert.deepEqual(
      it.lines.slice(1).map(({ error }) => error?.['code']),
      [103, 109, 103],
    );
    it.say({ id: 5, refresh: { token: 'second' } });
    assert.equal(it.lines.at(-1)?.['refresh']?.['ttl'], 120);
    for (let second = 0; second < 120; second += 7) {
      clock.advance(7000);
      it.say('{}');
      it.session.tick();
      if (second < 112) assert.equal(it.closed, undefined, `after ${second} s`);
    }
    assert.equal(it.closed, 3005);
  });

  it('answers too many commands with 111, and sends away who does not stop', () => {
    const it = connectedTo(hub, { maxSubscriptions: 1, commandsPerSecond: 2 });
    const ping = { id: 7, ping: {} };
    it.say(ping, ping, ping, ping);
    assert.deepEqual(
      it.lines.map(line => line['error']?.['code']),
      [undefined, undefined, undefined, 111],
    );
    assert.equal(it.lines[3]!['error']!['temporary'], true);
    clock.advance(1000);
    it.say(ping);
    assert.deepEqual(it.lines[4], ping);
    it.say(...Array.from({ length: 20 }, () => '{}'));
    assert.equal(it.closed, 3013);
  });

  it('pings, and sends away who does not answer', () => {
    const it = connectedTo(hub, { pingMs: 5000 });
    const answering = connectedTo(hub, { pingMs: 5000 });
    for (let second = 0; second < 21; second++) {
      clock.advance(1000);
      it.session.tick();
      answering.session.tick();
      answering.say('{}');
    }
    assert.equal(it.closed, 3012);
    assert.deepEqual(answering.lines, [{}, {}, {}, {}]);
    assert.equal(answering.closed, undefined);
  });

  it('answers every command once, whatever stands in it, or sends the client away', () => {
    const word = fc.oneof(
      fc.constantFrom('alarms', 'device:D1', 'device:\0', 'application:é😀', 'system', '', 'nope', 'toString'),
      fc.string({ unit: 'binary' }),
      fc.jsonValue(),
    );
    const params = fc.record(
      {
        ...{
          channel: word,
          token: word,
          data: fc.oneof(fc.jsonValue(), fc.record({ filter: word, snapshot: fc.boolean() })),
        },
        ...{
          recover: fc.boolean(),
          offset: fc.oneof(fc.integer(), fc.jsonValue()),
          epoch: word,
          limit: fc.jsonValue(),
        },
        since: fc.oneof(fc.jsonValue(), fc.record({ epoch: word, offset: fc.integer() })),
      },
      { requiredKeys: [] },
    );
    const command = fc.tuple(fc.constantFrom(...methods, '__proto__', 'dance'), fc.oneof(params, fc.jsonValue()));
    fc.assert(
      fc.property(fc.array(command, { maxLength: 8 }), commands => {
        const it = connectedTo(hub);
        const lines = commands.map(
          ([method, given], at) => `{"id":${at + 2},${JSON.stringify(method)}:${JSON.stringify(given)}}`,
        );
        hub.publish([laser(1)]);
        if (lines.length > 0) it.say(...lines);
        hub.flush();
        const answered = it.lines.filter(({ id }) => id !== undefined).map(({ id }) => id);
        const all = commands.map((_, at) => at + 2);
        if (it.closed === undefined) assert.deepEqual(answered, all);
        else assert.deepEqual(answered, all.slice(0, answered.length));
        it.session.closed();
      }),
      { numRuns: 500, seed: 7 },
    );
  });

  it('sends clients away so that they come back when it stops', () => {
    const it = connectedTo(hub);
    it.say(subscribe('measurement-stream'));
    it.session.shutdown();
    hub.publish([laser(1)]);
    hub.flush();
    assert.equal(it.closed, 3001);
    assert.equal(it.lines.length, 1);
  });
});
