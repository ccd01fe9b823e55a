// Supabase Realtime with the public clients, unmodified: realtime-js in both versions of the protocol and supabase-js.
import assert from 'node:assert/strict';
import { laser } from './live.fixture.ts';
import { rowOfRecord } from './record.ts';
import { type Asked, type Change, follow, onSupabase } from './supabase-client.fixture.ts';
import { until } from '../../test/support/until.ts';

describe('live with the public Supabase clients', () => {
  const live = onSupabase();
  const { realtime, supabase } = live;

  for (const vsn of ['1.0.0', '2.0.0']) {
    it(`${vsn}: gives the rows of a binding, and no others`, async () => {
      const { changes, told, notes } = follow(realtime(vsn), 'measurement-stream', {
        ...{ event: 'INSERT', schema: 'public', table: 'measurements', filter: 'session_id=eq.S1' },
      });
      await told;
      assert.deepEqual(notes, ['Subscribed to PostgreSQL']);
      live.hub.publish([laser(1, { sessionId: 'S2' }), laser(2, { sessionId: 'S1', orgId: 'acme' })]);
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
    live.hub.publishRows([row('INSERT', 'I1'), row('UPDATE', 'I2'), row('DELETE', 'I1'), row('DELETE', 'I2')]);
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
    live.hub.publish([laser(1), laser(2), { ...laser(3, { receivedScore: -1 }) }]);
    live.hub.publish([{ ...laser(4), telemetry: { flow_rate: 4, totalizer: 7 } }]);
    await until(() => changes.length === 4);
    // Both bindings ask for the third: each callback is called, for one frame.
    assert.deepEqual(
      changes.map(({ new: row }) => row['value_mm'] ?? row),
      [2, 3, 3, { device_id: 'D1', flow_rate: 4 }],
    );
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

  it('takes everybody back after the line was cut, with their bindings', async () => {
    const { changes, statuses, told } = follow(realtime(), 'x', {
      event: '*',
      schema: 'public',
      table: 'measurements',
    });
    await told;
    live.cut();
    await until(() => statuses.filter(status => status === 'SUBSCRIBED').length === 2);
    live.hub.publish([laser(7)]);
    await until(() => changes.length === 1);
  });

  it('leaves, and joins again', async () => {
    const client = supabase();
    for (let round = 0; round < 2; round++) {
      const { channel, changes, told } = follow(client, 'x', { event: '*', schema: 'public', table: 'measurements' });
      await told;
      live.hub.publish([laser(round)]);
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
