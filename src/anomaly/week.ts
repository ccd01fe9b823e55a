// Week: what a time of the day or week has brought twice (work begins, a weekend, a nightly back-up) is no news the third time.
import { type Known, places, SLOTS, WEEK, WEEK_BINS, WEEK_SLOTS } from './cells.ts';

const HALF_HOUR = 1_800_000;

// The half hour of the week of the last value, the greatest surprise in it so far, and what the half hour before it had
// brought the last two times. USED: what this time is used to. ONCE: what it brought a day or a week before.
const [NOW, GREATEST, BEFORE, USED, ONCE] = places(WEEK);

// Of each half hour of the week: the greatest surprise of the last time, and the lesser one of the last two times.
const lastOf = (slot: number): number => WEEK_BINS + ((slot + WEEK_SLOTS) % WEEK_SLOTS);
const twiceOf = (slot: number): number => lastOf(slot) + WEEK_SLOTS;

export function beginWeek({ cells, bins }: Known): void {
  cells[NOW] = -1;
  cells[GREATEST] = 0;
  cells[BEFORE] = 0;
  cells[USED] = 0;
  cells[ONCE] = 0;
  bins.fill(0, WEEK_BINS);
}

/** The surprise that this time brought on both days, or both weeks, before; half an hour more or less. */
export const usedTo = (cells: Float64Array): number => cells[USED]!;

/** The greatest surprise that this time brought a day or a week before. */
export const onceBefore = (cells: Float64Array): number => cells[ONCE]!;

/** Looks up what a time (ms, NaN: unknown) is used to. */
export function lookBack({ cells, bins }: Known, time: number): void {
  cells[USED] = 0;
  cells[ONCE] = 0;
  if (!(time >= 0)) return;
  const slot = Math.floor(time / HALF_HOUR) % WEEK_SLOTS;
  const last = cells[NOW]!;
  if (slot !== last) {
    if (last >= 0) {
      const greatest = cells[GREATEST]!;
      cells[BEFORE] = bins[twiceOf(last)]!;
      bins[twiceOf(last)] = Math.min(greatest, bins[lastOf(last)]!);
      bins[lastOf(last)] = greatest;
    }
    cells[NOW] = slot;
    cells[GREATEST] = 0;
  }
  const weekly = Math.max(cells[BEFORE]!, bins[twiceOf(slot)]!, bins[twiceOf(slot + 1)]!);
  const yesterday = around(bins, slot - SLOTS);
  cells[USED] = Math.max(weekly, Math.min(yesterday, around(bins, slot - 2 * SLOTS)));
  cells[ONCE] = Math.max(yesterday, bins[lastOf(slot)]!, bins[lastOf(slot + 1)]!);
}

/** The greatest surprise of a half hour or its neighbours. */
const around = (bins: Float32Array, slot: number): number =>
  Math.max(bins[lastOf(slot - 1)]!, bins[lastOf(slot)]!, bins[lastOf(slot + 1)]!);

/** Remembers how surprising a value was at the time that was last looked up. */
export function rememberSurprise(cells: Float64Array, surprise: number): void {
  cells[GREATEST] = Math.max(cells[GREATEST]!, surprise);
}
