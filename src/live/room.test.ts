// Room: all clients together ask for no more than rows can be held against, and each protocol says so in its own words.
import assert from 'node:assert/strict';
import { openAdmission } from './admission.ts';
import { channelNamed } from './channels.ts';
import { connectedTo, subscribe } from './centrifugo.fixture.ts';
import { type Filter, parseFilter } from './filter.ts';
import { createHub, type Hub } from './hub.ts';
import { serveEndpoint } from './live.fixture.ts';
import { ofChannel } from './selection.ts';
import type { IoServer, IoSocket } from './socket-io-package.ts';
import { socketIoSubscriptions } from './socket-io-rooms.ts';
import { sseEndpoint } from './sse.ts';
import { supabaseCodec } from './supabase.ts';
import { createRooms } from './supabase-rooms.ts';

describe('room for subscriptions', () => {
  let hub: Hub;
  beforeEach(() => {
    hub = createHub({ mostWeight: 100 * 20 });
    // What others have: 100 are left, which is as much as one client may have.
    hub.subscribe({ ...selection(''), weight: { kept: 100 * 19, tried: 0 } }, () => undefined);
  });
  afterEach(() => hub.close());

  const channel = channelNamed('measurement-stream')!;
  const selection = (filter: string) => ofChannel(channel, parseFilter(filter, channel.columns) as Filter, undefined);
  const take = (filter: string) => hub.subscribe(selection(filter), () => undefined);
  const TRIED = 'value_mm=gt.';

  it('is for many that are found by value, and for few that are tried with each row', () => {
    for (let n = 0; n < 100; n++) {
      assert.ok(hub.hasRoom([selection(`session_id=eq.S${n}`)], 0), `${n}`);
      take(`session_id=eq.S${n}`);
    }
    assert.equal(hub.hasRoom([selection('')], 0), false);
    const weights = ['', 'session_id=eq.a', `${TRIED}1`, 'source=match.^ble', `session_id=eq.a,${TRIED}1`].map(
      filter => selection(filter).weight.tried,
    );
    assert.deepEqual(weights, [0, 0, 32, 288, 0]);
  });

  it('counts what is tried once, however many ask for it, until the last one leaves', () => {
    const same = Array.from({ length: 30 }, () => take(`${TRIED}1`));
    assert.ok(hub.hasRoom([selection(`${TRIED}2`)], 0), 'not thirty times');
    take(`${TRIED}2`);
    assert.equal(hub.hasRoom([selection(`${TRIED}3`)], 0), false);
    for (const one of same) one.close();
    for (const one of same) one.close();
    assert.ok(hub.hasRoom([selection(`${TRIED}3`), selection('session_id=eq.a')], 0), 'left twice counts once');
    assert.equal(
      hub.hasRoom(
        [3, 4, 5].map(n => selection(`${TRIED}${n}`)),
        0,
      ),
      false,
    );
  });

  it('is not for one client alone', () => {
    hub.close();
    hub = createHub({ mostWeight: 20 * 100 });
    const [one, other] = [connectedTo(hub), connectedTo(hub)];
    for (const [n, name] of ['measurement-stream', 'anomaly-alerts', 'alarms', 'device:D1'].entries()) {
      one.say({ id: n + 2, subscribe: { channel: name, data: { filter: `anomaly_score=lt.${n}` } } });
      assert.equal('subscribe' in one.lines[n]!, n < 3, name);
    }
    other.say(subscribe('measurement-stream', { filter: `${TRIED}1` }));
    assert.ok('subscribe' in other.lines[0]!);
  });

  it('is told by Centrifugo as something that passes', () => {
    const it = connectedTo(hub);
    it.say(subscribe('measurement-stream', { filter: 'source=match.^ble' }));
    const { code, temporary } = it.lines[0]!['error']!;
    assert.deepEqual([code, temporary], [111, true]);
    it.say({ ...subscribe('measurement-stream'), id: 3 });
    assert.ok('subscribe' in it.lines[1]!);
  });

  it('is told by Supabase as an error of the channel', () => {
    const frames: string[] = [];
    const session = supabaseCodec(createRooms())(hub, {
      send: frame => void frames.push(String(frame)),
      sendBytes: () => undefined,
      close: () => assert.fail('closed'),
      turn: work => work(),
      backlog: 0,
      query: new URLSearchParams('vsn=2.0.0'),
      headers: {},
      identify: () => ({ role: 'viewer' }),
    });
    const bindings = Array.from({ length: 100 }, (_, n) => ({ table: 'measurements', filter: `${TRIED}${n}` }));
    session.receive(JSON.stringify(['1', '1', 'realtime:x', 'phx_join', { config: { postgres_changes: bindings } }]));
    assert.match(frames.at(-1)!, /"status":"error".*too many subscriptions/);
  });

  it('is told by Socket.IO in its acknowledgement', () => {
    const subscriptions = socketIoSubscriptions(hub, {} as IoServer, { maxSubscriptions: 10 });
    const subscriber = subscriptions.of({} as IoSocket, { role: 'viewer' });
    const answer = subscriber.subscribe('measurement-stream', { filter: 'source=match.^ble' });
    assert.match('error' in answer ? answer.error : 'taken', /too many subscriptions/);
  });

  it('is told by server-sent events with 503', async () => {
    const endpoint = sseEndpoint(hub, openAdmission({ identify: () => ({ role: 'viewer' }) }));
    const served = await serveEndpoint(endpoint);
    const url = `http://${served.at}/sse?channel=measurement-stream&filter=source%3Dmatch.%5Eble`;
    assert.equal((await fetch(url)).status, 503);
    await endpoint.close();
    await served.close();
  });
});
