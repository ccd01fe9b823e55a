// Returned: what a fault that lasted taught the range of values is taken back once it is over and values are as before.
import { type Known, places, RETURNED, VALUE } from './cells.ts';
import { LEARNED, learn } from './panel.ts';
import { NEW_RANGE, putAside, takeUp, wasInRange } from './range.ts';
import { GROWN } from './tail.ts';

/** The range is put aside once in so many values, so that it is known as it was before a drift was told. */
const EVERY = 100;
/** So many values in a row inside the range as it was: the fault is over. */
const BACK = 30;
/** Of fewer values outside of it, each is learned as it came. */
const LASTED = 12;
// A state that is seldom entered looks like a fault, until it has come more often than that.
const MOST_TAKEN = 3;
const BETWEEN = 3000;

// ASIDE: values since the range was put aside. AGE: values since the alarm with which a fault began, 0: there is none. INSIDE:
// the last ones in a row inside the range as it was before; OUTSIDE: all that were not. TAKEN: faults taken back of late. All are 0 at
// first.
const [ASIDE, AGE, INSIDE, OUTSIDE, TAKEN] = places(RETURNED);

/** Learns the value in VALUE, which was judged (or a tamer one in its place); `isAlarm`: it was reported. */
export function learnJudged(known: Known, isAlarm: boolean): void {
  const { cells } = known;
  learn(known);
  cells[TAKEN] = Math.max(0, cells[TAKEN]! - 1 / BETWEEN);
  if (cells[AGE] === 0 && !(isAlarm && cells[LEARNED]! >= GROWN)) {
    if (++cells[ASIDE]! >= EVERY) keep(cells);
    return;
  }
  if (cells[AGE]!++ === 0) {
    cells[INSIDE] = 0;
    cells[OUTSIDE] = 0;
  }
  const isInside = wasInRange(cells, cells[VALUE]!);
  cells[INSIDE] = isInside ? cells[INSIDE]! + 1 : 0;
  if (!isInside) cells[OUTSIDE]!++;
  if (cells[INSIDE]! >= BACK) {
    cells[AGE] = 0;
    if (cells[OUTSIDE]! < LASTED || cells[TAKEN]! > MOST_TAKEN - 1) return;
    cells[TAKEN]!++;
    takeUp(cells);
  } else if (cells[AGE]! > NEW_RANGE) {
    // What has not gone by then is no fault but the new manner of the series.
    cells[AGE] = 0;
    keep(cells);
  }
}

function keep(cells: Float64Array): void {
  putAside(cells);
  cells[ASIDE] = 0;
}
