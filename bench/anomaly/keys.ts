// Keys: what becomes of the scorer when devices with ever new names keep coming.
import { deviceScorer } from '../../src/anomaly/device.ts';
import type { Reading } from '../../src/reading/reading.ts';
import type { Report } from '../figure.ts';

/** After so many new names the one device that stays speaks. */
const BETWEEN = 1000;
const START = Date.UTC(2026, 0, 5);
const SPIKE = 40;

const readingOf = (deviceId: string, n: number, value: number): Reading => ({
  ...{ deviceId, protocol: 'mqtt', timestamp: new Date(START + n * 1000).toISOString() },
  ...{ telemetry: { temperature: value }, metadata: { digest: `${deviceId} ${n}` } },
});
const megabytes = () => Math.round(process.memoryUsage().rss / 1e6);

/** So many devices say one thing each; another goes on among them, whose last value is a spike. */
export function everNewNames(names: number, report: Report): void {
  const scorer = deviceScorer();
  const before = megabytes();
  let peak = before;
  const began = performance.now();
  for (let n = 1; n <= names; n++) {
    scorer.score(readingOf(`stranger-${n}`, n, n % 100));
    if (n % BETWEEN !== 0) continue;
    scorer.score(readingOf('resident', n, 20 + Math.sin((n / BETWEEN) * 12.9898)));
    peak = Math.max(peak, megabytes());
  }
  const spent = (1e3 * (performance.now() - began)) / names;
  const last = scorer.score(readingOf('resident', names + BETWEEN, SPIKE));
  report.table('devices with ever new names, at most 10,000 series', [
    ...['names', 'series held', 'series forgotten', 'the one device that stays: its spike'],
    ...['MB resident before', 'at most', 'at the end', 'µs a reading'],
  ]);
  report.row(
    ...[names, scorer.size, scorer.evicted, last !== undefined && last.score < 0 ? `found (${last.kind})` : 'missed'],
    ...[before, peak, megabytes(), spent.toFixed(1)],
  );
}
