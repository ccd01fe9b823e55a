// outbox: rows per second onto the disk and out of it to PostgreSQL, and a whole day of outage recovered with an exact count.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openLink } from '../../src/delivery/link.ts';
import { openOutbox } from '../../src/delivery/outbox/outbox.ts';
import { digest } from '../../src/kernel/bytes.ts';
import type { Reading } from '../../src/reading/reading.ts';
import { readingSink } from '../../src/sinks/readings.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { startPostgres } from '../../test/support/postgres.ts';
import type { Figure, Report } from '../figure.ts';
import { load } from '../machine.ts';
import { deviceOf, energyMessage } from '../message.ts';

const SIZES = [1, 20, 200, 5000];
const DAY_S = 86_400;
/** Rows per second of the whole figure: 8.64 million in a day. */
const DAY_RATE = 100;
const BATCH = 5000;
const MAX_BYTES = 8e9;

/** One row each 10 ms, as a day of 100/s has them. */
function readingOf(number: number, epochMs: number): Reading {
  const { payload } = energyMessage('outbox', number, (epochMs + number * 10) * 1000);
  const { timestamp, total_energy_kwh, power_kw, voltage, current } = JSON.parse(payload.toString());
  return {
    deviceId: deviceOf('outbox', number),
    protocol: 'mqtt',
    timestamp,
    telemetry: { total_energy_kwh, power_kw, voltage, current },
    metadata: { digest: digest(payload), receivedAt: epochMs, scannerId: 'bench', parser: 'energy' },
  };
}

async function fill(file: string, report: Report, size: number, seconds: number, epochMs: number): Promise<void> {
  const outbox = await openOutbox<Reading>(file, { maxBytes: MAX_BYTES });
  const pool = Array.from({ length: 20_000 }, (_, n) => readingOf(n, epochMs));
  const began = performance.now();
  let rows = 0;
  while (performance.now() < began + seconds * 1000) {
    const from = rows % (pool.length - size + 1);
    await outbox.append(pool.slice(from, from + size));
    rows += size;
  }
  const took = (performance.now() - began) / 1000;
  report.row(size, rows, Math.round(rows / took), Math.round(outbox.state().bytes / rows), load().toFixed(1));
  await outbox.close();
}

/** The link of timescale-out: rows go in while the database refuses them, then it is there, and live rows come beside. */
async function day(file: string, store: Store, report: Report, rows: number, epochMs: number): Promise<void> {
  const target = readingSink({ query: store.prepared, bulk: store.bulk, target: 'bench' });
  const outbox = await openOutbox<Reading>(file, { maxBytes: MAX_BYTES });
  const filled = performance.now();
  for (let n = 0; n < rows; n += BATCH)
    await outbox.append(Array.from({ length: Math.min(BATCH, rows - n) }, (_, at) => readingOf(n + at, epochMs)));
  const inSeconds = (performance.now() - filled) / 1000;
  const { bytes } = outbox.state();
  await outbox.close();

  const began = performance.now();
  let peak = 0;
  let fate: unknown;
  let live = 0;
  let slowest = 0;
  const link = openLink(target, {
    target: 'database',
    policy: { kind: 'disk', file, maxBytes: MAX_BYTES, maxAgeMs: Infinity, full: 'block' },
    host: { status: () => {}, count: () => {}, gauge: () => {}, log: () => {} },
  });
  for (; fate !== 'stored'; live++) {
    const submitted = performance.now();
    [fate] = await link.submit([readingOf(rows + live, epochMs)]);
    slowest = Math.max(slowest, performance.now() - submitted);
    peak = Math.max(peak, process.memoryUsage().rss);
    await new Promise(resolve => setTimeout(resolve, 5));
  }
  const outSeconds = (performance.now() - began) / 1000;
  await link.close();
  const [counted] = await store.query<{ n: number }>('SELECT count(*) AS n FROM energy_readings');
  report.row(
    ...[rows, Math.round(rows / inSeconds), Math.round(bytes / 1e6), Math.round(rows / outSeconds)],
    ...[live, Math.round(slowest), counted?.n === rows + live ? 'exact' : `${counted?.n}`],
    ...[Math.round(peak / 1e6), load().toFixed(1)],
  );
}

export const outbox: Figure = {
  says: 'rows per second into the outbox and out of it; --full: after a day of outage at 100 rows/s',
  defaults: { seconds: 3, runs: 1, rates: [5] },
  async run({ seconds, rates: asked, full }, report) {
    const rates = full ? [DAY_RATE] : asked;
    const folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-outbox-'));
    const epochMs = Date.UTC(2026, 0, 3);
    try {
      report.table('in, one append after the other, each with its fsync', [
        ...['rows an append', 'rows', 'rows/s', 'bytes a row on disk', 'load'],
      ]);
      for (const size of SIZES) await fill(path.join(folder, `${size}.outbox`), report, size, seconds, epochMs);
      report.table('a day of outage at --rate rows/s, then PostgreSQL is there, with a live row every 5 ms', [
        ...['rows', 'in rows/s', 'MB', 'out rows/s', 'live rows', 'slowest live row ms', 'count', 'memory MB', 'load'],
      ]);
      for (const rate of rates) {
        const postgres = await startPostgres();
        const store = openStore({ url: postgres.url });
        try {
          await migrate(postgres.url);
          await day(path.join(folder, 'day.outbox'), store, report, rate * DAY_S, epochMs);
        } finally {
          await store.close();
          await postgres.stop();
        }
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
