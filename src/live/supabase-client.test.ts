// Supabase Realtime with the public clients, unmodified: realtime-js in both versions of the protocol and supabase-js.
import assert from 'node:assert/strict';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { RealtimeClient } from '@supabase/realtime-js';
import { WebSocket } from 'ws';
import { signToken, readToken } from '../kernel/token.ts';
import type { Identify } from '../reading/principal.ts';
import { type Admission, openAdmission } from './admission.ts';
import { type Endpoint, together } from './endpoint.ts';
import { createHub, type Hub } from './hub.ts';
import { laser, type Served, serveEndpoint } from './live.fixture.ts';
import { rowOfRecord } from './record.ts';
import { socketEndpoint } from './sockets.ts';
import { broadcastEndpoint } from './supabase-broadcast.ts';
import { createRooms } from './supabase-rooms.ts';
import { supabaseCodec } from './supabase.ts';
import { until } from '../../test/support/until.ts';

const SECRET = 'a secret of the tests';
type Change = { eventType: string; new: Record<string, unknown>; old: Record<string, unknown>; errors: unknown };

/** Tokens decide; any other text is the public key that everybody has. */
const identify: Identify = (request, given) => {
  const token = given ?? (request.headers['apikey'] as string | undefined) ?? '';
  if (token === 'wrong') return { refused: 'unknown key' };
  if (!token.startsWith('eyJ')) return { role: 'viewer' };
  const claims = readToken(token, SECRET, Date.now());
  if ('refused' in claims) return claims;
  return { role: claims.role, org: claims.org_id, subject: claims.sub, expiresAt: claims.exp * 1000 };
};

function tokenOf(org: string, seconds = 3600): string {
  return signToken({ sub: 'u', org_id: org, role: 'viewer', exp: Math.floor(Date.now() / 1000) + seconds }, SECRET);
}

