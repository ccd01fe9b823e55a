// /api/history on a real PostgreSQL: buckets of any width in any zone, gaps, aggregates, and never more rows than it says.
import assert from 'node:assert/strict';
import { httpWorld } from '../../test/api/http-world.ts';

describe('history over HTTP', () => {
  const at = httpWorld();
  const start = 'start=2026-03-28T23:00:00Z&end=2026-03-30T22:00:00Z';
  beforeEach(() =>
    at.store.query(`INSERT INTO sensor_readings (device_id, metric, value, timestamp)
      SELECT device, metric, n, '2026-03-28T23:30:00Z'::timestamptz + n * interval '1 hour'
      FROM generate_series(0, 46) AS n, unnest(ARRAY['d1', 'd 2']) AS device, unnest(ARRAY['t', 'h']) AS metric`),
  );

  it('takes several devices and metrics, in the range asked for', async () => {
    const fields = new URLSearchParams([
      ['device', 'd1'],
      ['device', 'd 2'],
      ['metric', 't'],
      ['metric', 'h'],
      ['bucket', '1w'],
    ]);
    const found = await at.rows(`/api/history?${fields}&${start}`);
    assert.equal(new Set(found.map(row => `${row['device_id']} ${row['metric']}`)).size, 4);
    for (const [from, to] of [
      ['2026-03-29T00:00:00Z', '2026-03-29T01:00:00Z'],
      ['2026-03-29', '2026-03-29T01:00:00'],
      ['2026-03-29T02:00:00+02:00', String(Date.UTC(2026, 2, 29, 1) / 1000)],
    ])
      assert.deepEqual(
        await at.column('avg', `/api/history?device=d1&metric=t&start=${from}&end=${to}&points=4`),
        [1],
        `${from} ${to}`,
      );
  });

  it('begins days where the zone does, with 23 hours in the one when clocks go forward', async () => {
    const berlin = await at.rows(`/api/history?device=d1&metric=t&${start}&bucket=1d&tz=Europe/Berlin&aggregate=count`);
    assert.deepEqual(
      berlin.map(row => [row['time'], row['count']]),
      [
        ['2026-03-28T23:00:00.000Z', 23],
        ['2026-03-29T22:00:00.000Z', 24],
      ],
    );
    const utc = await at.rows(`/api/history?device=d1&metric=t&${start}&bucket=1d&aggregate=count`);
    assert.deepEqual(
      utc.map(row => row['time']),
      ['2026-03-28', '2026-03-29', '2026-03-30'].map(day => `${day}T00:00:00.000Z`),
    );
    const delhi = await at.rows(`/api/history?device=d1&metric=t&${start}&bucket=1h&tz=Asia/Kolkata&aggregate=count`);
    assert.equal(delhi[0]?.['time'], '2026-03-28T23:30:00.000Z');
  });

  // A reading each quarter of an hour: how many fall into the buckets tells how long these are.
  const clocks: [says: string, zone: string, bucket: string, start: string, end: string, buckets: string[]][] = [
    [
      ...(['goes forward at midnight', 'America/Havana', '1d', '2026-03-07T05:00Z', '2026-03-09T04:00Z'] as const),
      ['2026-03-07T05:00 96', '2026-03-08T05:00 92'],
    ],
    [
      ...(['goes back to midnight', 'America/Havana', '1d', '2026-10-31T04:00Z', '2026-11-02T05:00Z'] as const),
      ['2026-10-31T04:00 96', '2026-11-01T04:00 100'],
    ],
    [
      ...([
        'goes back by half an hour',
        'Australia/Lord_Howe',
        '1d',
        '2026-04-03T13:00Z',
        '2026-04-05T13:30Z',
      ] as const),
      ['2026-04-03T13:00 96', '2026-04-04T13:00 98'],
    ],
    [
      ...([
        'goes forward by half an hour',
        'Australia/Lord_Howe',
        '1d',
        '2026-10-02T13:30Z',
        '2026-10-04T13:00Z',
      ] as const),
      ['2026-10-02T13:30 96', '2026-10-03T13:30 94'],
    ],
    [
      ...(['shows a beginning twice', 'Europe/Berlin', '2h', '2026-10-24T22:00Z', '2026-10-25T05:00Z'] as const),
      ['2026-10-24T22:00 8', '2026-10-25T00:00 12', '2026-10-25T03:00 8'],
    ],
    [
      ...(['does so after a hundred years', 'Europe/Berlin', '1d', '2126-10-26T22:00Z', '2126-10-28T23:00Z'] as const),
      ['2126-10-26T22:00 100', '2126-10-27T23:00 96'],
    ],
    [
      ...(['leaps over a beginning', 'Pacific/Chatham', '3h', '2026-09-26T11:15Z', '2026-09-26T16:15Z'] as const),
      ['2026-09-26T11:15 11', '2026-09-26T14:00 9'],
    ],
    [
      ...(['leaps by two hours', 'Antarctica/Troll', '2h', '2026-03-29T00:00Z', '2026-03-29T04:00Z'] as const),
      ['2026-03-29T00:00 4', '2026-03-29T01:00 4', '2026-03-29T02:00 8'],
    ],
    [
      ...(['leaves out a day', 'Pacific/Apia', '1d', '2011-12-29T10:00Z', '2012-01-01T10:00Z'] as const),
      ['2011-12-29T10:00 96', '2011-12-30T10:00 96', '2011-12-31T10:00 96'],
    ],
  ];
  for (const [says, zone, bucket, from, to, expected] of clocks)
    it(`follows the clock of ${zone} where it ${says}`, async () => {
      await at.store.query(
        `INSERT INTO sensor_readings (device_id, metric, value, timestamp) SELECT 'q', 't', 1, time
         FROM generate_series($1::timestamptz - interval '1 day', $2::timestamptz + interval '1 day', interval '15 minutes') AS time`,
        [from, to],
      );
      const path = `/api/history?device=q&metric=t&start=${from}&end=${to}&bucket=${bucket}&tz=${zone}&aggregate=count`;
      for (const gaps of ['skip', 'null']) {
        const found = await at.rows(`${path}&gaps=${gaps}`);
        const shown = found.map(({ time, count }) => `${String(time).slice(0, 16)} ${String(count)}`);
        assert.deepEqual(shown, expected, gaps);
      }
    });

  it('shows gaps when asked, and the aggregates that were named', async () => {
    const path =
      '/api/history?device=d1&metric=t&metric=none&start=2026-03-28T22:00:00Z&end=2026-03-29T01:00:00Z&bucket=1h';
    const points = await at.rows(`${path}&gaps=null&aggregate=last&aggregate=count`);
    assert.deepEqual(
      points.map(row => [row['metric'], row['last'], row['count']]),
      [
        ...[
          ['t', null, 0],
          ['t', 0, 1],
          ['t', 1, 1],
        ],
        ...[
          ['none', null, 0],
          ['none', null, 0],
          ['none', null, 0],
        ],
      ],
    );
    assert.deepEqual(Object.keys(points[0]!), ['device_id', 'metric', 'time', 'last', 'count']);
    assert.equal((await at.rows(path)).length, 2);
    const csv = await (await at.world.get(`${path}&aggregate=sum`, { accept: 'text/csv' })).text();
    assert.equal(csv.split('\r\n')[0], 'device_id,metric,time,sum');
  });

  it('answers once for what was named twice', async () => {
    const twice = '/api/history?device=d1&device=d1&metric=t&metric=t&aggregate=count&aggregate=count&bucket=1w';
    for (const gaps of ['skip', 'null'])
      assert.deepEqual(await at.column('count', `${twice}&gaps=${gaps}&${start}`), [25, 22], gaps);
  });

  it('shares the rows of an answer among many series', async () => {
    const fields = Array.from({ length: 48 }, (_, n) => `device=d${n}`).join('&');
    assert.equal((await at.rows(`/api/history?${fields}&metric=t&${start}`)).length, 47);
    assert.equal((await at.world.get(`/api/history?${fields}&device=x&device=y&device=z&metric=t`)).status, 400);
  });

  it('answers any range with a bounded number of rows', async () => {
    const century = await at.rows('/api/history?device=d1&metric=t&start=1970-01-02&end=2069-01-01&gaps=null');
    assert.ok(century.length <= 500, String(century.length));
    assert.equal(
      century.reduce((sum, row) => sum + Number(row['count']), 0),
      47,
    );
  });
});
