// Reads of /rest/v1 with the unmodified @supabase/supabase-js on a real PostgreSQL, and refusals in PostgREST's own form.
import assert from 'node:assert/strict';
import { restWorld } from '../../test/api/rest-world.ts';
import { openWorld } from './api.fixture.ts';

type Row = Record<string, unknown>;

describe('REST for supabase-js: reads', () => {
  const at = restWorld();

  /** Values in mm / 100 that a query gives. */
  const numbers = ({ data, error }: { data: unknown; error: unknown }): number[] => {
    assert.equal(error, null, JSON.stringify(error));
    return (data as Row[]).map(row => Number(row['value_mm']) / 100).toSorted((a, b) => a - b);
  };
  const table = () => at.anonymous().from('measurements').select('value_mm');
  type Filtered = ReturnType<typeof table>;

  const filters: [name: string, filter: (query: Filtered) => Filtered, expected: number[]][] = [
    ['nothing', query => query, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ['eq on text', query => query.eq('session_id', 's1'), [1, 4, 7]],
    ['eq on a number, as a number', query => query.eq('value_mm', '0900.0'), [9]],
    ['neq', query => query.neq('session_id', 's1').gte('value_mm', 500), [5, 6, 8, 9]],
    ['gt and lte', query => query.gt('value_mm', 700).lte('value_mm', 900), [8, 9]],
    ['lt on a time', query => query.lt('timestamp', '2026-02-11T15:02:00+01:00'), [0, 1]],
    ['like', query => query.like('source', 'ble%').eq('value_mm', 0), [0]],
    ['ilike with *', query => query.ilike('source', '*MOB*').eq('value_mm', 0), [0]],
    ['likeAllOf', query => query.likeAllOf('source', ['ble*', '*mobile']).lt('value_mm', 100), [0]],
    ['likeAnyOf', query => query.likeAnyOf('source', ['x*', '*mobile']).lt('value_mm', 100), [0]],
    ['match', query => query.filter('session_id', 'match', '^s[01]$').lt('value_mm', 300), [0, 1]],
    ['is null', query => query.is('element_type', null), [0, 4, 8]],
    ['not is null', query => query.not('element_type', 'is', null).gt('value_mm', 600), [7, 9]],
    ['in', query => query.in('value_mm', [100, 300, 12345]), [1, 3]],
    ['in with commas and quotes', query => query.in('session_id', ['s1', 'a,b', 'c"d', '(e)']), [1, 4, 7]],
    ['in nothing', query => query.in('value_mm', []), []],
    ['not in', query => query.not('value_mm', 'in', '(0,100,200)').lt('value_mm', 500), [3, 4]],
    ['isdistinct', query => query.filter('element_type', 'isdistinct', 'gevel'), [0, 4, 8]],
    ['match by object', query => query.match({ session_id: 's1', device_id: 'd1' }), [1, 7]],
    ['or', query => query.or('value_mm.eq.0,value_mm.gt.800'), [0, 9]],
    ['or with and', query => query.or('and(value_mm.gte.100,value_mm.lte.200),session_id.eq."s1"'), [1, 2, 4, 7]],
    ['or with not', query => query.or('value_mm.not.gt.100,not.and(value_mm.lt.800,value_mm.gt.1)'), [0, 1, 8, 9]],
    ['or with in and null', query => query.or('value_mm.in.(100,200),element_type.is.null'), [0, 1, 2, 4, 8]],
    ['anomalies, as the app asks', query => query.lt('anomaly_score', 0), [7]],
    ['a value that looks like SQL', query => query.eq('session_id', `s1' OR '1'='1`), []],
    ['a value with every sign', query => query.eq('session_id', `";--\\ %_*(){}.,é\u{1f600}`), []],
  ];
  for (const [name, filter, expected] of filters)
    it(`filters: ${name}`, async () => assert.deepEqual(numbers(await filter(table())), expected));

  it('selects columns, other names and paths into JSON', async () => {
    await at.store.query(
      `INSERT INTO inspections (id, data) VALUES ('11111111-1111-1111-1111-111111111111', '{"walls": [{"name": "east"}], "floor": 2}')`,
    );
    const { data } = await at
      .anonymous()
      .from('inspections')
      .select('key:id,floor:data->floor,data->walls->0->>name,data->none')
      .single();
    assert.deepEqual(data, { key: '11111111-1111-1111-1111-111111111111', floor: 2, name: 'east', none: null });
    const found = await at
      .anonymous()
      .from('inspections')
      .select('id')
      .eq('data->>floor', '2')
      .contains('data', { floor: 2 });
    assert.equal(found.data?.length, 1);
    const whole = await at.anonymous().from('measurements').select().eq('value_mm', 100).maybeSingle();
    assert.equal(whole.error, null);
    assert.equal((whole.data as Row)['timestamp'], '2026-02-11T14:01:00.000Z');
    assert.equal(typeof (whole.data as Row)['id'], 'number');
    assert.ok(!('digest' in (whole.data as Row)));
  });

  const casts: [select: string, row: Row][] = [
    ['id:session_id::text,value_mm::text', { id: 's1', value_mm: '100' }],
    ['mm:value_mm::int,score:anomaly_score::bool', { mm: 100, score: true }],
    ['timestamp::text', { timestamp: '2026-02-11T14:01:00.000Z' }],
    ['"a b":session_id::varchar,metadata->>no::int', { 'a b': 's1', no: null }],
  ];
  for (const [select, row] of casts)
    it(`casts ${select}`, async () => {
      const { data, error } = await at.anonymous().from('measurements').select(select).eq('value_mm', 100);
      assert.deepEqual([error, data], [null, [row]]);
    });

  it('calls an element of a list as the list is called', async () => {
    await at.store.query(`INSERT INTO inspections (data) VALUES ('{"walls": [{"n": 1}, 7]}')`);
    const { data } = await at.anonymous().from('inspections').select('data->walls->1,data->0,x:data->walls->0->n');
    assert.deepEqual(data, [{ walls: 7, data: null, x: 1 }]);
  });

  it('orders, limits, ranges and counts', async () => {
    const ordered = await table()
      .order('session_id', { ascending: false })
      .order('value_mm', { ascending: true })
      .limit(3);
    assert.deepEqual(
      (ordered.data as Row[]).map(row => row['value_mm']),
      [200, 500, 800],
    );
    const nulls = await at
      .anonymous()
      .from('measurements')
      .select('element_type')
      .order('element_type', { nullsFirst: true })
      .limit(1);
    assert.deepEqual(nulls.data, [{ element_type: null }]);
    const page = await at
      .anonymous()
      .from('measurements')
      .select('value_mm', { count: 'exact' })
      .order('value_mm')
      .range(4, 5);
    assert.deepEqual(
      [page.status, page.count, (page.data as Row[]).map(row => row['value_mm'])],
      [206, 10, [400, 500]],
    );
    const head = await at
      .anonymous()
      .from('measurements')
      .select('*', { count: 'exact', head: true })
      .lt('value_mm', 300);
    assert.deepEqual([head.count, head.data], [3, null]);
    const answer = await fetch(`${at.world.base}/rest/v1/measurements?limit=4&offset=7`, {
      method: 'HEAD',
      headers: { prefer: 'count=exact' },
    });
    assert.deepEqual([answer.status, answer.headers.get('content-range')], [206, '7-9/10']);
    const range = await at.world.get('/rest/v1/measurements?select=value_mm&order=value_mm', {
      range: '8-20',
      'range-unit': 'items',
    });
    assert.equal(range.headers.get('content-range'), '8-9/*');
    const none = await at.world.get('/rest/v1/measurements?value_mm=gt.1000');
    assert.equal(none.headers.get('content-range'), '*/*');
  });

  it('gives exactly one row as an object, or says how many there are', async () => {
    const one = await table().eq('value_mm', 100).single();
    assert.deepEqual(one.data, { value_mm: 100 });
    const none = await table().eq('value_mm', 1).single();
    assert.deepEqual([none.status, none.error?.code], [406, 'PGRST116']);
    assert.equal(none.error?.details, 'The result contains 0 rows');
    assert.equal((await table().eq('value_mm', 1).maybeSingle()).data, null);
    const csv = await table().eq('value_mm', 100).csv();
    assert.equal(csv.data, 'value_mm\r\n100\r\n');
  });
  it('shows what the dashboard of seed 004 asks for, each organisation its own', async () => {
    await at.store.query(
      `INSERT INTO devices (device_id, last_seen, org_id) VALUES ('f1', now(), 'north'), ('f2', NULL, 'south')`,
    );
    await at.store.query(
      `INSERT INTO flow_data (device_id, flow_rate, org_id) VALUES ('f1', 2, 'north'), ('f2', 4, 'south')`,
    );
    const all = await at.anonymous().from('dashboard_summary').select().single();
    assert.deepEqual(all.data, { total_devices: 2, online_devices: 1, active_alerts: 0 });
    const north = await at.operator().from('dashboard_summary').select('total_devices').single();
    assert.deepEqual(north.data, { total_devices: 1 });
    assert.deepEqual((await at.operator().from('flow_data_hourly').select('device_id,avg_flow_rate')).data, [
      { device_id: 'f1', avg_flow_rate: 2 },
    ]);
  });

  const refusals: [name: string, path: string, status: number, code: string][] = [
    ['an unknown table', 'users', 404, 'PGRST205'],
    ['a table of PostgreSQL', 'pg_catalog.pg_authid', 404, 'PGRST205'],
    ['the keys', 'api_keys', 404, 'PGRST205'],
    ['a path', '..%2f..%2fetc%2fpasswd', 404, 'PGRST205'],
    ['a prototype', '__proto__', 404, 'PGRST205'],
    ['an unknown column', 'measurements?select=hash', 400, '42703'],
    ['a hidden column', 'measurements?digest=is.null', 400, '42703'],
    ['a column of the prototype', 'measurements?constructor=eq.1', 400, '42703'],
    ['a cast to a type that is none', 'measurements?select=value_mm::regclass', 400, 'PGRST100'],
    ['SQL in a cast', `measurements?select=${encodeURIComponent('value_mm::text;drop table devices')}`, 400, '42703'],
    ['a value that cannot be cast', 'measurements?select=device_id::int', 400, '22P02'],
    ['an aggregate', 'measurements?select=value_mm.avg()', 400, 'PGRST100'],
    ['an embedded table', 'measurements?select=*,devices(*)', 400, 'PGRST200'],
    ['an unknown operator', 'measurements?value_mm=near.5', 400, 'PGRST100'],
    ['full-text search', 'measurements?source=fts.cat', 400, 'PGRST100'],
    ['a range operator', 'measurements?value_mm=sl.(1,2)', 400, 'PGRST100'],
    ['no operator', 'measurements?value_mm=5', 400, 'PGRST100'],
    ['a value that is no number', 'measurements?value_mm=eq.abc', 400, '22P02'],
    ['a time that is none', 'measurements?timestamp=gt.yesterdayish', 400, '22007'],
    ['a broken pattern', 'measurements?source=match.(', 400, '2201B'],
    ['an exploding pattern', `measurements?source=match.${encodeURIComponent('(a*)*\\1$')}`, 400, 'PGRST100'],
    ['like on a number', 'measurements?value_mm=like.1*', 400, 'PGRST100'],
    ['is true on a text', 'measurements?source=is.true', 400, 'PGRST100'],
    ['an open parenthesis', 'measurements?or=(value_mm.eq.1', 400, 'PGRST100'],
    ['an open quote', 'measurements?source=in.("a)', 400, 'PGRST100'],
    ['too deep a tree', `measurements?or=${'(and'.repeat(20)}(value_mm.eq.1)${')'.repeat(20)}`, 400, 'PGRST100'],
    ['a NUL', 'measurements?source=eq.%00', 400, 'PGRST100'],
    ['a direction that is none', 'measurements?order=value_mm.up', 400, '42703'],
    ['SQL in order', 'measurements?order=value_mm;drop table devices', 400, '42703'],
    ['SQL in an alias', `measurements?select=${encodeURIComponent('a;b:value_mm')}`, 400, 'PGRST100'],
    ['a negative limit', 'measurements?limit=-1', 400, 'PGRST100'],
    ['an offset behind the end', 'measurements?offset=100', 416, 'PGRST103'],
  ];
  it('ends a regular expression that never comes to an end, as the fault of who asked', async () => {
    const world = await openWorld(at.store.query, { brief: at.store.within(200) });
    await at.store.query(`UPDATE measurements SET source = repeat('a', 100000)`);
    const endless = encodeURIComponent('(a?){255}a{255}b');
    for (const filter of [`source=match.${endless}`, `or=(source.not.imatch.${endless},value_mm.lt.0)`]) {
      const answer = await world.get(`/rest/v1/measurements?${filter}`);
      assert.deepEqual([answer.status, ((await answer.json()) as Row)['code']], [400, '57014']);
    }
    assert.deepEqual(at.store.state, { up: true, reason: '' });
    await world.close();
  });

  for (const [name, path, status, code] of refusals)
    it(`refuses ${name}`, async () => {
      const answer = await at.world.get(`/rest/v1/${path}`, { prefer: 'count=exact' });
      const body = (await answer.json()) as Row;
      assert.deepEqual(
        [answer.status, body['code'], Object.keys(body)],
        [status, code, ['code', 'message', 'details', 'hint']],
        JSON.stringify(body),
      );
    });
});
