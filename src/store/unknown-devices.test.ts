// The view unknown_devices over an upgrade: the same columns and rows as before, of the newest messages alone; older ones by the function.
import assert from 'node:assert/strict';
import { onDatabase } from '../../test/support/database.ts';
import { migrate } from './migrate.ts';

describe('unknown_devices', () => {
  const db = onDatabase({ migrated: false });
  const ask = (sql: string, values?: readonly unknown[]) => db.store.query(sql, values);
  const hear = (payload: unknown, minute: number, scanner = 's') =>
    ask('INSERT INTO raw_advertisements (scanner_id, topic, payload, timestamp) VALUES ($1, $2, $3, $4)', [
      scanner,
      `bt-mqtt/raw/${scanner}`,
      JSON.stringify(payload),
      new Date(Date.UTC(2026, 0, 1, 0, minute)),
    ]);

  it('has the columns, the rows and the dependents that it had before it was bounded', async () => {
    await migrate(db.server.url, { upTo: 12 });
    await ask("INSERT INTO devices (device_id) VALUES ('AA:AA:AA:AA:AA:AA')");
    await hear({ address: 'aaaaaaaaaaaa' }, 0);
    await hear({ address: 'bb:bb:bb:bb:bb:bb', name: 'Shed', manufacturer_data: { ffff: '15' } }, 1, 'z');
    await hear({ address: 'BB-BB-BB-BB-BB-BB', service_data: { fcd2: '40' }, service_uuids: ['180f', 7], name: '' }, 2);
    await hear([{ address: 'bbbbbbbbbbbb', manufacturer_data: 'x', service_uuids: {} }, { address: 'mac-os-id' }], 3);
    await hear({ address: '' }, 4);
    for (const [minute, nothing] of [{}, 7, null, [], { address: 9 }].entries()) await hear(nothing, 5 + minute);
    await ask('CREATE VIEW own AS SELECT address, scanners FROM unknown_devices');
    const columns = () =>
      ask(`SELECT attname, format_type(atttypid, atttypmod) AS type, attcollation::int FROM pg_attribute
        WHERE attrelid = 'unknown_devices'::regclass AND attnum > 0 ORDER BY attnum`);
    const rows = () => ask('SELECT * FROM unknown_devices ORDER BY address');
    const before = [await columns(), await rows(), await ask('SELECT * FROM own ORDER BY address')];
    assert.equal((await rows()).length, 3);
    await migrate(db.server.url);
    assert.deepEqual([await columns(), await rows(), await ask('SELECT * FROM own ORDER BY address')], before);
  });

  it('looks at the newest 100,000 messages of any kind; the function at those of any time', async () => {
    await ask(`INSERT INTO raw_advertisements (scanner_id, topic, timestamp)
      SELECT 's', 'home/' || n, '2026-01-02Z'::timestamptz + n * interval '1 ms' FROM generate_series(1, 99999) AS n`);
    const addresses = async (from: string) =>
      (await db.store.query<{ address: string }>(`SELECT address FROM ${from} ORDER BY address`)).map(
        ({ address }) => address,
      );
    await hear({ address: 'new' }, 2000);
    assert.deepEqual(await addresses('unknown_devices'), ['new']);
    const old = `unknown_devices_between('2026-01-01Z', '2026-01-02Z')`;
    assert.deepEqual(await addresses(old), ['', 'BB:BB:BB:BB:BB:BB', 'mac-os-id']);
    assert.deepEqual(await addresses(`unknown_devices_between('2026-01-01T00:03Z', '2026-01-01T00:04Z')`), [
      'BB:BB:BB:BB:BB:BB',
      'mac-os-id',
    ]);
  });
});
