// sink: the database write alone, without flow and broker: rows per second by batch size, and the cost of rows written before.
import { digest } from '../../src/kernel/bytes.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { readingSink } from '../../src/sinks/readings.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/store.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import { type Figure, ms } from '../figure.ts';
import { load, percentile } from '../machine.ts';
import { deviceOf, energyMessage } from '../message.ts';

const SIZES = [1, 20, 200, 1000, 5000];
const MOST_BATCHES = 400;

function readingOf(number: number, epochMs: number): Reading {
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

export const sink: Figure = {
  says: 'rows per second of the database write alone, by batch size, new and already stored',
  defaults: { seconds: 3, runs: 1 },
  async run({ seconds }, report) {
    report.table('one write after the other, 100 devices', [
      'rows a batch',
      'rows',
      'batches',
      'rows/s',
      'batch p50 ms',
      'batch p99 ms',
      'load',
    ]);
    const postgres = await startPostgres();
    const store = openStore({ url: postgres.url });
    try {
      await migrate(postgres.url);
      const target = readingSink({ query: store.query, bulk: store.bulk, target: 'bench' });
      const epochMs = Date.now();
      let next = 0;
      for (const size of SIZES) {
        const batches: Reading[][] = [];
        for (const rows of ['new', 'already stored']) {
          const took: number[] = [];
          const end = performance.now() + seconds * 1000;
          for (let n = 0; n < MOST_BATCHES && performance.now() < end; n++) {
            if (rows === 'new') batches.push(Array.from({ length: size }, () => readingOf(next++, epochMs)));
            const batch = batches[n];
            if (batch === undefined) break;
            const began = performance.now();
            await target.write(batch);
            took.push(performance.now() - began);
          }
          const busy = took.reduce((sum, one) => sum + one, 0);
          report.row(
            ...[size, rows, took.length, Math.round((took.length * size * 1000) / busy)],
            ...[ms(percentile(took, 0.5)), ms(percentile(took, 0.99)), load().toFixed(1)],
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
