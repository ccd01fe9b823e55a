// Histograms of the whole process, by name and labels: how values are spread, at the cost of one addition each.
import type { Labels } from '../kernel/metrics.ts';

/** `counts[i]` are the values up to `bounds[i]` and above the bound before; the last one those above all bounds. */
export type Histogram = {
  readonly name: string;
  readonly labels: Labels;
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum: number;
};

const histograms = new Map<string, Histogram>();

/** Counts values into buckets; the same one for the same name and labels. */
export function histogram(name: string, bounds: readonly number[], labels: Labels = {}): (value: number) => void {
  const key = name + JSON.stringify(labels);
  const found = histograms.get(key) ?? { name, labels, bounds, counts: new Array(bounds.length + 1).fill(0), sum: 0 };
  histograms.set(key, found);
  return value => {
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at++;
    found.counts[at]!++;
    found.sum += value;
  };
}

export function allHistograms(): readonly Histogram[] {
  return [...histograms.values()];
}
