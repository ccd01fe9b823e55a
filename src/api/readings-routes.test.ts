// /api/flow-data and /api/v1/energy on a real PostgreSQL: ranges, pages, CSV, hours.
import assert from 'node:assert/strict';
import { httpWorld } from '../../test/api/http-world.ts';

describe('readings over HTTP', () => {
  const at = httpWorld();

  describe('flow data', () => {
    beforeEach(() =>
      at.store.query(`INSERT INTO flow_data (device_id, created_at, flow_rate, status, org_id)
        SELECT 'f' || n % 2, '2026-02-01T00:00:00Z'::timestamptz + n / 2 * interval '1 minute', n, 'ok, "fine"', 'north'
        FROM generate_series(0, 9) AS n`),
    );

    it('gives the newest first, of a device, in a range that includes its ends', async () => {
      assert.deepEqual(await at.column('flow_rate', '/api/flow-data?device_id=f1'), [9, 7, 5, 3, 1]);
      const range = 'start_time=2026-02-01T00:01:00Z&end_time=2026-02-01T00:02:00Z';
      assert.deepEqual(await at.column('flow_rate', `/api/flow-data?device_id=f0&${range}`), [4, 2]);
      assert.equal((await at.rows('/api/flow-data?limit=3')).length, 3);
      assert.equal((await at.rows('/api/flow-data?device_id=')).length, 10, 'an empty field is none');
    });

    it('finds the newest of all devices however old they are', async () => {
      await at.store.query(`TRUNCATE flow_data`);
      await at.store.query(`INSERT INTO flow_data (device_id, created_at, flow_rate)
        SELECT 'f' || n % 3, now() - age::interval, n FROM unnest(ARRAY['-1 hour', '1 minute', '59 minutes', '61 minutes', '23 hours',
          '25 hours', '25 hours', '29 days', '31 days', '800 days']) WITH ORDINALITY AS given (age, n)`);
      const all = [1, 2, 3, 4, 5, 7, 6, 8, 9, 10];
      for (const limit of [1, 2, 3, 5, 9, 10, 11]) {
        const pages = await at.pages(`/api/flow-data?limit=${limit}`);
        assert.deepEqual(
          pages.flat().map(row => row['flow_rate']),
          all,
          `limit ${limit}`,
        );
        const rest = `/rest/v1/flow_data?order=created_at.desc,id.desc&limit=${limit}`;
        assert.deepEqual(await at.column('flow_rate', `${rest}&offset=2`), all.slice(2, 2 + limit));
      }
    });

    it('takes a time with every digit of it, and one that people write', async () => {
      await at.store.query(`INSERT INTO flow_data (device_id, created_at, flow_rate) VALUES
        ('u', '2026-02-11T14:30:00.123456Z', 1), ('u', '2026-02-11T14:30:00.1235Z', 2), ('u', '2026-02-12', 3)`);
      const [newest] = await at.rows('/api/flow-data?device_id=u&end_time=2026-02-11T14:30:00.123456Z');
      assert.equal(newest?.['created_at'], '2026-02-11T14:30:00.123456Z', 'the end is included');
      for (const [range, found] of [
        ['start_time=2026-02-11T14:30:00.123456Z&end_time=2026-02-11T14:31', [2, 1]],
        ['start_time=2026-02-11T14:30:00.123457Z&end_time=2026-02-11T15:31%2B01:00', [2]],
        ['start_time=2026-02-11T14:31Z', [3]],
        ['start_time=2026-02-12', [3]],
        ['end_time=0001-01-01T00:00:00Z', []],
      ] as const)
        assert.deepEqual(await at.column('flow_rate', `/api/flow-data?device_id=u&${range}`), found, range);
    });

    it('goes on where a page ended, also among rows of one time, whatever comes in meanwhile', async () => {
      const late = () =>
        at.store.query(`INSERT INTO flow_data (device_id, created_at, flow_rate) VALUES ('late', now(), -1)`);
      const pages = await at.pages('/api/flow-data?limit=3', {}, late);
      const seen = pages.flat().map(row => row['flow_rate']);
      assert.deepEqual(seen.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    });

    it('gives CSV that a spreadsheet opens', async () => {
      await at.store.query(
        `INSERT INTO flow_data (device_id, created_at, status) VALUES ('x', '2026-03-01T00:00:00Z', '=1+1')`,
      );
      const answer = await at.world.get('/api/flow-data?limit=2', { accept: 'text/csv' });
      assert.equal(answer.headers.get('content-type'), 'text/csv; charset=utf-8');
      const [names, first, second] = (await answer.text()).split('\r\n');
      assert.equal(names, 'id,device_id,created_at,flow_rate,totalizer,temperature,status,anomaly_score');
      assert.match(first!, /^\d+,x,2026-03-01T00:00:00\.000Z,,,,'=1\+1,$/);
      assert.match(second!, /,9,,,"ok, ""fine""",$/);
    });
  });

  describe('energy', () => {
    it('gives the newest of each meter, and hours with what was counted', async () => {
      await at.store.query(`INSERT INTO energy_readings (device_id, timestamp, total_energy_kwh, power_kw) VALUES
        ('m1', '2026-01-03T16:00:00Z', 10, 3), ('m1', '2026-01-03T16:30:00Z', 11.5, 5), ('m1', '2026-01-03T17:30:00Z', 2, 1),
        ('m2', '2026-01-03T16:10:00.123456Z', 7, 2)`);
      const latest = await at.rows('/api/v1/energy/latest');
      assert.deepEqual(
        latest.map(row => [row['device_id'], row['timestamp'], row['power_kw']]),
        [
          ['m1', '2026-01-03T17:30:00.000Z', 1],
          ['m2', '2026-01-03T16:10:00.123456Z', 2],
        ],
      );
      assert.deepEqual(await at.column('device_id', '/api/v1/energy/latest?device_id=m2'), ['m2']);
      const hours = await at.rows('/api/v1/energy/hourly?start=2026-01-03T00:00:00Z&end=2026-01-03T23:59:59Z');
      assert.deepEqual(
        hours.map(row => [row['hour'], row['device_id'], row['avg_power'], row['energy_kwh'], row['readings']]),
        [
          ['2026-01-03T16:00:00.000Z', 'm1', 4, 1.5, 2],
          ['2026-01-03T16:00:00.000Z', 'm2', 2, 0, 1],
          ['2026-01-03T17:00:00.000Z', 'm1', 1, 2, 1],
        ],
      );
      assert.equal((await at.world.get('/api/v1/energy/hourly?start=2026-01-04&end=2026-01-03')).status, 400);
    });

    it('counts what can be added up, and begins where time does', async () => {
      await at.store.query(`INSERT INTO energy_readings (device_id, timestamp, total_energy_kwh, power_kw) VALUES
        ('m', '2026-01-03T16:00:00Z', 1e308, 1e308), ('m', '2026-01-03T16:10:00Z', -1e308, -1e308),
        ('m', '2026-01-03T16:20:00Z', 5, 2), ('m', '2026-01-03T16:30:00Z', 'NaN', 'Infinity'), ('m', '2026-01-03T16:40:00Z', 7, 4)`);
      const [hour] = await at.rows('/api/v1/energy/hourly?start=2026-01-03&end=2026-01-04');
      assert.deepEqual([hour?.['avg_power'], hour?.['energy_kwh'], hour?.['readings']], [3, 2, 5]);
      assert.deepEqual(await at.rows('/api/v1/energy/hourly?end=0001-01-01T00:00:00Z'), []);
    });
  });
});
