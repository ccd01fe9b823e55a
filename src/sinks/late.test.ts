// What comes late (a replay, an outbox) beside live data of the same devices: it waits for no row that it has nothing to say of.
import assert from 'node:assert/strict';
import type { Metadata, Reading } from '../reading/reading.ts';
import { onDatabase } from '../../test/support/database.ts';
import { reading } from './reading.fixture.ts';
import { readingSink } from './readings.ts';

const HOUR = 3_600_000;
const NOW = Date.now();

describe('readings that come late', () => {
  const db = onDatabase();
  afterEach(() => db.store?.query('TRUNCATE sensor_readings, devices, latest_values'));

  const write = async (...readings: readonly Reading[]) =>
    readingSink({ query: db.store.prepared, bulk: db.store.bulk, target: 'test' }).write(readings);
  const ago = (hours: number, telemetry: Reading['telemetry'], metadata: Metadata = {}): Reading =>
    reading(
      telemetry,
      { receivedAt: NOW - hours * HOUR, ...metadata },
      { deviceId: 'd', timestamp: new Date(NOW - hours * HOUR).toISOString() },
    );
  const known = async () => {
    const [device] = await db.store.query<{ rssi: number; name: string; firmware: string; last_seen: Date }>(
      'SELECT rssi, name, firmware, last_seen FROM devices',
    );
    const latest = await db.store.query<{ metric: string; value: number }>(
      'SELECT metric, value FROM latest_values ORDER BY metric',
    );
    return { ...device, last_seen: device?.last_seen.getTime(), latest: latest.map(one => [one.metric, one.value]) };
  };

  it('wait for no lock of a device and of values that are newer', async () => {
    await write(ago(0, { temperature: 21 }, { signalStrength: -50 }));
    const live = await db.store.pool.connect();
    try {
      await live.query('BEGIN; SELECT FROM devices FOR UPDATE; SELECT FROM latest_values FOR UPDATE');
      assert.deepEqual(await write(ago(5, { temperature: 20 }, { signalStrength: -60 })), ['stored']);
    } finally {
      await live.query('ROLLBACK');
      live.release();
    }
  });

  it('say what is not known yet, and change nothing else', async () => {
    await write(ago(2, { temperature: 21 }, { signalStrength: -50 }));
    await write(ago(5, { temperature: 20, humidity: 40 }, { signalStrength: -60, name: 'Shed', firmware: '1' }));
    await write(ago(4, { humidity: 41 }, { firmware: '2' }));
    assert.deepEqual(await known(), {
      ...{ rssi: -50, name: 'Shed', firmware: '1', last_seen: NOW - 2 * HOUR },
      latest: [
        ['humidity', 41],
        ['temperature', 21],
      ],
    });
  });

  it('are the newest where they are', async () => {
    await write(ago(5, { temperature: 20 }, { firmware: '1' }));
    await write(ago(3, { temperature: 21 }, { firmware: '2' }));
    const { firmware, last_seen, latest } = await known();
    assert.deepEqual([firmware, last_seen, latest], ['2', NOW - 3 * HOUR, [['temperature', 21]]]);
  });
});
