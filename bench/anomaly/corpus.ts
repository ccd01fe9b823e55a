// Corpus: the labelled series of NAB that stand in a folder, in their own layout (data/<category>/<file>.csv, windows.json).
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

export type Labelled = {
  /** `category/file.csv`. */
  readonly name: string;
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** First and last row of each labelled window. */
  readonly windows: readonly (readonly [number, number])[];
};

/** Where it is looked for: in the folder that FIELDLINE_NAB names, else beside the checkout. */
export const corpusFolder = process.env['FIELDLINE_NAB'] ?? path.join(import.meta.dirname, '../../../shared/data/nab');

/** Milliseconds of `2014-04-10 16:15:00[.000000]`, in UTC. */
const timeOf = (text: string): number => Date.parse(`${text.slice(0, 19).replace(' ', 'T')}Z`);

/** Throws when the folder is no such corpus, a window fits no row, or a file has no window entry. */
export function readCorpus(folder: string): Labelled[] {
  const labels: Record<string, [string, string][]> = JSON.parse(
    readFileSync(path.join(folder, 'windows.json'), 'utf8'),
  );
  return globSync('*/*.csv', { cwd: path.join(folder, 'data') })
    .sort()
    .map(name => {
      const [, ...lines] = readFileSync(path.join(folder, 'data', name), 'utf8')
        .trim()
        .split('\n');
      const cells = lines.map(line => line.split(','));
      const times = Float64Array.from(cells, ([time = '']) => timeOf(time));
      const windows = labels[name]?.map(([from, to]): [number, number] => [
        times.indexOf(timeOf(from)),
        times.indexOf(timeOf(to)),
      ]);
      if (windows === undefined || windows.flat().includes(-1)) throw new Error(`${name}: windows do not fit its rows`);
      return { name, times, values: Float64Array.from(cells, ([, value]) => Number(value)), windows };
    });
}
