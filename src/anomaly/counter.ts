// Counter: a series that only ever rises is watched by its rate, not by its value.
import { COUNTER, type Known, places } from './cells.ts';

// So many values without a fall, and so many rises among them, make a counter: a meter may stand still for hours at first.
// It may begin anew every day, or whenever its register is full: then there are so many rises for each such fall.
const EVIDENCE = 100;
const RISEN = 30;
const RISES_FOR_A_RESET = 10;
/** One reading in so many may be wrong, and a counter falls behind or before it. */
const BETWEEN_WRONG = 1000;
/** Two rises are the same within this share of the counter: it was rounded. */
const ROUNDING = 1e-12;

/** `size`: the value in WATCHED is to be judged; `changed`: from now on the series is watched in another way; `reset`: a counter began anew; `late`: tells nothing of the rate. */
export type Watch = 'size' | 'changed' | 'reset' | 'late';

/** WATCHED: what to judge; the value or, of a counter, its rise per second (per point where no times are known). RISE: the last one. PULSE: the least step between two rises so far. FALLS: those that were no resets. SECONDS: over which the last rise came. */
export const [WATCHED, IS_COUNTER, VALUES, RISES, FALLS, LAST, RISE, PULSE, SECONDS, RESETS] = places(COUNTER);

/** Whether the series is watched by its rate. */
export const isCounter = (cells: Float64Array): boolean => cells[IS_COUNTER] === 1;

/** What of the last value was judged: itself or, of a counter, its rise per second. */
export const watchedOf = ({ cells }: Pick<Known, 'cells'>): { readonly value: number; readonly isRate: boolean } => ({
  value: cells[WATCHED]!,
  isRate: isCounter(cells),
});

/** Whether WATCHED is what the last value tells: a counter that began anew, or came late, tells no rate. */
export const isWatched = (cells: Float64Array): boolean =>
  cells[IS_COUNTER] !== 1 || (cells[RISE]! >= 0 && cells[WATCHED] === cells[RISE]! / cells[SECONDS]!);

/** The least step between two rates of a counter, as of one that counts whole pulses; 0 where nothing is counted. */
export const pulseOf = (cells: Float64Array): number =>
  cells[IS_COUNTER] === 1 && Number.isFinite(cells[PULSE]) ? cells[PULSE]! / cells[SECONDS]! : 0;

export function beginCounter(cells: Float64Array): void {
  cells[LAST] = Number.NaN;
  cells[RISE] = Number.NaN;
  cells[PULSE] = Number.POSITIVE_INFINITY;
}

/** Takes a value, `seconds` after the point before: 0 when it came late, NaN where no times are known. */
export function watch(cells: Float64Array, seconds: number, value: number): Watch {
  cells[WATCHED] = value;
  if (seconds === 0) return cells[IS_COUNTER] === 1 ? 'late' : 'size';
  const before = cells[LAST]!;
  const step = value - before;
  cells[LAST] = value;
  const change = Math.abs(step - cells[RISE]!);
  if (change > ROUNDING * Math.abs(value) && change < cells[PULSE]!) cells[PULSE] = change;
  cells[RISE] = step;
  cells[SECONDS] = Number.isNaN(seconds) ? 1 : seconds;
  cells[VALUES]!++;
  if (step > 0) cells[RISES]!++;
  const isReset = step < 0 && value >= 0 && value < before / 2;
  if (step < 0) cells[isReset ? RESETS : FALLS]!++;
  if (cells[IS_COUNTER] === 1) {
    cells[WATCHED] = step / cells[SECONDS]!;
    if (step >= 0) return 'size';
    // A meter that was replaced or rolled over falls far, one that was read wrong once a little; what falls again and again
    // was no counter.
    if (isReset || cells[FALLS]! <= cells[VALUES]! / BETWEEN_WRONG) return 'reset';
    cells[IS_COUNTER] = 0;
    return 'changed';
  }
  if (cells[VALUES]! < EVIDENCE || cells[FALLS] !== 0) return 'size';
  if (cells[RISES]! < Math.max(RISEN, RISES_FOR_A_RESET * cells[RESETS]!)) return 'size';
  cells[IS_COUNTER] = 1;
  return 'changed';
}
