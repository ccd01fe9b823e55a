// Partitions of Fieldline's tables that somebody has dropped while no default one stands in: they are made again, and no reading is refused.
import assert from 'node:assert/strict';
import { reading } from './reading.fixture.ts';
import { readingSink } from './readings.ts';
import { onDatabase } from '../../test/support/database.ts';

describe('reading sink: partitions that were dropped', () => {
  const db = onDatabase();

  it('are made again, for one reading and for many, beside another table', async function () {
    if (db.server.variant === 'timescale') return this.skip();
    const sink = readingSink({ query: db.store.prepared, bulk: db.store.bulk, target: 'test' });
    const power = (n: number) => reading({ power_kw: n }, {}, { deviceId: `meter ${n}` });
    const drop = async () => {
      const parts = await db.store.query<{ name: string }>(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'energy_readings'::regclass",
      );
      await db.store.query(`DROP TABLE ${parts.map(({ name }) => name).join(', ')}`);
    };
    await db.store.query('ALTER TABLE energy_readings DETACH PARTITION energy_readings_default');
    assert.deepEqual(await sink.write([power(1)]), ['stored']);
    await drop();
    assert.deepEqual(await sink.write([power(2)]), ['stored']);
    await drop();
    const both = [power(3), reading({ humidity: 1 }, {}, { deviceId: 'cellar' }), power(4), power(5)];
    assert.deepEqual(await sink.write(both), ['stored', 'stored', 'stored', 'stored']);
  });
});
