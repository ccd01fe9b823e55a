// Tables that are slow: a statement that runs out of its time is tried with fewer rows, so that a slow trigger holds nothing up for ever.
import assert from 'node:assert/strict';
import { until } from '../../test/support/until.ts';
import { intoDatabase, meterReading, onPlant } from '../../test/support/timescale-out.ts';

const trigger = (table: string, seconds: string) => `
  CREATE OR REPLACE FUNCTION slow_${table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(${seconds}); RETURN new; END $$;
  CREATE OR REPLACE TRIGGER slow BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION slow_${table}()`;
const ROWS = 60;

describe('timescale-out node: a table that is slow', () => {
  const plant = onPlant();
  const flow = (table: string, policy: string) =>
    intoDatabase(
      plant.server.url,
      { table: 'own', ownTable: table, policy, columns: [{ column: 'n', from: 'telemetry.n' }] },
      { statementTimeoutSeconds: 1 },
    );
  const readings = (count: number) => Array.from({ length: count }, (_, n) => meterReading(n, { n }));
  const held = async (table: string) =>
    (await plant.store.query<{ n: number }>(`SELECT n FROM ${table} ORDER BY n`)).map(({ n }) => n);
  const all = Array.from({ length: ROWS }, (_, n) => n);

  for (const policy of ['memory', 'disk'])
    it(`so slow that a batch never fits the longest statement: it lands in parts, policy ${policy}`, async () => {
      const table = `slow_${policy}`;
      await plant.store.query(`CREATE TABLE ${table} (n int); ${trigger(table, '0.05')}`);
      await plant.runtime.deploy(flow(table, policy));
      assert.deepEqual(await plant.runtime.emit('src', { payload: readings(ROWS) }), { ok: true });
      await until(async () => (await held(table)).length === ROWS);
      assert.deepEqual(await held(table), all);
      assert.deepEqual(await plant.store.query('SELECT * FROM dead_letters'), []);
    });

  it('one row that alone is too slow: all wait, and the status says so, until it is mended', async () => {
    await plant.store.query(
      `CREATE TABLE slow_one (n int); ${trigger('slow_one', 'CASE new.n WHEN 3 THEN 60 ELSE 0 END')}`,
    );
    await plant.runtime.deploy(flow('slow_one', 'memory'));
    const settled = plant.runtime.emit('src', { payload: readings(10) });
    await plant.runtime.untilStatus('out', /^database away.*"Longest statement".*57014.*; even with one row alone/);
    await plant.store.query('DROP TRIGGER slow ON slow_one');
    assert.deepEqual(await settled, { ok: true });
    assert.deepEqual(await held('slow_one'), all.slice(0, 10));
    assert.deepEqual(await plant.store.query('SELECT * FROM dead_letters'), []);
  });
});
