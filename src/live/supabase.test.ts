// The Supabase codec without sockets: frames in, frames and close codes out, and whatever strangers may send.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fakeClock } from '../kernel/clock.ts';
import { createHub, type Hub } from './hub.ts';
import { laser } from './live.fixture.ts';
import { rowOfRecord } from './record.ts';
import { createRooms } from './supabase-rooms.ts';
import { type SupabaseOptions, supabaseCodec } from './supabase.ts';

type Frame = [joinRef: string | null, ref: string | null, topic: string, event: string, payload: Record<string, never>];

describe('Supabase codec', () => {
  const clock = fakeClock();
  let hub: Hub;
  beforeEach(() => {
    hub = createHub({ batchMs: 60_000 });
  });
  afterEach(() => hub.close());

  function client(options: SupabaseOptions = {}, query = 'vsn=2.0.0&apikey=anon', rooms = createRooms()) {
    const it = { frames: [] as Frame[], bytes: [] as Buffer[], closed: undefined as number | undefined, backlog: 0 };
    const session = supabaseCodec(rooms, { clock, ...options })(hub, {
      send: frame => void it.frames.push(JSON.parse(String(frame))),
      turn: work => work(),
      sendBytes: frame => void it.bytes.push(frame),
      close({ code }) {
        assert.equal(it.closed, undefined, 'closed once');
        it.closed = code;
      },
      get backlog() {
        return it.backlog;
      },
      query: new URLSearchParams(query),
      headers: {},
      identify: () => ({ role: 'viewer' }),
    });
    const say = (...frame: unknown[]) => session.receive(JSON.stringify(frame));
    const join = (topic: string, ...bindings: object[]) =>
      say('1', '1', topic, 'phx_join', { config: { postgres_changes: bindings } });
    return Object.assign(it, { session, say, join });
  }

  const measurements = { event: 'INSERT', schema: 'public', table: 'measurements' };

  it('answers a join with the bindings as they were asked for, then says that rows come, then sends rows', () => {
    const it = client();
    const asked = [
      { ...measurements, filter: 'session_id=eq.S1' },
      { event: '*', table: 'devices' },
    ];
    it.join('realtime:any name', ...asked);
    hub.publish([laser(1, { sessionId: 'S1' })]);
    hub.flush();
    const [reply, note, ...rows] = it.frames;
    const { status, response } = reply![4] as unknown as { status: string; response: { postgres_changes: object[] } };
    assert.deepEqual(reply!.slice(0, 4), ['1', '1', 'realtime:any name', 'phx_reply']);
    assert.equal(status, 'ok');
    const bindings = response.postgres_changes as { id: number }[];
    assert.deepEqual(
      bindings.map(({ id, ...rest }) => [id > 0 && Number.isSafeInteger(id), rest]),
      asked.map(one => [true, one]),
    );
    assert.deepEqual(note, [
      ...[null, null, 'realtime:any name', 'system'],
      { extension: 'postgres_changes', status: 'ok', message: 'Subscribed to PostgreSQL', channel: 'any name' },
    ]);
    assert.deepEqual(
      rows.map(([, , , event, payload]) => [
        event,
        payload['ids'],
        (payload['data'] as unknown as { table: string }).table,
      ]),
      [
        ['postgres_changes', [bindings[0]!.id], 'measurements'],
        ['postgres_changes', [bindings[1]!.id], 'devices'],
      ],
    );
  });

  it('takes null for what is left out of a binding, and answers it as it came', () => {
    const it = client();
    const asked = { event: null, schema: null, table: 'measurements', filter: null, select: null };
    it.join('realtime:x', asked);
    const [reply, note] = it.frames;
    const { response } = reply![4] as unknown as { response: { postgres_changes: [object] } };
    const { id, ...told } = response.postgres_changes[0] as { id: number };
    assert.deepEqual([id > 0, told], [true, asked]);
    assert.equal(note![4]['status'], 'ok');
    hub.publish([laser(1)]);
    hub.flush();
    assert.equal(it.frames.length, 3);
  });

  it('tells the types of the columns by their names in PostgreSQL', () => {
    const it = client();
    it.join('realtime:x', measurements);
    hub.publishRows([
      rowOfRecord('measurements', 'INSERT', { id: 7, device_id: 'D', value_mm: 1, metadata: { a: 1 } })!,
    ]);
    hub.flush();
    const data = it.frames.at(-1)![4]['data'] as unknown as {
      columns: { name: string; type: string }[];
      record: Record<string, unknown>;
    };
    const type = (name: string) => data.columns.find(column => column.name === name)?.type;
    assert.deepEqual(['id', 'device_id', 'value_mm', 'metadata', 'org_id'].map(type), [
      'int8',
      'text',
      'float8',
      'jsonb',
      'text',
    ]);
    assert.deepEqual([data.record['id'], data.record['metadata']], [7, { a: 1 }]);
  });

  it('tells of a row that is too large its short fields, and that it does', () => {
    const it = client();
    it.join('realtime:x', { event: '*', table: 'inspections' });
    hub.publishRows([rowOfRecord('inspections', 'INSERT', { id: 'u', data: { photo: 'x'.repeat(1_100_000) } })!]);
    hub.flush();
    const data = it.frames.at(-1)![4]['data'] as unknown as { record: Record<string, unknown>; errors: string[] };
    assert.deepEqual([data.record['id'], data.record['data']], ['u', undefined]);
    assert.deepEqual(data.errors, ['Error 413: Payload Too Large']);
  });

  it('makes a frame once for all channels that are alike', () => {
    const sent = new Set<unknown>();
    const rooms = createRooms();
    for (let n = 0; n < 50; n++) {
      const session = supabaseCodec(rooms, { clock })(hub, {
        send: frame => void (String(frame).includes('"ids"') && sent.add(frame)),
        turn: work => work(),
        sendBytes: () => {},
        close: () => {},
        backlog: 0,
        query: new URLSearchParams('vsn=2.0.0'),
        headers: {},
        identify: () => ({ role: 'viewer' }),
      });
      const config = { postgres_changes: [measurements] };
      session.receive(JSON.stringify([`${n}`, '1', 'realtime:x', 'phx_join', { config }]));
    }
    hub.publish([laser(1)]);
    hub.flush();
    assert.equal(sent.size, 1);
  });

  it('holds the answer to a join that waits, and refuses it where it cannot be served', () => {
    const it = client();
    const config = {
      postgres_changes: [{ event: '*', table: 'nope' }],
      postgres_changes_options: { wait: true },
    };
    it.say('1', '1', 'realtime:x', 'phx_join', { config });
    const { status, response } = it.frames[0]![4] as unknown as { status: string; response: { reason: string } };
    assert.equal(status, 'error');
    assert.match(response.reason, /^\w+: .*table "nope" does not exist/);
  });

  const watching: [config: object, first: string][] = [
    [{ presence: { key: 'old' } }, 'presence_state'],
    [{ presence: { key: '', enabled: true } }, 'presence_state'],
    [{ presence: { key: '', enabled: false } }, 'system'],
    [{}, 'system'],
  ];
  for (const [config, first] of watching)
    it(`tells ${JSON.stringify(config)} who is there: ${first === 'presence_state'}`, () => {
      const it = client();
      it.say('1', '1', 'realtime:x', 'phx_join', { config: { ...config, postgres_changes: [measurements] } });
      assert.equal(it.frames[1]![3], first);
      it.say('1', '2', 'realtime:x', 'presence', { event: 'track', payload: {} });
      const events = it.frames.map(([, , , event]) => event);
      assert.ok(
        events.includes('presence_state') && events.indexOf('presence_state') < events.indexOf('presence_diff'),
      );
      assert.equal(events.filter(event => event === 'presence_state').length, 1);
    });

  it('replaces a channel that is joined twice', () => {
    const it = client();
    it.join('realtime:x', measurements);
    it.say('2', '2', 'realtime:x', 'phx_join', { config: {} });
    assert.deepEqual(it.frames.at(-2)!.slice(0, 4), ['1', null, 'realtime:x', 'phx_close']);
    hub.publish([laser(1)]);
    hub.flush();
    assert.equal(it.frames.at(-1)![3], 'phx_reply', 'no row');
  });

  it('limits channels and bindings, and sends away who is silent, slow or never silent', () => {
    const it = client({ maxChannels: 2 });
    for (const topic of ['realtime:a', 'realtime:b', 'realtime:c']) it.join(topic);
    assert.match(JSON.stringify(it.frames.at(-1)), /ChannelRateLimitReached: Too many channels/);
    it.join('realtime:a', ...Array.from({ length: 101 }, () => measurements));
    assert.match(JSON.stringify(it.frames.at(-1)), /TooManyBindings/);
    clock.advance(60_001);
    it.session.tick();
    assert.equal(it.closed, 4408);

    const slow = client({ queueBytes: 100 });
    slow.join('realtime:x', measurements);
    slow.backlog = 101;
    hub.publish([laser(1)]);
    hub.flush();
    assert.equal(slow.closed, 4413);

    const loud = client({ framesPerSecond: 10, maxChannels: 1 });
    for (let n = 0; n < 100 && loud.closed === undefined; n++) loud.say(null, `${n}`, 'phoenix', 'heartbeat', {});
    assert.equal(loud.closed, 4429);
  });

  it('asks clients to come back when it is stopped', () => {
    const it = client();
    it.session.shutdown();
    assert.equal(it.closed, 1012);
    it.say('1', '1', 'realtime:x', 'phx_join', {});
    assert.deepEqual(it.frames, []);
  });

  const answers: [what: string, frame: unknown[], answer: RegExp][] = [
    ['a heartbeat', [null, '7', 'phoenix', 'heartbeat', {}], /^\[null,"7","phoenix","phx_reply",\{"status":"ok"/],
    ['another topic', ['1', '1', 'room', 'phx_join', {}], /unmatched topic/],
    ['an unknown event', ['1', '1', 'realtime:x', 'toString', {}], /unmatched event toString/],
    ['a broadcast before the join', ['1', '1', 'realtime:x', 'broadcast', { event: 'e' }], /unmatched topic/],
    ['presence before the join', ['1', '1', 'realtime:x', 'presence', {}], /unmatched topic/],
    ['leaving what was never joined', ['1', '2', 'realtime:x', 'phx_leave', {}], /"phx_close"/],
    ['a join without anything', ['1', '1', 'realtime:x', 'phx_join', null], /"status":"ok"/],
    ['bindings that are no list', ['1', '1', 'realtime:x', 'phx_join', { config: { postgres_changes: 7 } }], /"ok"/],
  ];
  for (const [what, frame, answer] of answers)
    it(`answers ${what}`, () => {
      const it = client();
      it.say(...frame);
      assert.match(JSON.stringify(it.frames.at(-1)), answer);
      assert.equal(it.closed, undefined);
    });

  for (const frame of [
    '',
    'hello',
    '7',
    'null',
    '[1,2',
    '{}',
    '[null,null,7,"x",{}]',
    Buffer.of(3, 255, 255, 1, 1, 0, 1),
  ])
    it(`closes 4400 on ${JSON.stringify(String(frame))}`, () => {
      const it = client();
      it.session.receive(frame);
      assert.equal(it.closed, 4400);
    });

  it('puts no text of a client into a frame unless it is JSON', () => {
    const rooms = createRooms();
    const hears = client({}, 'vsn=1.0.0', rooms);
    const tells = client({}, 'vsn=2.0.0', rooms);
    for (const it of [hears, tells]) {
      const join = { topic: 'realtime:x', event: 'phx_join', payload: {}, ref: '1', join_ref: '1' };
      it.session.receive(JSON.stringify(it === hears ? join : ['1', '1', 'realtime:x', 'phx_join', {}]));
    }
    tells.say('1', '2', 'realtime:x', 'broadcast', { event: 'e', payload: '{"a' });
    const header = (payload: string) =>
      Buffer.concat([Buffer.of(3, 0, 0, 10, 1, 0, 1), Buffer.from(`realtime:xe${payload}`)]);
    assert.equal((hears.frames.at(-1) as unknown as { payload: { payload: string } }).payload.payload, '{"a');
    tells.session.receive(header('{"a'));
    assert.equal(tells.closed, 4400);
  });

  it('never throws, whatever the frame', () => {
    const texts = fc.oneof(fc.json(), fc.string(), fc.constantFrom('realtime:x', 'phoenix'));
    const event = fc.constantFrom('phx_join', 'phx_leave', 'broadcast', 'presence', 'access_token', 'heartbeat', 'x');
    const config = fc.record({
      config: fc.record({ postgres_changes: fc.array(fc.anything()), presence: fc.anything() }),
    });
    const payload = fc.oneof(fc.anything(), config, fc.record({ event: fc.string(), payload: fc.anything() }));
    fc.assert(
      fc.property(fc.array(fc.tuple(texts, event, payload), { maxLength: 8 }), fc.uint8Array(), (frames, bytes) => {
        const it = client();
        it.join('realtime:x');
        for (const [topic, event, payload] of frames) it.say('1', '1', topic, event, payload);
        it.session.receive(Buffer.from(bytes));
        it.session.tick();
        it.session.closed();
      }),
    );
  });
});
