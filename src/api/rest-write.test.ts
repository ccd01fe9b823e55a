// Writes of /rest/v1 with the unmodified @supabase/supabase-js on a real PostgreSQL: inserts, changes, and who may not.
import assert from 'node:assert/strict';
import { restWorld } from '../../test/api/rest-world.ts';
import { openWorld, tokenFor } from './api.fixture.ts';
import { MEASUREMENT } from '../../test/support/seed-words.ts';

type Row = Record<string, unknown>;

describe('REST for supabase-js: writes', () => {
  const at = restWorld();

  it('writes nothing for who takes one row and names several, or none', async () => {
    const table = at.operator().from('inspections');
    await table.insert([{ inspector_id: 'a' }, { inspector_id: 'b' }, { inspector_id: 'b' }]);
    const two = await table
      .insert([{ inspector_id: 'c' }, { inspector_id: 'c' }])
      .select()
      .single();
    assert.deepEqual([two.status, two.error?.details], [406, 'The result contains 2 rows']);
    const both = await table.update({ status: 'done' }).eq('inspector_id', 'b').select().single();
    assert.deepEqual([both.status, both.error?.details], [406, 'The result contains 2 rows']);
    const none = await table.update({ status: 'done' }).eq('inspector_id', 'x').select().maybeSingle();
    assert.deepEqual([none.data, none.error], [null, null]);
    const limited = await table.update({ status: 'done' }).eq('inspector_id', 'b').select().limit(1);
    assert.deepEqual([limited.status, limited.error?.code], [400, 'PGRST100'], 'it would have changed both');
    const all = await table.select('inspector_id,status').order('inspector_id');
    assert.deepEqual(all.data, [
      { inspector_id: 'a', status: 'open' },
      { inspector_id: 'b', status: 'open' },
      { inspector_id: 'b', status: 'open' },
    ]);
    const one = await table.update({ status: 'done' }).eq('inspector_id', 'a').select('status').single();
    assert.deepEqual(one.data, { status: 'done' });
  });

  it('counts and orders what was written', async () => {
    const table = at.operator().from('inspections');
    const rows = ['z', 'a', 'm'].map(inspector_id => ({ inspector_id }));
    assert.equal((await table.insert(rows, { count: 'exact' })).count, 3);
    const changed = await table
      .update({ status: 'done' }, { count: 'exact' })
      .neq('inspector_id', 'm')
      .select('inspector_id')
      .order('inspector_id');
    assert.deepEqual([changed.count, changed.data], [2, [{ inspector_id: 'a' }, { inspector_id: 'z' }]]);
    assert.equal((await table.update({ status: 'x' }, { count: 'exact' }).eq('inspector_id', 'none')).count, 0);
  });

  it('inserts measurements by the flow and gives the rows back', async () => {
    const message = { ...MEASUREMENT, raw_hex: 'c055', device_id: 'aa-bb-cc-dd-ee-ff' };
    const first = await at.operator().from('measurements').insert(message);
    assert.deepEqual([first.status, first.data, first.error], [201, null, null]);
    const again = await at
      .operator()
      .from('measurements')
      .insert(message)
      .select('device_id,value_mm,anomaly_score,timestamp,org_id')
      .single();
    assert.deepEqual(again.data, {
      device_id: 'AA:BB:CC:DD:EE:FF',
      value_mm: 2450,
      anomaly_score: 0.85,
      timestamp: '2026-02-11T14:30:00.000Z',
      org_id: 'north',
    });
    const many = await at
      .operator()
      .from('measurements')
      .insert([
        { device_id: 'x', value_mm: 1 },
        { device_id: 'y', value_mm: '2' },
      ])
      .select();
    assert.deepEqual((many.data as Row[]).map(row => row['value_mm']).toSorted(), [1, 2]);
    assert.equal((await at.anonymous().from('measurements').select('*', { head: true, count: 'exact' })).count, 13);
  });

  const badRows: [name: string, rows: Row | Row[], code: string, says: RegExp][] = [
    ['no device', { value_mm: 1 }, '23502', /device_id: expected/],
    ['a name with what cannot be seen', { device_id: 'x\u0007', value_mm: 1 }, '23502', /device_id: expected/],
    ['a name that would be cut', { device_id: 'x'.repeat(201), value_mm: 1 }, '23502', /device_id: expected/],
    ['no time', { device_id: 'x', value_mm: 1, timestamp: 'never' }, '22007', /timestamp: expected an ISO 8601 time/],
    ['no value', { device_id: 'x' }, '22P02', /value_mm: expected a number/],
    ['no number', { device_id: 'x', value_mm: 'wide' }, '22P02', /value_mm/],
    [
      'one of two is bad',
      [
        { device_id: 'x', value_mm: 1 },
        { device_id: 'x', value_mm: null },
      ],
      '22P02',
      /^row 2: value_mm/,
    ],
    [
      'an unknown column',
      { device_id: 'x', value_mm: 1, '"; DROP TABLE measurements; --': 1 },
      'PGRST204',
      /Could not find/,
    ],
    ['an id', { device_id: 'x', value_mm: 1, id: 5 }, 'PGRST204', /'id'/],
    ['another organisation', { device_id: 'x', value_mm: 1, org_id: 'south' }, '42501', /org_id/],
  ];
  for (const [name, rows, code, says] of badRows)
    it(`refuses a measurement: ${name}`, async () => {
      const { error, status } = await at
        .operator()
        .from('measurements')
        .insert(rows as Row);
      assert.deepEqual([status >= 400 && status < 500, error?.code], [true, code]);
      assert.match(error!.message, says);
      assert.equal((await at.anonymous().from('measurements').select('*', { head: true, count: 'exact' })).count, 10);
    });

  it('inserts, changes and shows inspections, within the organisation', async () => {
    const made = await at
      .operator()
      .from('inspections')
      .insert({ inspector_id: 'ana', session_id: 's1', data: [1, 2] })
      .select()
      .single();
    assert.deepEqual([made.status, made.data.status, made.data.org_id, made.data.data], [201, 'open', 'north', [1, 2]]);
    const changed = await at
      .operator()
      .from('inspections')
      .update({ status: 'done' })
      .eq('id', made.data.id)
      .select('status')
      .single();
    assert.deepEqual(changed.data, { status: 'done' });
    const silent = await at
      .operator()
      .from('inspections')
      .update({ data: null })
      .or(`id.eq.${made.data.id},status.eq.none`);
    assert.deepEqual([silent.status, silent.error], [204, null]);
    const south = at.client(tokenFor('operator', 'south'));
    assert.deepEqual(
      (await south.from('inspections').update({ status: 'stolen' }).eq('id', made.data.id).select()).data,
      [],
    );
    assert.deepEqual((await south.from('inspections').select()).data, []);
    assert.deepEqual((await south.from('measurements').select('value_mm').order('value_mm')).data, [
      { value_mm: 800 },
      { value_mm: 900 },
    ]);
    const twice = await at.operator().from('inspections').insert({ id: made.data.id });
    assert.deepEqual([twice.status, twice.error?.code], [409, '23505']);
  });

  it('refuses writes to whom may not, and what is not offered', async () => {
    const measured = { device_id: 'x', value_mm: 1 };
    const cases = [
      [await at.anonymous().from('measurements').insert(measured), 401, '42501'],
      [await at.client(tokenFor('viewer', 'north')).from('measurements').insert(measured), 403, '42501'],
      [await at.operator().from('devices').insert({ device_id: 'x' }), 403, '42501'],
      [await at.operator().from('measurements').update({ value_mm: 2 }).eq('device_id', 'd1'), 403, '42501'],
      [await at.operator().from('measurements').upsert(measured), 400, 'PGRST100'],
      [await at.operator().from('inspections').update({ status: 'x' }), 400, '21000'],
      [await at.operator().from('inspections').delete().eq('status', 'open'), 405, 'PGRST117'],
      [await at.operator().schema('private').from('inspections').select(), 406, 'PGRST106'],
      [
        await at
          .client(`${tokenFor('operator', 'north')}x`)
          .from('inspections')
          .select(),
        401,
        'PGRST301',
      ],
    ] as const;
    for (const [at, [{ status, error }, expected, code]] of cases.entries())
      assert.deepEqual([at, status, error?.code], [at, expected, code]);
  });

  it('says so where no flow takes measurements', async () => {
    const other = await openWorld(at.store.query);
    const answer = await other.send(
      'POST',
      '/rest/v1/measurements',
      { device_id: 'x', value_mm: 1 },
      { authorization: `Bearer ${tokenFor('operator', 'north')}` },
    );
    assert.deepEqual([answer.status, ((await answer.json()) as Row)['code']], [503, 'PGRST000']);
    await other.close();
  });
});
