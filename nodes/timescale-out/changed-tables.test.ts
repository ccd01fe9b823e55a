// Tables that somebody changes while timescale-out writes: the status says what is missing, and no row is lost or doubled.
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { held, intoDatabase, meterReadings, onPlant, waitsOut } from '../../test/support/timescale-out.ts';

const reading = meterReadings();

describe('timescale-out node: tables that change under it', () => {
  const plant = onPlant();
  before(async () => {
    await plant.runtime.deploy(flow());
    await plant.runtime.emit('src', { payload: reading() });
  });
  afterEach(() => plant.runtime?.deploy(flow()));
  const flow = (settings?: object) => intoDatabase(plant.server.url, settings);
  const waits = (says: RegExp, fault: () => Promise<unknown>, mend: () => Promise<unknown>) =>
    waitsOut(plant, reading(), says, fault, mend);

  it('a table that was dropped', () =>
    waits(
      /relation "energy_readings" does not exist; a table is missing.*SQLSTATE 42P01/,
      () => plant.store.query('ALTER TABLE energy_readings RENAME TO taken'),
      () => plant.store.query('ALTER TABLE taken RENAME TO energy_readings'),
    ));

  for (const policy of ['memory', 'disk'])
    it(`a table that disappears and comes back under load, policy ${policy}`, async () => {
      await plant.runtime.deploy(flow({ policy }));
      const powers: number[] = [];
      const settled: Promise<unknown>[] = [];
      const load = async (ms: number) => {
        for (const until = Date.now() + ms; Date.now() < until; await wait(5)) {
          const some = Array.from({ length: 20 }, () => reading());
          powers.push(...some.map(({ telemetry }) => telemetry['power_kw'] as number));
          settled.push(plant.runtime.emit('src', { payload: some }));
        }
      };
      for (let round = 0; round < 4; round++) {
        await load(Math.random() * 200);
        await plant.store.query('ALTER TABLE energy_readings RENAME TO taken');
        await load(100 + Math.random() * 200);
        await plant.store.query('ALTER TABLE taken RENAME TO energy_readings');
      }
      for (const outcome of await Promise.all(settled)) assert.deepEqual(outcome, { ok: true });
      await plant.runtime.untilStatus('out', /^[\d.]+ rows\/s$/);
      const rows = await plant.store.query<{ power_kw: number }>(
        'SELECT power_kw FROM energy_readings WHERE power_kw = ANY ($1) ORDER BY power_kw',
        [powers],
      );
      assert.deepEqual(
        rows.map(({ power_kw }) => power_kw),
        powers,
      );
      assert.deepEqual(await plant.store.query('SELECT * FROM dead_letters'), []);
    });

  it('a column that was renamed', () =>
    waits(
      /column "power_kw" of relation "energy_readings" does not exist; a column is missing.*SQLSTATE 42703/,
      () => plant.store.query('ALTER TABLE energy_readings RENAME power_kw TO kw'),
      () => plant.store.query('ALTER TABLE energy_readings RENAME kw TO power_kw'),
    ));

  it('a column of another type', () =>
    waits(
      /column "voltage" is of type jsonb but expression is of type double precision; a column has another type.*SQLSTATE 42804/,
      () => plant.store.query('ALTER TABLE energy_readings ALTER voltage TYPE jsonb USING to_jsonb(voltage)'),
      () => plant.store.query('ALTER TABLE energy_readings ALTER voltage TYPE float8 USING NULL'),
    ));

  it('a partition that was dropped is made again', async function () {
    if (plant.server.variant !== 'plain') return this.skip();
    const [month] = await plant.store.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'energy_readings'::regclass AND inhrelid::regclass::text LIKE '%202601'",
    );
    await plant.store.query(`DROP TABLE ${month!.name}`);
    const one = reading();
    assert.deepEqual(await plant.runtime.emit('src', { payload: [one, reading({ value_mm: 1 })] }), { ok: true });
    assert.equal(await held(plant.store, one.telemetry['power_kw']), 1);
    assert.deepEqual(await plant.store.query('SELECT * FROM dead_letters'), []);
  });
});
