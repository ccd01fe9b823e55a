// Subscriptions of a Centrifugo client: what is refused, rows, snapshots, resume, history, and clients that are slow.
import assert from 'node:assert/strict';
import { connectedTo, subscribe } from './centrifugo.fixture.ts';
import { createHub, type Hub } from './hub.ts';
import { laser } from './live.fixture.ts';

describe('Centrifugo subscriptions', () => {
  let hub: Hub;
  beforeEach(() => {
    hub = createHub({ batchMs: 60_000 });
  });
  afterEach(() => hub.close());

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
    it(`refuses ${what} with ${code} and stays connected`, () => {
      const it = connectedTo(hub);
      it.say(command, { id: 9, ping: {} });
      assert.equal(it.lines[0]?.['error']?.['code'], code);
      assert.deepEqual(it.lines[1], { id: 9, ping: {} });
      assert.equal(it.closed, undefined);
    });

  it('takes null for what is left out', () => {
    const it = connectedTo(hub);
    it.say(subscribe('alarms', { filter: null, conflate_ms: null, snapshot: null }, { token: null, epoch: null }));
    assert.equal(it.lines[0]?.['error'], undefined);
    it.say({ id: 3, subscribe: { channel: 'system', data: null } });
    assert.equal(it.lines[1]?.['error'], undefined);
  });

  it('refuses the same channel twice and more channels than allowed', () => {
    const it = connectedTo(hub, { maxSubscriptions: 2 });
    it.say(subscribe('alarms'), subscribe('alarms'), subscribe('system'), subscribe('device:1'));
    assert.deepEqual(
      it.lines.map(line => line['error']?.['code']),
      [undefined, 105, undefined, 106],
    );
  });

  it('runs only so many regular expressions for a client', () => {
    const it = connectedTo(hub);
    for (let at = 0; at < 17; at++) it.say(subscribe(`device:D${at}`, { filter: 'metric=like.a%' }));
    assert.equal(it.lines.at(-2)?.['error'], undefined);
    assert.equal(it.lines.at(-1)?.['error']?.['code'], 106);
  });

  it('pushes rows of the channel that pass the filter, many in a frame', () => {
    const it = connectedTo(hub);
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

  it('shows a client of an organisation its own rows only, whatever it filters', () => {
    const it = connectedTo(hub, {}, () => ({ role: 'viewer', org: 'A' }));
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

  it('gives the last rows with the subscription when asked to', () => {
    hub.publish([laser(1), laser(2)]);
    const it = connectedTo(hub);
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
    const bare = connectedTo(hub);
    bare.say(subscribe('device:D1'));
    assert.equal('data' in bare.lines[0]!['subscribe']!, false);
  });

  it('resumes completely or says that it cannot', () => {
    const it = connectedTo(hub);
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
      const back = connectedTo(hub);
      back.say(subscribe('device:D1', { snapshot: true }, more));
      const reply = back.lines[0]!['subscribe'] as Record<string, unknown> & { publications?: unknown[] };
      assert.deepEqual([reply['was_recovering'], reply['recovered']], [true, recovered], JSON.stringify(more));
      assert.equal(reply.publications?.length, publications, JSON.stringify(more));
      assert.equal('data' in reply, !recovered, 'the snapshot stands in for what is lost');
    }
  });

  it('does not resume with more than a client can take at once', () => {
    const it = connectedTo(hub, { queueBytes: 1000 });
    hub.publish([laser(1), laser(2), laser(3)]);
    it.say(subscribe('device:D1', undefined, { recover: true, epoch: hub.epoch, offset: 0 }));
    assert.equal(it.lines[0]!['subscribe']!['recovered'], false);
  });

  it('tells history: the position alone, what is after or before a place, and what it cannot tell', () => {
    const it = connectedTo(hub);
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

  it('tells its clients where the thread is lost, and nothing of what was', () => {
    const it = connectedTo(hub);
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

  it('sends a slow client away and goes on with the others', () => {
    const slow = connectedTo(hub, { queueBytes: 1000 });
    const quick = connectedTo(hub, { queueBytes: 1000 });
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
    const it = connectedTo(hub, { queueBytes: 1000 });
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
});
