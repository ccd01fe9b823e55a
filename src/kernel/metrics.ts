// Counters and gauges of the whole process, by name and labels; read by status texts, /health and the dashboard.

export type Labels = Readonly<Record<string, string>>;
export type Sample = { name: string; labels: Labels; value: number; kind: 'counter' | 'gauge' };

const samples = new Map<string, Sample>();
// Labels may carry device input (reasons); a flood of new ones must not fill the memory.
const LIMIT = 5000;

function sample(name: string, labels: Labels, kind: Sample['kind']): Sample {
  const key = name + JSON.stringify(labels);
  let found = samples.get(key);
  if (found === undefined) {
    if (samples.size >= LIMIT) return { name, labels, value: 0, kind };
    found = { name, labels, value: 0, kind };
    samples.set(key, found);
  }
  return found;
}

/** Adds to a counter, e.g. count('fieldline_rejected_total', 3, { node: 'laser-decode', reason: 'crc' }). */
export function count(name: string, by = 1, labels: Labels = {}): void {
  sample(name, labels, 'counter').value += by;
}

/** The same counter again and again, looked up once. */
export function counter(name: string, labels: Labels = {}): (by: number) => void {
  const found = sample(name, labels, 'counter');
  return by => {
    found.value += by;
  };
}

export function gauge(name: string, value: number, labels: Labels = {}): void {
  sample(name, labels, 'gauge').value = value;
}

/** Value of one sample, 0 when it was never counted. */
export function metric(name: string, labels: Labels = {}): number {
  return samples.get(name + JSON.stringify(labels))?.value ?? 0;
}

/** All samples as they stand. */
export function allMetrics(): readonly Sample[] {
  return [...samples.values()];
}

/** Forgets a node's gauges when it closes, so that a removed node does not show a value for ever. */
export function forgetGauges(labels: Labels): void {
  for (const [key, one] of samples)
    if (one.kind === 'gauge' && Object.entries(labels).every(([name, value]) => one.labels[name] === value))
      samples.delete(key);
}
