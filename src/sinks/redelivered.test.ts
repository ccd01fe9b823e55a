// Redelivered readings against a real PostgreSQL: by their receipt, and by a time that is believed at one time and not at another.
import assert from 'node:assert/strict';
import { digest } from '../kernel/bytes.ts';
import type { Sink } from '../reading/contracts.ts';
import type { Reading } from '../reading/reading.ts';
import { onDatabase } from '../../test/support/database.ts';
import { reading, TIME } from './reading.fixture.ts';
import { readingSink } from './readings.ts';

describe('reading sink: redelivered readings', () => {
  const db = onDatabase();
  let sink: Sink<Reading>;
  before(() => {
    sink = readingSink({ query: db.store.prepared, bulk: db.store.bulk, target: 'test' });
  });
  afterEach(() => db.store?.query('TRUNCATE measurements, sensor_readings, energy_readings, flow_data, receipts'));

  it('recognises a redelivery without a time of its own by its receipt', async () => {
    const delivered = (n: number, key: string, redelivered: boolean, at: string) =>
      reading({ power_kw: n }, { digest: digest(`payload ${n}`), receipt: { key, redelivered } }, { timestamp: at });
    const later = '2026-01-03T16:00:09.000Z';
    const first = [delivered(1, 'client 7', false, TIME), delivered(2, 'client 7', false, TIME)];
    assert.deepEqual(await sink.write(first), ['stored', 'stored']);
    // Of a message with three members, two were stored before the crash.
    assert.deepEqual(await sink.write([1, 2, 3].map(n => delivered(n, 'client 7', true, later))), [
      'duplicate',
      'duplicate',
      'stored',
    ]);
    // Not redelivered: the packet id is used again for a new message of the same content.
    assert.deepEqual(await sink.write([delivered(1, 'client 7', false, later)]), ['stored']);
    assert.deepEqual(await sink.write([delivered(1, 'client 8', true, '2026-01-03T16:00:10.000Z')]), ['stored']);
    const other = readingSink({ query: db.store.prepared, bulk: db.store.bulk, target: 'another node' });
    assert.deepEqual(await other.write([delivered(2, 'client 7', true, later)]), ['stored']);
  });

  it('recognises a redelivery in the same batch, as an outbox brings it', async () => {
    const delivered = (redelivered: boolean, at: string) =>
      reading({ power_kw: 9 }, { digest: digest('nine'), receipt: { key: 'c nine', redelivered } }, { timestamp: at });
    const [first, second] = ['2026-01-03T16:00:00.000Z', '2026-01-03T16:00:05.000Z'] as const;
    assert.deepEqual(await sink.write([delivered(false, first), delivered(true, second), delivered(false, second)]), [
      'stored',
      'duplicate',
      'stored',
    ]);
  });

  it('recognises a redelivery whose own time was believed once and not the other time, as the clock was set between', async () => {
    const said = '2026-01-03T15:59:59.123456Z';
    const receipt = { key: 'c clock', redelivered: false };
    const copies = (telemetry: Reading['telemetry']) => {
      const content = { digest: digest(JSON.stringify(telemetry)) };
      return {
        believed: (redelivered: boolean) =>
          reading(
            telemetry,
            { ...content, ...(redelivered && { receipt: { ...receipt, redelivered } }) },
            { timestamp: said },
          ),
        doubted: (redelivered: boolean) =>
          reading(telemetry, {
            ...{ ...content, timestampSource: 'gateway' as const, deviceTimestamp: said },
            receipt: { ...receipt, redelivered },
          }),
      };
    };
    for (const [n, metric] of ['power_kw', 'flow_rate', 'humidity', 'value_mm'].entries()) {
      const telemetry = { [metric]: n };
      const first = copies(telemetry);
      assert.deepEqual(await sink.write([first.believed(false)]), ['stored']);
      assert.deepEqual(await sink.write([first.doubted(true)]), ['duplicate']);
      const second = copies({ ...telemetry, other: n });
      assert.deepEqual(await sink.write([second.doubted(false)]), ['stored']);
      assert.deepEqual(await sink.write([second.believed(true)]), ['duplicate']);
      const third = copies({ ...telemetry, third: n });
      assert.deepEqual(await sink.write([third.believed(false), third.doubted(true)]), ['stored', 'duplicate']);
      const fourth = copies({ ...telemetry, fourth: n });
      assert.deepEqual(await sink.write([fourth.doubted(false), fourth.believed(true)]), ['stored', 'duplicate']);
      assert.deepEqual(await sink.write([copies({ ...telemetry, fifth: n }).doubted(true)]), ['stored']);
    }
  });

  it('writes no receipt for a row that is refused', async () => {
    const bad = reading({ a: 1 }, { receipt: { key: 'k', redelivered: false }, extra: { x: '\0' } });
    await sink.write([bad, reading({ a: 2 }, { receipt: { key: 'k', redelivered: false } })]);
    assert.deepEqual(await db.store.query('SELECT count(*) AS n FROM receipts'), [{ n: 1 }]);
  });
});
