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

  it('takes adverts of any size and names of any length, and no more of them than an advert can have', async () => {
    await ask('TRUNCATE raw_advertisements');
    const address = 'cc:cc:cc:cc:cc:cc';
    await hear({ address, manufacturer_data: { '0001': '15' }, name: '\u{1f321}'.repeat(500) }, 1);
    // Some thousand of them in one array are more than the gigabyte that a value of PostgreSQL may have.
    await ask(
      `INSERT INTO raw_advertisements (scanner_id, topic, timestamp, payload)
        SELECT 's', 'bt-mqtt/raw/s', '2026-01-01Z'::timestamptz + n * interval '1 s',
          jsonb_build_object('address', $1::text, 'name', 'x', 'manufacturer_data', jsonb_build_object('0002', repeat('ab', 30000)))
        FROM generate_series(1, 3) AS n`,
      [address],
    );
    const columns = 'address, adverts, length(name) AS name, company_ids, example ->> $$address$$ AS example';
    assert.deepEqual(await ask(`SELECT ${columns} FROM unknown_devices`), [
      { address: address.toUpperCase(), adverts: 1, name: 200, company_ids: ['0001'], example: address },
    ]);
  });
});
