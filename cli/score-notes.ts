// What was not as it should be in a CSV, for standard error: nothing is passed over in silence.
import { expected } from '../src/kernel/fault.ts';
import { quantity } from '../src/reading/quantity.ts';
import type { Table } from './score-table.ts';

/** So many rows are not judged anyway: nobody must be told how. */
const LEARNING = 64;

/** A row of data: its line, the series it is of, a cell that should be a number and is none, its time, and how many cells there are and should be. */
export type Taken = {
  readonly line: number;
  readonly key: string;
  readonly unread: string | undefined;
  readonly time: { readonly said: string; readonly ms?: number };
  readonly width: number;
  readonly wanted: number;
};

/** How many rows had a fault, and the first of them in words. */
type Tally = { rows: number; first: string };

const nothing = (): Tally => ({ rows: 0, first: '' });

export function openNotes() {
  let rows = 0;
  let foreignFrom: number | undefined;
  let cutFrom: number | undefined;
  let openFrom: number | undefined;
  let table: Pick<Table, 'twice' | 'hasScore' | 'width' | 'by' | 'time' | 'values'> | undefined;
  let before = { key: '', time: Number.NEGATIVE_INFINITY };
  const [wide, numbers, times, backward, again] = [nothing(), nothing(), nothing(), nothing(), nothing()];
  const add = (tally: Tally, first: () => string): void => {
    if (tally.rows++ === 0) tally.first = first();
  };

  return {
    /** The first line that is no UTF-8. */
    foreign(line: number): void {
      foreignFrom = line;
    },
    /** The first line that was longer than what is written of it. */
    cut(line: number): void {
      cutFrom ??= line;
    },
    /** The first line in which a quote is never closed. */
    open(line: number): void {
      openFrom ??= line;
    },
    /** What the first row tells. */
    begin(given: typeof table): void {
      table = given;
    },
    take({ line, key, unread, time: { said, ms: time }, width, wanted }: Taken): void {
      rows++;
      if (width > wanted) add(wide, () => expected(`line ${line}`, quantity(wanted, 'cell'), width));
      if (unread !== undefined) add(numbers, () => expected(`line ${line}`, 'a number', unread));
      if (time === undefined) {
        add(times, () => expected(`line ${line}`, 'a time', said));
        return;
      }
      if (key === before.key && time < before.time) add(backward, () => `line ${line}: the time goes back`);
      if (key === before.key && time === before.time) add(again, () => `line ${line}: the time of the row before`);
      before = { key, time };
    },
    sentences(): string[] {
      const so = ({ first, rows: count }: Tally, what: string) =>
        `${first}; ${count === 1 ? 'the only such row' : `the first of ${count} such rows`}, of ${rows} in all: ${what}`;
      const noTime = times.rows === rows ? 'pauses and times of day were not judged' : 'judged without a time';
      return [
        ...(rows === 0 ? ['there is no row of values'] : []),
        ...(table?.twice === undefined ? [] : [`of the columns called ${table.twice} the first one counts`]),
        ...(table?.hasScore ? ['anomaly_score was a column before; the new one is the last'] : []),
        ...(foreignFrom === undefined
          ? []
          : [`line ${foreignFrom}: no UTF-8; such lines are read as Windows-1252, and written as UTF-8`]),
        ...(cutFrom === undefined ? [] : [`line ${cutFrom}: longer than 1 MB; of such lines the rest is left out`]),
        ...(openFrom === undefined
          ? []
          : [`line ${openFrom}: a quote is never closed; each line behind it is read as a row`]),
        ...(wide.rows > 0
          ? [so(wide, 'the score stands in a column behind its own; a decimal comma needs ; between cells')]
          : []),
        ...(numbers.rows > 0 ? [so(numbers, 'no score')] : []),
        ...(times.rows > 0 && (times.rows < rows || rows > LEARNING) ? [so(times, noTime)] : []),
        ...(2 * backward.rows > rows
          ? [so(backward, 'rows are judged as they come, the oldest has to be the first')]
          : []),
        // Another column may tell of which series a row is.
        ...(table !== undefined &&
        table.width > table.time.length + table.values.length + table.by.length &&
        4 * again.rows > rows
          ? [so(again, 'judged as one series; where there are several, --by names the column that tells them apart')]
          : []),
      ];
    },
  };
}
