// Unknown devices on a real PostgreSQL: who is listed, in which order, with which sample; hostile adverts and thousands of devices.
import assert from 'node:assert/strict';
import { onDatabase } from '../../test/support/database.ts';
import { unknownDevices } from './unknown.ts';

describe('unknown devices', () => {
  const db = onDatabase();
  afterEach(() => db.store?.query('TRUNCATE raw_advertisements, devices'));
  /** `ago`: seconds before now. */
  const keep = (payload: unknown, ago = 0, topic = 'bt-mqtt/raw/pi') =>
    db.store.query(
      `INSERT INTO raw_advertisements (scanner_id, topic, payload, timestamp)
        VALUES ('pi', $1, $2, now() - $3 * interval '1 second')`,
      [topic, JSON.stringify(payload), ago],
    );
  const A = 'AA:BB:CC:DD:EE:01';

  const listed: readonly [name: string, payload: unknown, addresses: readonly string[]][] = [
    ['an advert', { address: A }, [A]],
    ['an address in another spelling', { address: ' aabb-ccddee01 ' }, [A]],
    ['an address with dots', { address: 'aabb.ccdd.ee01' }, [A]],
    ['an identifier that is no address', { address: "O'Brien; --" }, ["O'Brien; --"]],
    ['several adverts in one message', [1, { address: A }, null, { address: 'b' }], [A, 'b']],
    ['data of the wrong kind', { address: A, manufacturer_data: 'x', service_data: [1], service_uuids: {} }, [A]],
    ['no address', { name: 'x' }, []],
    ['an empty address', { address: '' }, []],
    ['an address that is a number', { address: 5 }, []],
    ['an address without end', { address: 'x'.repeat(5000) }, []],
    ['more than an advert holds', { address: A, blob: Array.from({ length: 5000 }, (_, n) => n) }, []],
    ['a text', 'advert', []],
  ];
  for (const [name, payload, addresses] of listed)
    it(`of a message with ${name}`, async () => {
      await keep(payload);
      assert.deepEqual((await unknownDevices(db.store.query, 10)).map(({ address }) => address).sort(), addresses);
    });

  it('leaves out known devices, other topics and what is older than a day; gives the last advert without its circumstances', async () => {
    await db.store.query("INSERT INTO devices (device_id) VALUES ('AA:BB:CC:DD:EE:02')");
    await keep({ address: 'aabbccddee02' });
    await keep({ address: 'c' }, 0, 'home/a');
    await keep({ address: 'd' }, 90_000);
    await keep({ address: A, name: 'shed', manufacturer_data: { ffff: '01' }, rssi: -60 }, 2);
    await keep({ address: A, manufacturer_data: { ffff: '02' }, rssi: -61, scanner_id: 'pi', timestamp: 'x' }, 1);
    const [device, ...others] = await unknownDevices(db.store.query, 10);
    assert.deepEqual(others, []);
    assert.deepEqual([device?.address, device?.adverts, device?.name], [A, 2, 'shed']);
    assert.deepEqual(JSON.parse(device!.sample), { address: A, manufacturer_data: { ffff: '02' } });
    assert.ok(Date.parse(device!.last_seen) > Date.now() - 60_000);
  });

  it('lists those of scanners with another topic prefix', async () => {
    await keep({ scanner_id: 'attic', address: A, rssi: -60 }, 0, 'site7/raw/attic');
    assert.deepEqual(
      (await unknownDevices(db.store.query, 10)).map(({ address }) => address),
      [A],
    );
    assert.deepEqual(await db.store.query('SELECT address FROM unknown_devices'), [{ address: A }]);
  });

  it('gives of thousands those heard most often, then those heard last', async () => {
    await db.store.query(
      `INSERT INTO raw_advertisements (scanner_id, topic, payload, timestamp)
        SELECT 'pi', 'bt-mqtt/raw/pi', jsonb_build_object('address', n::text), now() - n * interval '1 ms'
        FROM generate_series(3, 5000) AS n`,
    );
    for (const address of ['1', '1', '1', '2', '2']) await keep({ address }, 60);
    assert.deepEqual(
      (await unknownDevices(db.store.query, 4)).map(({ address, adverts }) => [address, adverts]),
      [
        ['1', 3],
        ['2', 2],
        ['3', 1],
        ['4', 1],
      ],
    );
  });
});