describe('live with the public Supabase clients', () => {
  let hub: Hub;
  let admission: Admission;
  let endpoint: Endpoint;
  let served: Served;
  const clients: { disconnect(): unknown }[] = [];

  beforeEach(async () => {
    hub = createHub();
    admission = openAdmission({ identify });
    const rooms = createRooms();
    endpoint = together([
      socketEndpoint(hub, admission, {
        paths: ['/realtime/v1/websocket'],
        codec: supabaseCodec(rooms),
        maxFrameBytes: 1e6,
      }),
      broadcastEndpoint(rooms, admission),
    ]);
    served = await serveEndpoint(endpoint);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.disconnect();
    await endpoint.close();
    hub.close();
    await served.close();
  });

  function realtime(vsn = '2.0.0', apikey = 'anon', options: object = {}): RealtimeClient {
    const client = new RealtimeClient(`ws://${served.at}/realtime/v1`, {
      params: { apikey },
      vsn,
      transport: WebSocket as never,
      reconnectAfterMs: () => 20,
      ...options,
    } as never);
    clients.push(client);
    return client;
  }

  function supabase(key = 'anon'): SupabaseClient {
    const client = createClient(`http://${served.at}`, key, {
      realtime: { transport: WebSocket as never },
      auth: { persistSession: false, autoRefreshToken: false },
    });
    clients.push(client.realtime);
    return client;
  }

  type Asked = { event: string; schema?: string; table?: string; filter?: string; select?: string[] };

  /** Joins with one binding and collects its changes; resolves when the server has said that rows will come, or why not. */
  function follow(client: RealtimeClient | SupabaseClient, topic: string, ...asked: Asked[]) {
    const changes: Change[] = [];
    const statuses: string[] = [];
    const notes: string[] = [];
    const channel = client.channel(topic);
    for (const one of asked)
      channel.on('postgres_changes' as never, one as never, ((change: Change) => changes.push(change)) as never);
    channel.on('system' as never, {} as never, ((note: { message: string }) => notes.push(note.message)) as never);
    const told = new Promise<void>(resolve => {
      channel.subscribe((status: string, error?: Error) => {
        statuses.push(error === undefined ? status : `${status}: ${error.message}`);
        if (status !== 'SUBSCRIBED') resolve();
      });
      channel.on('system' as never, {} as never, (() => resolve()) as never);
    });
    return { channel, changes, statuses, notes, told };
  }

  for (const vsn of ['1.0.0', '2.0.0']) {
    it(`${vsn}: gives the rows of a binding, and no others`, async () => {
      const { changes, told, notes } = follow(realtime(vsn), 'measurement-stream', {
        ...{ event: 'INSERT', schema: 'public', table: 'measurements', filter: 'session_id=eq.S1' },
      });
      await told;
      assert.deepEqual(notes, ['Subscribed to PostgreSQL']);
      hub.publish([laser(1, { sessionId: 'S2' }), laser(2, { sessionId: 'S1', orgId: 'acme' })]);
      await until(() => changes.length > 0);
      const [{ eventType, new: row, old, errors }] = changes as [Change];
      assert.deepEqual([eventType, old, errors], ['INSERT', {}, null]);
      assert.deepEqual(row, {
        ...{ value_mm: 2, raw_hex: null, device_id: 'D1', session_id: 'S1', element_type: null, element_id: null },
        ...{ source: null, anomaly_score: null, timestamp: laser(2).timestamp, org_id: 'acme' },
      });
      assert.equal(changes.length, 1);
    });

    it(`${vsn}: broadcasts to the others, to itself and with acknowledgement where asked, also bytes`, async () => {
      const join = async (config: object) => {
        const heard: unknown[] = [];
        const channel = realtime(vsn).channel('room', { config: { broadcast: config } } as never);
        channel.on('broadcast', { event: '*' }, message => heard.push(message));
        await new Promise(resolve => channel.subscribe(status => status === 'SUBSCRIBED' && resolve(undefined)));
        return { channel, heard };
      };
      const one = await join({ ack: true });
      const two = await join({ self: true });
      assert.equal(await one.channel.send({ type: 'broadcast', event: 'é😀', payload: { n: 1 } }), 'ok');
      await until(() => two.heard.length === 1);
      assert.deepEqual(two.heard, [{ type: 'broadcast', event: 'é😀', payload: { n: 1 } }]);
      await two.channel.send({ type: 'broadcast', event: 'e', payload: { n: 2 } });
      await until(() => two.heard.length === 2 && one.heard.length === 1);
      if (vsn === '2.0.0') {
        await two.channel.send({ type: 'broadcast', event: 'raw', payload: Uint8Array.of(1, 2, 255).buffer as never });
        await until(() => one.heard.length === 2);
        const { payload } = one.heard[1] as { payload: ArrayBuffer };
        assert.deepEqual([...new Uint8Array(payload)], [1, 2, 255]);
      }
    });

    it(`${vsn}: shows who is there`, async () => {
      const join = async (key: string) => {
        const channel = realtime(vsn).channel('room', { config: { presence: { key } } } as never);
        channel.on('presence', { event: 'sync' }, () => {});
        await new Promise(resolve => channel.subscribe(status => status === 'SUBSCRIBED' && resolve(undefined)));
        return channel;
      };
      const ann = await join('ann');
      const bob = await join('bob');
      assert.equal(await ann.track({ at: 'pump' }), 'ok');
      await bob.track({ at: 'office' });
      const keys = (channel: typeof ann) => Object.keys(channel.presenceState()).sort().join();
      await until(() => keys(ann) === 'ann,bob' && keys(bob) === 'ann,bob');
      assert.equal((bob.presenceState()['ann']![0] as unknown as { at: string }).at, 'pump');
      const late = await join('late');
      await until(() => keys(late) === 'ann,bob');
      await ann.untrack();
      await until(() => keys(late) === 'bob');
      await bob.unsubscribe();
      await until(() => keys(late) === '');
    });
  }

  it('supabase-js: all events of a table, with old rows, and a filter on what was deleted', async () => {
    const all = follow(supabase(), 'x', { event: '*', schema: 'public', table: 'inspections' });
    const mine = follow(supabase(), 'inspection-events', {
      ...{ event: '*', schema: 'public', table: 'inspections', filter: 'inspector_id=eq.I1' },
    });
    await Promise.all([all.told, mine.told]);
    const row = (event: 'INSERT' | 'UPDATE' | 'DELETE', inspector_id: string) =>
      rowOfRecord('inspections', event, { id: 'u1', inspector_id, data: { a: [1] }, status: 'open' })!;
    hub.publishRows([row('INSERT', 'I1'), row('UPDATE', 'I2'), row('DELETE', 'I1'), row('DELETE', 'I2')]);
    await until(() => all.changes.length === 4);
    assert.deepEqual(
      all.changes.map(({ eventType, old }) => [eventType, old['id'], old['inspector_id']]),
      [
        ['INSERT', undefined, undefined],
        ['UPDATE', 'u1', undefined],
        ['DELETE', 'u1', 'I1'],
        ['DELETE', 'u1', 'I2'],
      ],
    );
    assert.deepEqual(all.changes[0]!.new['data'], { a: [1] });
    assert.deepEqual(
      mine.changes.map(({ eventType }) => eventType),
      ['INSERT', 'DELETE'],
    );
  });

  it('takes several bindings in one channel, a table without schema, chosen columns, and says each row once', async () => {
    const { changes, told } = follow(
      supabase(),
      'mixed',
      { event: 'INSERT', table: 'measurements', filter: 'value_mm=gt.1' },
      { event: 'INSERT', table: 'measurements', filter: 'anomaly_score=lt.0' },
      { event: '*', schema: 'public', table: 'flow_data', select: ['device_id', 'flow_rate'] },
    );
    await told;
    const frames: string[] = [];
    hub.publish([laser(1), laser(2), { ...laser(3, { receivedScore: -1 }) }]);
    hub.publish([{ ...laser(4), telemetry: { flow_rate: 4, totalizer: 7 } }]);
    await until(() => changes.length === 4);
    // Both bindings ask for the third: each callback is called, for one frame.
    assert.deepEqual(
      changes.map(({ new: row }) => row['value_mm'] ?? row),
      [2, 3, 3, { device_id: 'D1', flow_rate: 4 }],
    );
    assert.equal(frames.length, 0);
  });

  const faults: [what: string, asked: Asked, message: RegExp][] = [
    ['an unknown table', { event: '*', schema: 'public', table: 'nope' }, /table "nope" does not exist/],
    ['an unknown schema', { event: '*', schema: 'auth', table: 'devices' }, /schema "auth" does not exist/],
    [
      'a bad filter',
      { event: '*', schema: 'public', table: 'devices', filter: 'nope=eq.1' },
      /column nope does not exist/,
    ],
    [
      'a regular expression that cannot be',
      { event: '*', schema: 'public', table: 'devices', filter: 'name=match.(a' },
      /parenthesis is not closed/,
    ],
    ['unknown columns', { event: '*', schema: 'public', table: 'devices', select: ['nope'] }, /column "nope"/],
  ];
  for (const [what, asked, message] of faults)
    it(`tells ${what} by a system message, never by silence`, async () => {
      const { notes, statuses, told } = follow(supabase(), 'bad', asked);
      await told;
      assert.equal(statuses[0], 'SUBSCRIBED');
      assert.match(notes[0] ?? '', message);
    });

  it('keeps two organisations apart, whatever their filters say', async () => {
    const open = (org: string) =>
      follow(supabase(tokenOf(org)), 'same', {
        ...{ event: '*', schema: 'public', table: 'measurements', filter: 'org_id=in.(A,B)' },
      });
    const [a, b] = [open('A'), open('B')];
    await Promise.all([a.told, b.told]);
    hub.publish([laser(1, { orgId: 'A' }), laser(2, { orgId: 'B' }), laser(3)]);
    await until(() => a.changes.length > 0 && b.changes.length > 0);
    await new Promise(resolve => setTimeout(resolve, 20));
    const seen = ({ changes }: typeof a) => changes.map(({ new: row }) => row['value_mm']);
    assert.deepEqual([seen(a), seen(b)], [[1], [2]]);
  });

  it('refuses a wrong key, forged and expired tokens with a reason', async () => {
    const wrong = follow(supabase('wrong'), 'x', { event: '*', table: 'devices' });
    await wrong.told;
    assert.match(wrong.statuses[0]!, /4401.*invalid apikey/);
    for (const [token, reason] of [
      [`${tokenOf('A').slice(0, -2)}AA`, /signature/],
      [tokenOf('A', -1), /expired/],
    ] as const) {
      const client = realtime();
      await client.setAuth(token);
      const { statuses, told } = follow(client, 'x', { event: '*', table: 'devices' });
      await told;
      assert.match(statuses[0]!, reason);
    }
  });

  for (const headers of [{ 'x-api-key': tokenOf('A') }, { apikey: tokenOf('A') }])
    it(`takes its key from the header ${Object.keys(headers)}`, async () => {
      class Headed extends WebSocket {
        constructor(url: string) {
          super(url.replace('apikey=anon&', ''), { headers });
        }
      }
      const client = realtime('2.0.0', 'anon', { transport: Headed });
      const { changes, told } = follow(client, 'x', { event: '*', schema: 'public', table: 'measurements' });
      await told;
      hub.publish([laser(1, { orgId: 'B' }), laser(2, { orgId: 'A' })]);
      await until(() => changes.length > 0);
      assert.deepEqual(
        changes.map(({ new: row }) => row['value_mm']),
        [2],
      );
    });

  it('goes on with a new token, and ends with a bad one', async () => {
    const client = realtime('2.0.0', tokenOf('A'));
    await client.setAuth(tokenOf('A'));
    const asked = { event: '*', schema: 'public', table: 'measurements' };
    const { channel, changes, statuses, notes, told } = follow(client, 'x', asked);
    await told;
    await client.setAuth(tokenOf('B'));
    // What comes back behind the token shows that the server has read it.
    assert.equal(await channel.track({}), 'ok');
    hub.publish([laser(1, { orgId: 'A' }), laser(2, { orgId: 'B' })]);
    await until(() => changes.length > 0);
    assert.equal(changes[0]!.new['value_mm'], 2);
    await client.setAuth(tokenOf('B', -1));
    await until(() => statuses.includes('CLOSED'));
    assert.equal(notes.at(-1), 'token: expired');
  });

  it('ends a channel when its token ends', async () => {
    const client = realtime('2.0.0', tokenOf('A'));
    await client.setAuth(tokenOf('A', 2));
    const { statuses, told } = follow(client, 'x', { event: '*', schema: 'public', table: 'measurements' });
    await told;
    await until(() => statuses.includes('CLOSED'));
  });

  it('takes everybody back after the line was cut, with their bindings', async () => {
    const { changes, statuses, told } = follow(realtime(), 'x', {
      event: '*',
      schema: 'public',
      table: 'measurements',
    });
    await told;
    served.cut();
    await until(() => statuses.filter(status => status === 'SUBSCRIBED').length === 2);
    hub.publish([laser(7)]);
    await until(() => changes.length === 1);
  });

  it('leaves, and joins again', async () => {
    const client = supabase();
    for (let round = 0; round < 2; round++) {
      const { channel, changes, told } = follow(client, 'x', { event: '*', schema: 'public', table: 'measurements' });
      await told;
      hub.publish([laser(round)]);
      await until(() => changes.length === 1);
      assert.equal(await client.removeChannel(channel as never), 'ok');
    }
  });

  it('takes broadcasts over HTTP', async () => {
    const heard: unknown[] = [];
    const channel = realtime().channel('room');
    channel.on('broadcast', { event: '*' }, ({ event, payload }) => heard.push([event, payload]));
    await new Promise(resolve => channel.subscribe(status => status === 'SUBSCRIBED' && resolve(undefined)));
    const sender = supabase().channel('room');
    assert.equal(await sender.send({ type: 'broadcast', event: 'rest', payload: { n: 1 } }), 'ok');
    await sender.httpSend('direct', { n: 2 });
    await until(() => heard.length === 2);
    assert.deepEqual(heard, [
      ['rest', { n: 1 }],
      ['direct', { n: 2 }],
    ]);
  });
});
