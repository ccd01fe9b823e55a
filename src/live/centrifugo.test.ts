// The Centrifugo codec without sockets: frames in, frames and close codes out, on a clock that stands still.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import type { Refused } from '../kernel/token.ts';
import type { Principal } from '../reading/principal.ts';
import { type CentrifugoOptions, centrifugoCodec } from './centrifugo.ts';
import { createHub, type Hub } from './hub.ts';
import { laser } from './live.fixture.ts';

type Line = Record<string, Record<string, unknown>> & { id?: number };

type Identify = (token: string) => Principal | Refused;

describe('Centrifugo codec', () => {
  const clock = fakeClock();
  let hub: Hub;
  beforeEach(() => {
    hub = createHub({ batchMs: 60_000 });
  });
  afterEach(() => hub.close());

  /** A client on no socket; `backlog` is what it has not taken. */
  function client(options: CentrifugoOptions = {}, identify: Identify = () => ({ role: 'viewer' })) {
    const it = { lines: [] as Line[], frames: 0, closed: undefined as number | undefined, backlog: 0 };
    const session = centrifugoCodec({ clock, ...options })(hub, {
      send(frame) {
        it.frames++;
        for (const line of String(frame).split('\n')) it.lines.push(JSON.parse(line));
      },
      close({ code }) {
        assert.equal(it.closed, undefined, 'closed once');
        it.closed = code;
      },
      get backlog() {
        return it.backlog;
      },
      sendBytes: () => assert.fail('no binary frames'),
      query: new URLSearchParams(),
      headers: {},
      identify,
    });
    const say = (...commands: unknown[]) =>
      session.receive(commands.map(one => (typeof one === 'string' ? one : JSON.stringify(one))).join('\n'));
    return Object.assign(it, { session, say });
  }

  async function connected(options?: CentrifugoOptions, identify?: Identify) {
    const it = client(options, identify);
    it.say({ id: 1, connect: {} });
    assert.equal(it.lines[0]?.['connect']?.['pong'], true);
    it.lines.length = 0;
    return it;
  }

  const subscribe = (channel: string, data?: object, more?: object) => ({
    id: 2,
    subscribe: { channel, data, ...more },
  });

  it('answers connect, and the commands that came behind it in the same frame, in order', () => {
    const it = client();
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

  const refusals: [what: string, command: object, code: number][] = [
    ['an unknown channel', subscribe('nope'), 102],
    ['a wildcard', subscribe('device:*'), 102],
    ['a subscribe without channel', { id: 2, subscribe: {} }, 107],
    ['a channel that is no text', { id: 2, subscribe: { channel: 7 } }, 107],
    ['a filter with an unknown column', subscribe('alarms', { filter: 'nope=eq.1' }), 107],
    ['a filter that is no text', subscribe('alarms', { filter: 7 }), 107],
    ['a conflation that is too quick', subscribe('alarms', { conflate_ms: 1 }), 107],
    ['data that is no object', { id: 2, subscribe: { channel: 'alarms', data: 'x' } }, 107],
    ['publish', { id: 2, publish: { channel: 'alarms', data: {} } }, 103],
    ['presence', { id: 2, presence: { channel: 'alarms' } }, 108],
    ['presence_stats', { id: 2, presence_stats: { channel: 'alarms' } }, 108],
    ['rpc', { id: 2, rpc: { method: 'x' } }, 108],
    ['an unknown method', { id: 2, dance: {} }, 104],
    ['unsubscribe without channel', { id: 2, unsubscribe: {} }, 107],
  ];
  for (const [what, command, code] of refusals)
    it(`refuses ${what} with ${code} and stays connected`, async () => {
      const it = await connected();
      it.say(command, { id: 9, ping: {} });
      assert.equal(it.lines[0]?.['error']?.['code'], code);
      assert.deepEqual(it.lines[1], { id: 9, ping: {} });
      assert.equal(it.closed, undefined);
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
    it(`closes ${code} on ${what}`, async () => {
      const it = await connected();
      it.session.receive(frame);
      assert.equal(it.closed, code);
      it.session.receive('{"id":3,"ping":{}}');
      it.session.tick();
      assert.equal(it.lines.length, 0, 'silent after the close');
    });

  it('demands connect first, and at all', async () => {
    const hasty = client();
    hasty.say(subscribe('alarms'));
    assert.equal(hasty.closed, 3501);
    const silent = client();
    const chatty = client();
    for (let second = 0; second <= 10; second++) {
      chatty.say('{}');
      clock.advance(1000);
      for (const { session } of [silent, chatty]) session.tick();
    }
    assert.deepEqual([silent.closed, chatty.closed], [3502, 3502]);
  });

  it('closes 3500 for a token that nobody knows, and asks for a new one where it has expired', () => {
    const stranger = client({}, token => (token === 'good' ? { role: 'viewer' } : { refused: 'token: forged' }));
    stranger.say({ id: 1, connect: { token: 'bad' } }, subscribe('alarms'));
    assert.deepEqual([stranger.closed, stranger.lines.length], [3500, 0]);
    const late = client({}, () => ({ refused: 'token: expired' }));
    late.say({ id: 1, connect: { token: 'old' } });
    assert.deepEqual([late.lines[0]?.['error']?.['code'], late.closed], [109, undefined]);
  });

  it('is silent after the line is down', () => {
    const it = client();
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
    const it = client({}, token => until[token] ?? { refused: 'token: expired' });
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

  it('tells history: the position alone, what is after or before a place, and what it cannot tell', async () => {
    const it = await connected();
    const ask = (history: object) => {
      it.say({ id: 9, history: { channel: 'measurement-stream', ...history } });
      const { history: answer, error } = it.lines.at(-1)!;
      const publications = (answer?.['publications'] ?? []) as { offset: number; data: { value_mm: number } }[];
      return { answer, code: error?.['code'], values: publications.map(({ data }) => data.value_mm), publications };
    };
    // Who asks for a position may come back for what follows.
    ask({});
    hub.publish([laser(1), laser(2), laser(3)]);
    const { answer, values } = ask({});
    assert.deepEqual([answer?.['epoch'], answer?.['offset'], values], [hub.epoch, 4, []]);
    assert.deepEqual(ask({ limit: 2 }).values, [1, 2]);
    assert.deepEqual(ask({ limit: 2, reverse: true }).values, [3, 2]);
    const { offset } = ask({ limit: 10 }).publications[1]!;
    assert.deepEqual(ask({ limit: -1, since: { epoch: hub.epoch, offset } }).values, [3]);
    assert.deepEqual(ask({ limit: 10, reverse: true, since: { epoch: hub.epoch, offset } }).values, [1]);
    assert.equal(ask({ limit: 10, since: { epoch: 'another', offset } }).code, 112);
    assert.equal(ask({ limit: 10, since: { epoch: hub.epoch, offset: 99 } }).code, 112);
    assert.equal(ask({ limit: 'many' }).code, 107);
    assert.equal(ask({ channel: 'nope', limit: 1 }).code, 102);
  });

  it('tells its clients where the thread is lost, and nothing of what was', async () => {
    const it = await connected();
    it.say(subscribe('measurement-stream'));
    const { epoch, offset } = it.lines[0]!['subscribe'] as { epoch: string; offset: number };
    hub.breakOff();
    assert.deepEqual(it.lines.at(-1)?.['push'], {
      channel: 'measurement-stream',
      unsubscribe: { code: 2500, reason: 'insufficient state' },
    });
    it.say(subscribe('measurement-stream', {}, { recover: true, epoch, offset }));
    assert.equal(it.lines.at(-1)?.['subscribe']?.['recovered'], false);
  });

  it('runs only so many regular expressions for a client', async () => {
    const it = await connected();
    for (let at = 0; at < 17; at++) it.say(subscribe(`device:D${at}`, { filter: 'metric=like.a%' }));
    assert.equal(it.lines.at(-2)?.['error'], undefined);
    assert.equal(it.lines.at(-1)?.['error']?.['code'], 106);
  });

  it('pushes rows of the channel that pass the filter, many in a frame', async () => {
    const it = await connected();
    it.say(subscribe('measurement-stream', { filter: 'session_id=eq.S1' }));
    const { offset } = it.lines[0]!['subscribe'] as { offset: number };
    hub.publish([laser(1, { sessionId: 'S1' }), laser(2, { sessionId: 'S2' }), laser(3, { sessionId: 'S1' })]);
    hub.flush();
    assert.equal(it.frames, 3, 'connect, subscribe, one frame with both rows');
    const pushes = it.lines
      .slice(1)
      .map(({ push }) => push as { channel: string; pub: { offset: number; data: Record<string, unknown> } });
    assert.deepEqual(
      pushes.map(({ channel, pub }) => [channel, pub.offset - offset, pub.data['value_mm']]),
      [
        ['measurement-stream', 1, 1],
        ['measurement-stream', 3, 3],
      ],
    );
    it.say({ id: 5, unsubscribe: { channel: 'measurement-stream' } }, { id: 6, unsubscribe: { channel: 'never' } });
    hub.publish([laser(4, { sessionId: 'S1' })]);
    hub.flush();
    assert.deepEqual(it.lines.slice(3), [
      { id: 5, unsubscribe: {} },
      { id: 6, unsubscribe: {} },
    ]);
  });

  it('shows a client of an organisation its own rows only, whatever it filters', async () => {
    const it = await connected({}, () => ({ role: 'viewer', org: 'A' }));
    it.say(subscribe('measurement-stream', { snapshot: true, filter: 'org_id=eq.B' }));
    it.say({ id: 3, subscribe: { channel: 'device:D1', data: { snapshot: true } } });
    hub.publish([laser(1, { orgId: 'A' }), laser(2, { orgId: 'B' }), laser(3)]);
    hub.flush();
    const rows = it.lines.filter(({ push }) => push !== undefined).map(({ push }) => push);
    assert.deepEqual(
      rows.map(push => [push!['channel'], (push!['pub'] as { data: { value_mm: number } }).data.value_mm]),
      [['device:D1', 1]],
    );
  });

  it('gives the last rows with the subscription when asked to', async () => {
    hub.publish([laser(1), laser(2)]);
    const it = await connected();
    it.say(subscribe('device:D1', { snapshot: true }));
    const { data, offset } = it.lines[0]!['subscribe'] as {
      offset: number;
      data: { snapshot: { offset: number; data: { value_mm: number } }[] };
    };
    assert.deepEqual(
      data.snapshot.map(entry => entry.data.value_mm),
      [2],
    );
    assert.ok(data.snapshot[0]!.offset <= offset);
    const bare = await connected();
    bare.say(subscribe('device:D1'));
    assert.equal('data' in bare.lines[0]!['subscribe']!, false);
  });

  it('resumes completely or says that it cannot', async () => {
    const it = await connected();
    it.say(subscribe('device:D1', undefined));
    const { epoch, offset } = it.lines[0]!['subscribe'] as { epoch: string; offset: number };
    hub.publish([laser(1), laser(2)]);
    const cases: [what: object, recovered: boolean, publications: number | undefined][] = [
      [{ recover: true, epoch, offset }, true, 2],
      [{ recover: true, epoch, offset: offset + 1 }, true, 1],
      [{ recover: true, epoch: 'another', offset }, false, undefined],
      [{ recover: true, epoch, offset: 1_000_000 }, false, undefined],
      [{ recover: true, epoch, offset: -1 }, false, undefined],
      [{ recover: true, epoch, offset: 'x' }, false, undefined],
      [{ recover: true }, false, undefined],
    ];
    for (const [more, recovered, publications] of cases) {
      const back = await connected();
      back.say(subscribe('device:D1', { snapshot: true }, more));
      const reply = back.lines[0]!['subscribe'] as Record<string, unknown> & { publications?: unknown[] };
      assert.deepEqual([reply['was_recovering'], reply['recovered']], [true, recovered], JSON.stringify(more));
      assert.equal(reply.publications?.length, publications, JSON.stringify(more));
      assert.equal('data' in reply, !recovered, 'the snapshot stands in for what is lost');
    }
  });

  it('does not resume with more than a client can take at once', async () => {
    const it = await connected({ queueBytes: 1000 });
    hub.publish([laser(1), laser(2), laser(3)]);
    it.say(subscribe('device:D1', undefined, { recover: true, epoch: hub.epoch, offset: 0 }));
    assert.equal(it.lines[0]!['subscribe']!['recovered'], false);
  });

  it('refuses the same channel twice and more channels than allowed', async () => {
    const it = await connected({ maxSubscriptions: 2 });
    it.say(subscribe('alarms'), subscribe('alarms'), subscribe('system'), subscribe('device:1'));
    assert.deepEqual(
      it.lines.map(line => line['error']?.['code']),
      [undefined, 105, undefined, 106],
    );
  });

  it('answers too many commands with 111, and sends away who does not stop', async () => {
    const it = await connected({ maxSubscriptions: 1, commandsPerSecond: 2 });
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

  it('pings, and sends away who does not answer', async () => {
    const it = await connected({ pingMs: 5000 });
    const answering = await connected({ pingMs: 5000 });
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

  it('sends a slow client away and goes on with the others', async () => {
    const slow = await connected({ queueBytes: 1000 });
    const quick = await connected({ queueBytes: 1000 });
    for (const one of [slow, quick]) one.say(subscribe('measurement-stream'));
    slow.backlog = 1001;
    hub.publish([laser(1)]);
    hub.flush();
    hub.publish([laser(2)]);
    hub.flush();
    assert.equal(slow.closed, 3008);
    assert.equal(slow.lines.length, 1, 'the subscribe reply alone');
    assert.equal(quick.lines.length, 3);
  });

  it('conflates for who asked for it, until it can take more', async () => {
    const it = await connected({ queueBytes: 1000 });
    it.say(subscribe('measurement-stream', { conflate_ms: 20 }));
    it.lines.length = 0;
    it.backlog = 5000;
    const pushed = new Promise<void>(resolve => {
      const check = setInterval(() => {
        if (it.lines.length === 0) return;
        clearInterval(check);
        resolve();
      }, 1);
    });
    hub.publish([laser(1), laser(2), { ...laser(3), deviceId: 'D2' }, laser(4)]);
    hub.flush();
    assert.equal(it.closed, undefined);
    it.backlog = 0;
    await pushed;
    assert.deepEqual(
      it.lines.map(({ push }) => (push!['pub'] as { data: { value_mm: number } }).data.value_mm),
      [3, 4],
    );
    it.session.closed();
  });

  it('sends clients away so that they come back when it stops', async () => {
    const it = await connected();
    it.say(subscribe('measurement-stream'));
    it.session.shutdown();
    hub.publish([laser(1)]);
    hub.flush();
    assert.equal(it.closed, 3001);
    assert.equal(it.lines.length, 1);
  });
});
