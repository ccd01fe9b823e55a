// Metrics as Prometheus reads them (text format 0.0.4).
import { allMetrics, type Labels, type Sample } from '../kernel/metrics.ts';
import { allHistograms, type Histogram } from '../reading/histogram.ts';

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export function metricsText(
  samples: readonly Sample[] = allMetrics(),
  histograms: readonly Histogram[] = allHistograms(),
): string {
  const families = new Map<string, Sample[]>();
  for (const sample of [...samples, ...ofProcess()]) {
    const family = families.get(sample.name);
    if (family === undefined) families.set(sample.name, [sample]);
    else family.push(sample);
  }
  const texts = [...families].map(
    ([name, family]) => `# TYPE ${name} ${family[0]!.kind}\n${family.map(lineOf).join('')}`,
  );
  const names = new Set(histograms.map(({ name }) => name));
  for (const name of names) {
    const family = histograms.filter(one => one.name === name);
    texts.push(`# TYPE ${name} histogram\n${family.map(linesOf).join('')}`);
  }
  return texts.join('');
}

function lineOf({ name, labels, value }: { name: string; labels: Labels; value: number }): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  const shown = Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${shown}\n`;
}

/** Each bucket counts all values up to its bound. */
function linesOf({ name, labels, bounds, counts, sum }: Histogram): string {
  let total = 0;
  const buckets = counts.map((count, at) => {
    total += count;
    const le = at < bounds.length ? String(bounds[at]) : '+Inf';
    return lineOf({ name: `${name}_bucket`, labels: { ...labels, le }, value: total });
  });
  const ends = [
    lineOf({ name: `${name}_sum`, labels, value: sum }),
    lineOf({ name: `${name}_count`, labels, value: total }),
  ];
  return [...buckets, ...ends].join('');
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
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
