// Counter: a series that only ever rises is watched by its rate, not by its value.
import { COUNTER, places } from './cells.ts';

// So many values without a fall, more than half of them rising, make a counter.
const EVIDENCE = 100;

/** `size`: the value in WATCHED is to be judged; `changed`: from now on the series is watched in another way; `reset`: a counter began anew; `late`: tells nothing of the rate. */
export type Watch = 'size' | 'changed' | 'reset' | 'late';

/** WATCHED: what to judge; the value or, of a counter, its rise per second (per point where no times are known). */
export const [WATCHED, IS_COUNTER, VALUES, RISES, FALLS, LAST] = places(COUNTER);

/** Whether the series is watched by its rate. */
export const isCounter = (cells: Float64Array): boolean => cells[IS_COUNTER] === 1;

export function beginCounter(cells: Float64Array): void {
  cells[LAST] = Number.NaN;
}

/** Takes a value, `seconds` after the point before: 0 when it came late, NaN where no times are known. */
export function watch(cells: Float64Array, seconds: number, value: number): Watch {
  cells[WATCHED] = value;
  if (seconds === 0) return cells[IS_COUNTER] === 1 ? 'late' : 'size';
  const before = cells[LAST]!;
  const step = value - before;
  cells[LAST] = value;
  cells[VALUES]!++;
  if (step > 0) cells[RISES]!++;
  if (step < 0) cells[FALLS]!++;
  if (cells[IS_COUNTER] === 1) {
    cells[WATCHED] = Number.isNaN(seconds) ? step : step / seconds;
    if (step >= 0) return 'size';
    // A meter that was replaced or rolled over falls far; a value that merely falls was no counter.
    if (value < before / 2) return 'reset';
    cells[IS_COUNTER] = 0;
    return 'changed';
  }
  if (cells[VALUES] !== EVIDENCE || cells[FALLS] !== 0 || cells[RISES]! <= EVIDENCE / 2) return 'size';
  cells[IS_COUNTER] = 1;
  return 'changed';
}
