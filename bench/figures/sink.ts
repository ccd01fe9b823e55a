// sink: the database write alone, without flow and broker: readings per second by table and batch size, and beside a bare batched insert.
import { digest } from '../../src/kernel/bytes.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { readingSink } from '../../src/sinks/readings.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/store.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { type Figure, ms } from '../figure.ts';
import { load, percentile } from '../machine.ts';
import { deviceOf, energyMessage, isoMicroseconds } from '../message.ts';

const SIZES = [1, 20, 200, 1000, 5000];
const MOST_BATCHES = 400;

/** A message of one row. */
function energyReading(number: number, epochMs: number): Reading {
  const { payload } = energyMessage('sink', number, epochMs * 1000 + number);
  const { timestamp, total_energy_kwh, power_kw, voltage, current } = JSON.parse(payload.toString());
  return {
    deviceId: deviceOf('sink', number),
    protocol: 'mqtt',
    timestamp,
    telemetry: { total_energy_kwh, power_kw, voltage, current },
    metadata: { digest: digest(payload), receivedAt: epochMs, scannerId: 'bench', parser: 'energy' },
  };
}

/** A message of three rows: temperature, humidity and pressure of one advert. */
function sensorReading(number: number, epochMs: number): Reading {
  return {
    deviceId: deviceOf('tag', number),
    protocol: 'bluetooth',
    timestamp: isoMicroseconds(epochMs * 1000 + number),
    telemetry: { temperature: 20 + (number % 100) / 10, humidity: 40 + (number % 30), pressure: 1000 + (number % 50) },
    metadata: {
      digest: digest(`tag ${number}`),
      receivedAt: epochMs,
      scannerId: 'bench',
      parser: 'bthome',
      signalStrength: -60,
    },
  };
}

const KINDS = { energy_readings: energyReading, sensor_readings: sensorReading };

/** The least that stores rows once: five columns, one unique key, no devices, latest values or receipts. */
const BARE_TABLE = `CREATE TABLE bench_bare (time timestamptz, device text, metric text, value float8, raw jsonb,
  UNIQUE (device, metric, time))`;
const BARE = `INSERT INTO bench_bare SELECT * FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::float8[], $5::jsonb[])
  ON CONFLICT DO NOTHING`;

/** As many rows as the readings make, each with a JSON as the sink stores one; the energy of a message stands in one row. */
function bareValues(readings: readonly Reading[], table: string): unknown[] {
  const rows = readings.flatMap(({ timestamp, deviceId, telemetry, metadata: { scannerId, parser } }) =>
    Object.entries(telemetry)
      .slice(0, table === 'energy_readings' ? 1 : undefined)
      .map(([metric, value]) => [timestamp, deviceId, metric, value, JSON.stringify({ scannerId, parser })]),
  );
  return [0, 1, 2, 3, 4].map(column => rows.map(row => row[column]));
}

export const sink: Figure = {
  says: 'readings per second of the database write alone, by table and batch size, new and already stored',
  defaults: { seconds: 3, runs: 1 },
  async run({ seconds }, report) {
    report.table(
      'one write after the other, 100 devices; a reading is one row of energy_readings, three of sensor_readings; bare: as many rows, inserted in turn',
      [
        ...['table', 'readings a batch', 'readings', 'batches', 'readings/s', 'batch p50 ms', 'batch p99 ms'],
        ...['bare rows/s', 'time of bare ×', 'load'],
      ],
    );
    const postgres = await startPostgres();
    const store = openStore({ url: postgres.url });
    try {
      await migrate(postgres.url);
      await store.query(BARE_TABLE);
      const target = readingSink({ query: store.prepared, bulk: store.bulk, target: 'bench' });
      const epochMs = Date.now();
      let next = 0;
      for (const [table, readingOf] of Object.entries(KINDS))
        for (const size of SIZES) {
          const batches: Reading[][] = [];
          for (const readings of ['new', 'already stored']) {
            const took: number[] = [];
            let bare = 0;
            let bareRows = 0;
            const end = performance.now() + seconds * 1000;
            for (let n = 0; n < MOST_BATCHES && performance.now() < end; n++) {
              if (readings === 'new') batches.push(Array.from({ length: size }, () => readingOf(next++, epochMs)));
              const batch = batches[n];
              if (batch === undefined) break;
              const began = performance.now();
              await target.write(batch);
              took.push(performance.now() - began);
              const values = bareValues(batch, table);
              bareRows += (values[0] as unknown[]).length;
              const bareBegan = performance.now();
              await store.prepared(BARE, values);
              bare += performance.now() - bareBegan;
            }
            const busy = took.reduce((sum, one) => sum + one, 0);
            report.row(
              ...[table, size, readings, took.length, Math.round((took.length * size * 1000) / busy)],
              ...[ms(percentile(took, 0.5)), ms(percentile(took, 0.99)), Math.round((bareRows * 1000) / bare)],
              ...[(busy / bare).toFixed(2), load().toFixed(1)],
            );
          }
        }
      await target.close();
    } finally {
      await store.close();
      await postgres.stop();
    }
  },
};
