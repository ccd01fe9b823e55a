// Metrics as Prometheus reads them (text format 0.0.4).
import { allMetrics, type Labels, type Sample } from '../kernel/metrics.ts';
import { allHistograms, type Histogram } from '../reading/histogram.ts';
import { metricsHelp } from './metrics-help.ts';

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function metricsText(
  samples: readonly Sample[] = allMetrics(),
  histograms: readonly Histogram[] = allHistograms(),
): string {
  const families = new Map<string, { kind: Sample['kind']; values: Map<string, number> }>();
  for (const { name, labels, value, kind } of [...samples, ...ofProcess()]) {
    const { values } = families.get(name) ?? { values: new Map<string, number>() };
    const series = seriesOf(name, labels);
    // Prometheus takes no text that has one series twice: the parts of a counter add up, the last gauge counts.
    values.set(series, kind === 'counter' ? (values.get(series) ?? 0) + value : value);
    families.set(name, { kind: families.get(name)?.kind ?? kind, values });
  }
  const texts = [...families].map(
    ([name, { kind, values }]) =>
      headOf(name, kind) + [...values].map(([series, value]) => line(series, value)).join(''),
  );
  const names = new Set(histograms.map(({ name }) => name));
  for (const name of names) {
    const family = histograms.filter(one => one.name === name);
    texts.push(headOf(name, 'histogram') + family.map(linesOf).join(''));
  }
  return texts.join('');
}

function headOf(name: string, kind: Sample['kind'] | 'histogram'): string {
  const help = Object.hasOwn(metricsHelp, name) ? `# HELP ${name} ${metricsHelp[name]}\n` : '';
  return `${help}# TYPE ${name} ${kind}\n`;
}

/** `name{label="text",…}`, the same for the same labels in any order; `last` stands behind them. */
function seriesOf(name: string, labels: Labels, ...last: readonly string[]): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  const all = [...pairs.sort(), ...last];
  return all.length === 0 ? name : `${name}{${all.join(',')}}`;
}

function line(series: string, value: number): string {
  const shown = Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  return `${series} ${shown}\n`;
}

/** Each bucket counts all values up to its bound. */
function linesOf({ name, labels, bounds, counts, sum }: Histogram): string {
  let total = 0;
  const buckets = counts.map((count, at) => {
    total += count;
    const le = at < bounds.length ? String(bounds[at]) : '+Inf';
    return line(seriesOf(`${name}_bucket`, labels, `le="${le}"`), total);
  });
  const ends = [line(seriesOf(`${name}_sum`, labels), sum), line(seriesOf(`${name}_count`, labels), total)];
  return [...buckets, ...ends].join('');
}

function escaped(text: string): string {
  return text.toWellFormed().replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** Names as other programs call them. */
function ofProcess(): readonly Sample[] {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const one = (name: string, value: number, kind: Sample['kind']): Sample => ({ name, value, kind, labels: {} });
  return [
    one('process_resident_memory_bytes', rss, 'gauge'),
    one('nodejs_heap_size_used_bytes', heapUsed, 'gauge'),
    one('process_cpu_seconds_total', (user + system) / 1e6, 'counter'),
    one('process_start_time_seconds', Math.round(performance.timeOrigin) / 1000, 'gauge'),
  ];
}
