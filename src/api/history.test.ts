// History on a real PostgreSQL: thinned out without losing the extremes, from the table of its kind, of numbers that can be added up.
import assert from 'node:assert/strict';
import { onDatabase } from '../../test/support/database.ts';
import { aggregates, history } from './history.ts';
import { historyRequest } from './history-request.ts';
import { isProblem } from './problem.ts';

describe('history', () => {
  const database = onDatabase();

  beforeEach(() => database.store.query('TRUNCATE measurements, sensor_readings, energy_readings, flow_data'));

  const start = new Date('2026-02-01T00:00:00Z');
  const end = new Date('2026-02-01T01:00:00Z');

  async function asked(fields: Record<string, unknown>) {
    const request = historyRequest({ start: start.toISOString(), end: end.toISOString(), ...fields }, Date.now());
    assert.ok(!isProblem(request), JSON.stringify(request));
    return history(database.store.query, request);
  }

  it('thins out to so many points, with the extremes kept', async () => {
    await database.store.query(
      `INSERT INTO sensor_readings (device_id, metric, value, timestamp)
       SELECT 'a', 'temperature', CASE WHEN n = 1800 THEN 99 ELSE 20 END, $1::timestamptz + n * interval '1 second'
       FROM generate_series(0, 3600) AS n`,
      [start],
    );
    for (const points of [1, 7, 60, 1000]) {
      const found = await asked({ device: 'a', metric: 'temperature', points });
      assert.ok(found.length <= points && found.length > points / 2, `${found.length} of ${points}`);
      assert.equal(
        found.reduce((sum, { count }) => sum + count!, 0),
        3600,
        'the end is not included',
      );
      assert.equal(Math.max(...found.map(({ max }) => max!)), 99);
      assert.equal(Math.min(...found.map(({ min }) => min!)), 20);
      assert.equal(found[0]!.time, start.toISOString());
    }
  });

  it('finds a metric in the table of its kind of device, and only there', async () => {
    const at = new Date('2026-02-01T00:30:00Z');
    await database.store.query(`INSERT INTO measurements (device_id, value_mm, timestamp) VALUES ('l', 2450, $1)`, [
      at,
    ]);
    await database.store.query(`INSERT INTO energy_readings (device_id, power_kw, timestamp) VALUES ('e', 2.75, $1)`, [
      at,
    ]);
    await database.store.query(`INSERT INTO flow_data (device_id, temperature, created_at) VALUES ('f', 18, $1)`, [at]);
    const averages = async (id: string, metric: string) =>
      (await asked({ device: id, metric, points: 10 })).map(({ avg }) => avg);
    assert.deepEqual(await averages('l', 'value_mm'), [2450]);
    assert.deepEqual(await averages('e', 'power_kw'), [2.75]);
    assert.deepEqual(await averages('e', 'voltage'), [], 'null is no value');
    assert.deepEqual(await averages('f', 'temperature'), [18]);
    assert.deepEqual(await averages('l', 'temperature'), []);
    assert.deepEqual(await averages('l', `value_mm'; DROP TABLE devices; --`), []);
  });

  it('gives the first and the last value by time, to the microsecond, in whatever order they came', async () => {
    const times = ['00:30:00.000002', '00:10', '00:30:00.000001', '00:00:00.000001', '00:59:59.999999', '00:00'];
    for (const [value, time] of times.entries())
      await database.store.query(
        `INSERT INTO sensor_readings (device_id, metric, value, timestamp) VALUES ('a', 'co2', $1, $2::timestamptz)`,
        [-value, `2026-02-01 ${time}Z`],
      );
    const found = await asked({ device: 'a', metric: 'co2', points: 2, aggregate: ['first', 'last', 'sum'] });
    assert.deepEqual(
      found.map(({ first, last, sum }) => [first, last, sum]),
      [
        [-5, -1, -9],
        [-2, -4, -6],
      ],
    );
  });

  it('leaves out what cannot be added up: one absurd value does not take a device its history', async () => {
    for (const value of ['1.7e308', '1.7e308', '-1e200', '1e150', '-3'])
      await database.store.query(
        `INSERT INTO sensor_readings (device_id, metric, value, timestamp) VALUES ('a', 'co2', $1, $2)`,
        [value, start],
      );
    const [point] = await asked({ device: 'a', metric: 'co2', points: 1, aggregate: [...aggregates] });
    assert.deepEqual([point?.avg, point?.sum, point?.max, point?.count], [-3, -3, -3, 1]);
  });

  it('leaves out what is no finite number', async () => {
    await database.store.query(
      `INSERT INTO sensor_readings (device_id, metric, value, timestamp)
       SELECT 'a', 'co2', value::float8, $1::timestamptz + interval '1 minute'
       FROM unnest(ARRAY['NaN', 'Infinity', '-Infinity', '400', NULL]) AS value`,
      [start],
    );
    const found = await asked({ device: 'a', metric: 'co2', points: 1 });
    const point = { device_id: 'a', metric: 'co2', time: start.toISOString() };
    assert.deepEqual(found, [{ ...point, avg: 400, min: 400, max: 400, count: 1 }]);
  });
});
