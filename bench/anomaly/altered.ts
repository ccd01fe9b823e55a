// Altered: the labelled series in other clothes. A scorer that was fitted to the originals loses here; one that understood them hardly does.
import type { Labelled } from './corpus.ts';
import { draws } from './random.ts';

/** The same rows with other values, or at other times. */
type Alter = (file: Labelled) => Labelled;

const SEED = 12_345;
const HOURS = 7.2 * 3_600_000;

function spreadOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** Only some rows of a file, first and last rows of windows among them. */
function rowsOf({ name, times, values, windows }: Labelled, keep: (row: number) => boolean): Labelled {
  const edges = new Set(windows.flat());
  const rows = Array.from(values.keys()).filter(row => edges.has(row) || keep(row));
  const places = new Map(rows.map((row, place) => [row, place]));
  return {
    name,
    times: Float64Array.from(rows, row => times[row]!),
    values: Float64Array.from(rows, row => values[row]!),
    windows: windows.map(([from, to]) => [places.get(from)!, places.get(to)!] as const),
  };
}

/** The first 7 % are missing: what was learned of them is. */
function late(file: Labelled): Labelled {
  const from = Math.min(Math.floor(0.07 * file.values.length), file.windows[0]?.[0] ?? Number.POSITIVE_INFINITY);
  return rowsOf(file, row => row >= from);
}

export const ALTERATIONS: Readonly<Record<string, Alter>> = {
  'turned upside down': file => ({ ...file, values: file.values.map(value => -value) }),
  'in other units (37.7 x + 1000)': file => ({ ...file, values: file.values.map(value => 1000 + 37.7 * value) }),
  'with noise of 5 % of the spread': file => {
    const [draw, size] = [draws(SEED), 0.05 * spreadOf(file.values)];
    return { ...file, values: file.values.map(value => value + size * draw.gauss()) };
  },
  'rounded to 5 % of the spread': file => {
    const step = 0.05 * spreadOf(file.values);
    return { ...file, values: file.values.map(value => Math.round(value / step) * step) };
  },
  'in another time zone': file => ({ ...file, times: file.times.map(time => time + HOURS) }),
  'every tenth row missing': file => {
    const draw = draws(SEED);
    return rowsOf(file, () => draw.uniform() > 0.1);
  },
  'begun later': late,
};
