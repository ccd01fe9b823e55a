// Readings in a real PostgreSQL: which table and column, devices and latest values and receipts.
import assert from 'node:assert/strict';
import { digest } from '../kernel/bytes.ts';
import type { Sink } from '../reading/contracts.ts';
import type { Reading } from '../reading/reading.ts';
import { openStore } from '../store/store.ts';
import { reading, TIME } from './reading.fixture.ts';
import { readingSink } from './readings.ts';
import { onDatabase } from '../../test/support/database.ts';

describe('reading sink', () => {
  const db = onDatabase();
  let sink: Sink<Reading>;
  before(() => {
    sink = readingSink({ query: db.store.prepared, bulk: db.store.bulk, target: 'test' });
  });
  afterEach(() =>
    db.store?.query(
      'TRUNCATE measurements, sensor_readings, energy_readings, flow_data, devices, latest_values, receipts, dead_letters',
    ),
  );
  const one = async (sql: string) => (await db.store.query<Record<string, unknown>>(sql))[0];

  it('fills the columns of each table', async () => {
    const outcomes = await sink.write([
      reading(
        { value_mm: 2450 },
        {
          sessionId: 's',
          elementType: 'gevel',
          elementId: 'e',
          source: 'ble_mobile',
          rawHex: 'c055',
          receivedScore: 0.85,
          anomaly: { score: -1, metric: 'value_mm', kind: 'spike' },
          orgId: 'o',
        },
      ),
      reading(
        { total_energy_kwh: 12.45, power_kw: 3.2, voltage: 230, current: 13.9, frequency: 50 },
        { extra: { a: 1 } },
      ),
      reading(
        { flow_rate: 1.5, totalizer: 99, temperature: 20, status: 0 },
        { anomaly: { score: -0.25, metric: 'flow_rate', kind: 'level' } },
      ),
      reading(
        { temperature: 21.5, motion: true, state: 'open' },
        { scannerId: 'pi', quality: { humidity: 'not a number' } },
      ),
    ]);
    assert.deepEqual(outcomes, ['stored', 'stored', 'stored', 'stored']);
    const { id, digest: _, timestamp, metadata, ...measurement } = (await one('SELECT * FROM measurements'))!;
    assert.equal((timestamp as Date).toISOString(), TIME);
    assert.deepEqual(measurement, {
      device_id: 'd',
      session_id: 's',
      element_type: 'gevel',
      element_id: 'e',
      value_mm: 2450,
      raw_hex: 'c055',
      source: 'ble_mobile',
      anomaly_score: 0.85,
      org_id: 'o',
    });
    assert.deepEqual(metadata, { anomaly: { score: -1, metric: 'value_mm', kind: 'spike' } });
    assert.deepEqual(
      await one('SELECT total_energy_kwh, power_kw, voltage, current, anomaly_score, metadata FROM energy_readings'),
      {
        total_energy_kwh: 12.45,
        power_kw: 3.2,
        voltage: 230,
        current: 13.9,
        anomaly_score: null,
        metadata: { extra: { a: 1 }, telemetry: { frequency: 50 } },
      },
    );
    assert.deepEqual(await one('SELECT flow_rate, totalizer, temperature, status, anomaly_score FROM flow_data'), {
      flow_rate: 1.5,
      totalizer: 99,
      temperature: 20,
      status: '0',
      anomaly_score: -0.25,
    });
    assert.deepEqual(
      await db.store.query(
        'SELECT metric, value, value_text, quality, scanner_id, protocol FROM sensor_readings ORDER BY metric',
      ),
      [
        {
          metric: 'humidity',
          value: null,
          value_text: null,
          quality: 'not a number',
          scanner_id: 'pi',
          protocol: 'mqtt',
        },
        { metric: 'motion', value: 1, value_text: 'true', quality: null, scanner_id: 'pi', protocol: 'mqtt' },
        { metric: 'state', value: null, value_text: 'open', quality: null, scanner_id: 'pi', protocol: 'mqtt' },
        { metric: 'temperature', value: 21.5, value_text: null, quality: null, scanner_id: 'pi', protocol: 'mqtt' },
      ],
    );
  });

  it('keeps microseconds', async () => {
    await sink.write([reading({ power_kw: 1 }, {}, { timestamp: '2026-01-03T16:00:00.123456Z' })]);
    assert.deepEqual(await one(`SELECT to_char(timestamp, 'US') AS us FROM energy_readings`), { us: '123456' });
  });

  it('tells same from different by device, time and content', async () => {
    const same = reading({ power_kw: 1 }, { digest: digest('same') });
    const cases: [Reading, string][] = [
      [same, 'stored'],
      [structuredClone(same), 'duplicate'],
      [{ ...same, deviceId: 'other' }, 'stored'],
      [{ ...same, timestamp: '2026-01-03T16:00:00.001Z' }, 'stored'],
      [{ ...same, metadata: { digest: digest('other') } }, 'stored'],
      // Score, receipt time and added metadata are no part of it.
      [{ ...same, metadata: { ...same.metadata, receivedAt: 1e12, receivedScore: 0.1, name: 'x' } }, 'duplicate'],
    ];
    assert.deepEqual(
      await sink.write(cases.map(([row]) => row)),
      cases.map(([, outcome]) => outcome),
    );
    for (const [row] of cases) assert.deepEqual(await sink.write([row]), ['duplicate']);
  });

  it('takes two readings of one message with metrics of their own', async () => {
    const message = { digest: digest('one message') };
    const rows = [reading({ temperature: 1 }, message), reading({ humidity: 2 }, message)];
    assert.deepEqual(await sink.write(rows), ['stored', 'stored']);
    assert.deepEqual(await sink.write(rows), ['duplicate', 'duplicate']);
  });

  it('keeps devices: last seen never backwards nor ahead, newest word wins, names stay', async () => {
    const heard = Date.now() - 60_000;
    await sink.write([
      reading({ temperature: 1, battery: 55 }, { receivedAt: heard, signalStrength: -60, parser: 'p1', name: 'given' }),
      reading({ value_mm: 5 }, { receivedAt: heard - 5000, signalStrength: -99, firmware: '1.0' }),
    ]);
    await db.store.query("UPDATE devices SET name = 'by operator'");
    await sink.write([
      reading({ a: 1 }, { receivedAt: heard - 9000, signalStrength: -1, parser: 'old', name: 'again' }),
      reading(
        { connected: true, battery_estimate: 12, measurements_today: 142 },
        { receivedAt: heard - 1, batteryLevel: 12, lastMeasurement: '2026-01-03T14:00:00.000Z' },
      ),
    ]);
    const expected = {
      device_id: 'd',
      name: 'by operator',
      rssi: -60,
      firmware: '1.0',
      battery_estimate: 55,
      connected: true,
      measurements_today: 142,
      parser: 'p1',
      last_seen: new Date(heard),
      last_measurement: new Date(TIME),
    };
    const columns = Object.keys(expected).join(', ');
    assert.deepEqual(await one(`SELECT ${columns} FROM devices`), expected);
    await sink.write([reading({ a: 1 }, { receivedAt: Date.now() + 3_600_000, signalStrength: -50, parser: 'p2' })]);
    const { last_seen, rssi, parser } = (await one(`SELECT ${columns} FROM devices`))!;
    assert.ok((last_seen as Date).getTime() > heard && (last_seen as Date).getTime() <= Date.now() + 1000);
    assert.deepEqual([rssi, parser], [-50, 'p2']);
  });

  it('keeps scanners from their heartbeats', async () => {
    const beat = (seconds: number, telemetry: Reading['telemetry'], location?: string) =>
      reading(
        telemetry,
        { scannerId: 'pi', receivedAt: Date.UTC(2026, 0, 3, 16, 0, seconds), scannerLocation: location },
        { deviceId: 'pi' },
      );
    await sink.write([
      beat(2, { uptime_s: 120.5, messages_sent: 9, devices_seen: 3.7, adapter_status: 'on' }, 'attic'),
      beat(1, { uptime_s: 60, messages_sent: 4, adapter_status: 'off' }),
      reading({ temperature: 1 }, { scannerId: 'pi' }, { deviceId: 'tag' }),
    ]);
    await sink.write([
      beat(3, { uptime_s: 180, adapter_status: 'off' }),
      reading({ uptime_s: 5 }, { scannerId: 'gw' }),
    ]);
    await sink.write([beat(1, { uptime_s: 60, messages_sent: 4, adapter_status: 'late' })]);
    assert.deepEqual(await db.store.query('SELECT * FROM scanners'), [
      {
        scanner_id: 'pi',
        location: 'attic',
        last_seen: new Date(Date.UTC(2026, 0, 3, 16, 0, 3)),
        uptime_s: 180,
        messages_sent: null,
        devices_seen: null,
        adapter_status: 'off',
        org_id: null,
        metadata: {},
      },
    ]);
  });

  it('keeps the newest of each value', async () => {
    const at = (seconds: number, telemetry: Reading['telemetry']) =>
      reading(telemetry, {}, { timestamp: `2026-01-03T16:00:0${seconds}.000Z` });
    await sink.write([at(5, { t: 5, on: true }), at(3, { t: 3, h: 30 }), at(4, { t: 4 })]);
    await sink.write([at(4, { t: 44, h: 40 }), reading({ t: 55 }, {}, { timestamp: '2026-01-03T16:00:05.000001Z' })]);
    assert.deepEqual(await db.store.query('SELECT metric, value, value_text FROM latest_values ORDER BY metric'), [
      { metric: 'h', value: 40, value_text: null },
      { metric: 'on', value: 1, value_text: 'true' },
      { metric: 't', value: 55, value_text: null },
    ]);
  });

  it('stores a reading without values in its device', async () => {
    assert.deepEqual(await sink.write([reading({}, { signalStrength: -70 })]), ['stored']);
    assert.deepEqual(await one('SELECT device_id, rssi FROM devices'), { device_id: 'd', rssi: -70 });
  });

  it('lets two writers with the same devices in another order pass each other', async () => {
    const other = openStore({ url: db.server.url });
    try {
      const second = readingSink({ query: other.prepared, bulk: other.bulk, target: 'second' });
      const batch = (backwards: boolean) => {
        const rows = Array.from({ length: 200 }, (_, n) => reading({ a: n, b: n }, {}, { deviceId: `dev ${n}` }));
        return backwards ? rows.reverse() : rows;
      };
      const writes = Array.from({ length: 10 }, (_, n) => (n % 2 ? sink : second).write(batch(n % 2 === 1)));
      for (const outcomes of await Promise.all(writes)) assert.deepEqual(new Set(outcomes), new Set(['stored']));
    } finally {
      await other.close();
    }
  });

  it('tells same from different in a compressed chunk', async function () {
    if (db.server.variant !== 'timescale') return this.skip();
    const old = [1, 2, 3].map(n => reading({ temperature: n, humidity: n }, {}, { deviceId: `d${n}` }));
    await sink.write(old);
    await db.store.query(`ALTER TABLE sensor_readings SET (timescaledb.compress,
      timescaledb.compress_segmentby = 'device_id, metric', timescaledb.compress_orderby = 'timestamp')`);
    await db.store.query(`SELECT compress_chunk(chunk) FROM show_chunks('sensor_readings') AS chunk`);
    const fresh = reading({ temperature: 4, humidity: 4 }, {}, { deviceId: 'd2' });
    assert.deepEqual(await sink.write([...old, fresh]), ['duplicate', 'duplicate', 'duplicate', 'stored']);
    assert.deepEqual(await one('SELECT count(*) AS n FROM sensor_readings'), { n: 8 });
  });

  it('can put everything into one table', async () => {
    const single = readingSink({
      query: db.store.prepared,
      bulk: db.store.bulk,
      target: 'single',
      table: 'sensor_readings',
    });
    assert.deepEqual(await single.write([reading({ power_kw: 3 })]), ['stored']);
    assert.deepEqual(await one('SELECT metric, value FROM sensor_readings'), { metric: 'power_kw', value: 3 });
  });
});
