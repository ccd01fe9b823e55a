// Triggers that an operator puts on tables of Fieldline: only what they fail at is refused, whatever name they have for it.
import assert from 'node:assert/strict';
import { reading } from './reading.fixture.ts';
import { readingSink } from './readings.ts';
import { onDatabase } from '../../test/support/database.ts';
import { outage, reasonsOf } from '../../test/support/own-tables.ts';

describe('reading sink: triggers of an operator', () => {
  const db = onDatabase();
  const open = () => readingSink({ query: db.store.prepared, bulk: db.store.bulk, target: 'test' });
  let made = 0;
  const power = (kw: number) => reading({ power_kw: kw }, {}, { deviceId: `${made++} of power` });
  const length = (mm: number) => reading({ value_mm: mm }, {}, { deviceId: `${made++} of length` });

  /** While it lasts; it fails where `when` is true of the row. */
  async function guarded(table: string, when: string, code: string, work: () => Promise<void>): Promise<void> {
    await db.store.query(`CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF ${when} THEN ${code === '' ? "EXECUTE 'SELECT FROM of_it'" : `RAISE EXCEPTION 'no' USING ERRCODE = '${code}'`}; END IF; RETURN new; END $$;
      CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION guard()`);
    try {
      await work();
    } finally {
      await db.store.query('DROP FUNCTION guard CASCADE');
    }
  }

  for (const [table, when] of [
    ['energy_readings', 'new.power_kw >= 100'],
    ['latest_values', "new.metric = 'power_kw' AND new.value >= 100"],
    ['devices', "new.device_id LIKE 'bad%'"],
  ] as const)
    for (const code of ['XX123', '38000', ''])
      it(`${table}, SQLSTATE ${code || 'of what it calls'}: the rows at which it fails go alone, wherever they stand`, () =>
        guarded(table, when, code, async () => {
          for (const bad of [[0], [3], [7], [2, 7]]) {
            const rows = Array.from({ length: 8 }, (_, n) => {
              const value = bad.includes(n) ? 100 : n;
              const row = n % 3 === 1 && value < 100 ? length(n) : power(value);
              return value < 100 ? row : { ...row, deviceId: `bad ${row.deviceId}` };
            });
            const reasons = reasonsOf(await open().write(rows));
            const refused = reasons.flatMap((reason, n) => (reason === 'stored' ? [] : [n]));
            assert.deepEqual(refused, bad);
            assert.match(reasons[bad[0]!]!, /^(no|relation "of_it" does not exist) \(SQLSTATE \w{5}\)$/);
          }
        }));

  it('one table that fails for all is an outage, though others take theirs', () =>
    guarded('energy_readings', 'true', '', async () => {
      const rows = [length(1), power(1), length(2), power(2), power(3)];
      await assert.rejects(open().write(rows), outage(/^database: relation "of_it".*; in PL\/pgSQL function guard/));
      await assert.rejects(open().write([power(4)]), outage(/of_it/));
      assert.deepEqual(await open().write([length(3)]), ['stored']);
    }));

  it('a trigger of the whole statement, which fails for no row of it, is an outage', async () => {
    await db.store.query(`CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'closed'; END $$;
      CREATE TRIGGER closed BEFORE INSERT ON energy_readings EXECUTE FUNCTION closed()`);
    const says = outage(/^database: closed \(SQLSTATE P0001\); it fails without any row, too$/);
    await assert.rejects(open().write([length(1), power(1), power(2)]), says);
    await assert.rejects(open().write([power(3)]), says);
    assert.deepEqual(await open().write([length(2)]), ['stored']);
    await db.store.query('DROP FUNCTION closed CASCADE');
  });

  it('a trigger of the whole statement that fails only where there is no row: the others are taken', async () => {
    await db.store.query(`CREATE FUNCTION mean() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM sum(power_kw)::int / count(*) FROM fresh; RETURN NULL; END $$;
      CREATE TRIGGER mean AFTER INSERT ON energy_readings REFERENCING NEW TABLE AS fresh EXECUTE FUNCTION mean();
      ALTER TABLE energy_readings ADD CONSTRAINT low CHECK (power_kw < 100) NOT VALID`);
    const reasons = reasonsOf(await open().write([power(1), power(2), power(100)]));
    assert.deepEqual(reasons.slice(0, 2), ['stored', 'stored']);
    assert.match(reasons[2]!, /check constraint "low"/);
    await db.store.query('DROP FUNCTION mean CASCADE; ALTER TABLE energy_readings DROP CONSTRAINT low');
  });
});
