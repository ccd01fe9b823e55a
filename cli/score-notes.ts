// What was not as it should be in a CSV, for standard error: nothing is passed over in silence.
import { expected } from '../src/kernel/fault.ts';
import { quantity } from '../src/reading/quantity.ts';

/** So many rows are not judged anyway: nobody must be told how. */
const LEARNING = 64;

/** A row of data: its line, the series it is of, its cells and what was read of them, and how many there are and should be. */
export type Taken = {
  readonly line: number;
  readonly key: string;
  readonly cells: { readonly value: string; readonly time: string };
  readonly value: number | undefined;
  readonly time: number | undefined;
  readonly width: number;
  readonly wanted: number;
};

/** How many rows had a fault, and the first of them in words. */
type Tally = { rows: number; first: string };

const nothing = (): Tally => ({ rows: 0, first: '' });

export function openNotes() {
  let rows = 0;
  let foreignFrom: number | undefined;
  let twice: string | undefined;
  let before = { key: '', time: Number.NEGATIVE_INFINITY };
  const [wide, numbers, times, backward] = [nothing(), nothing(), nothing(), nothing()];
  const add = (tally: Tally, first: () => string): void => {
    if (tally.rows++ === 0) tally.first = first();
  };

  return {
    /** The first line that is no UTF-8. */
    foreign(line: number): void {
      foreignFrom = line;
    },
    /** A name that more than one column has. */
    twice(name: string | undefined): void {
      twice = name;
    },
    take({ line, key, cells, value, time, width, wanted }: Taken): void {
      rows++;
      if (width > wanted) add(wide, () => expected(`line ${line}`, quantity(wanted, 'cell'), width));
      if (value === undefined) add(numbers, () => expected(`line ${line}`, 'a number', cells.value));
      if (time === undefined) {
        add(times, () => expected(`line ${line}`, 'a time', cells.time));
        return;
      }
      if (key === before.key && time < before.time) add(backward, () => `line ${line}: the time goes back`);
      before = { key, time };
    },
    sentences(): string[] {
      const so = ({ first, rows: count }: Tally, what: string) =>
        `${first}; ${count === 1 ? 'the only such row' : `the first of ${count} such rows`}, of ${rows} in all: ${what}`;
      const noTime = times.rows === rows ? 'pauses and times of day were not judged' : 'judged without a time';
      return [
        ...(rows === 0 ? ['there is no row of values'] : []),
        ...(twice === undefined ? [] : [`of the columns called ${twice} the first one counts`]),
        ...(foreignFrom === undefined
          ? []
          : [`line ${foreignFrom}: no UTF-8; such lines are read as Windows-1252, and written as UTF-8`]),
        ...(wide.rows > 0
          ? [so(wide, 'the score stands in a column behind its own; a decimal comma needs ; between cells')]
          : []),
        ...(numbers.rows > 0 ? [so(numbers, 'no score')] : []),
        ...(times.rows > 0 && (times.rows < rows || rows > LEARNING) ? [so(times, noTime)] : []),
        ...(2 * backward.rows > rows
          ? [so(backward, 'rows are judged as they come, the oldest has to be the first')]
          : []),
      ];
    },
  };
}
