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
