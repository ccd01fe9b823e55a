// A column without default that somebody adds to a table of Fieldline: no reading is refused for it, all wait until it is mended.
import assert from 'node:assert/strict';
import { reading } from './reading.fixture.ts';
import { readingSink } from './readings.ts';
import { onDatabase } from '../../test/support/database.ts';
import { outage } from '../../test/support/own-tables.ts';

describe('reading sink: a column that nothing fills', () => {
  const db = onDatabase();
  const open = () => readingSink({ query: db.store.prepared, bulk: db.store.bulk, target: 'test' });
  const receipt = { key: 'k', redelivered: false };

  // `name` and `location` are columns that the same statement fills in other tables.
  for (const [table, column, telemetry] of [
    ['energy_readings', 'site', { power_kw: 1 }],
    ['measurements', 'name', { value_mm: 1 }],
    ['sensor_readings', 'location', { humidity: 1 }],
    ['devices', 'plant', { humidity: 1 }],
    ['latest_values', 'unit', { humidity: 1 }],
    ['receipts', 'site', { humidity: 1 }],
  ] as const)
    it(`${table}.${column}: readings wait, and land when it is mended`, async () => {
      const rows = [1, 2, 3].map(n => reading(telemetry, { receipt, name: 'n' }, { deviceId: `${n} in ${table}` }));
      const alter = (what: string) => db.store.query(`ALTER TABLE ${table} ${what}`);
      await alter(`ADD ${column} text NOT NULL DEFAULT ''`);
      await alter(`ALTER ${column} DROP DEFAULT`);
      const says = new RegExp(
        `^table ${table}: column ${column}: expected a default other than NULL, since nothing else fills it; give it`,
      );
      await assert.rejects(open().write(rows), outage(says));
      await assert.rejects(open().write(rows.slice(0, 1)), outage(says));
      await alter(`ALTER ${column} SET DEFAULT ''`);
      assert.deepEqual(await open().write(rows), ['stored', 'stored', 'stored']);
      await alter(`DROP ${column}`);
    });

  it('a column whose default fails: readings wait, and land when it is mended', async () => {
    await db.store.query(`CREATE FUNCTION failing() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
      ALTER TABLE energy_readings ADD shift int; ALTER TABLE energy_readings ALTER shift SET DEFAULT failing()`);
    const rows = [1, 2, 3].map(n => reading({ power_kw: n }, {}, { deviceId: `shift ${n}` }));
    const says = /^table energy_readings: the default of column shift fails: not now \(SQLSTATE P0001\)/;
    await assert.rejects(open().write(rows), outage(says));
    await assert.rejects(open().write(rows.slice(0, 1)), outage(says));
    await db.store.query('ALTER TABLE energy_readings ALTER shift SET DEFAULT 1');
    assert.deepEqual(await open().write(rows), ['stored', 'stored', 'stored']);
    await db.store.query('ALTER TABLE energy_readings DROP shift');
  });

  it('a column that some readings fill, and a table that a trigger fills: only their readings are refused', async () => {
    const refused = async (sql: string, says: RegExp) => {
      await db.store.query(sql);
      const [full, empty] = await open().write([
        reading({ value_mm: 1 }, { sessionId: 's' }),
        reading({ value_mm: 2 }),
      ]);
      assert.equal(full, 'stored');
      assert.match((empty as { rejected: string }).rejected, says);
    };
    await refused(
      'TRUNCATE measurements; ALTER TABLE measurements ALTER session_id SET NOT NULL',
      /null value in column "session_id".*SQLSTATE 23502/,
    );
    await refused(
      `ALTER TABLE measurements ALTER session_id DROP NOT NULL;
       CREATE TABLE audit (who text NOT NULL);
       CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         INSERT INTO audit VALUES (new.session_id); RETURN NULL; END $$;
       CREATE TRIGGER audit AFTER INSERT ON measurements FOR EACH ROW EXECUTE FUNCTION audit()`,
      /null value in column "who".*SQLSTATE 23502/,
    );
  });
});
