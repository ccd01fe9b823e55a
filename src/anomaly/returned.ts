// Returned: what a fault that lasted taught the range of values, and the two states of a switch, is taken back once it is over and values are as before.
import { type Known, places, RETURNED, VALUE } from './cells.ts';
import { LEARNED, learn } from './panel.ts';
import { putAside, takeUp, wasInRange } from './range.ts';
import { putRunsAside, takeUpRuns } from './runs.ts';
import { GROWN } from './tail.ts';

/** The range is put aside once in so many values, so that it is known as it was before a drift was told. */
const EVERY = 100;
// So many values in a row inside the range as it was, and so many times more than ever between two that were not: the fault is
// over. Of several states that drift, some are inside all the time. What has not gone after so many is no fault.
const BACK = 100;
const LONGER = 3;
const LONGEST_FAULT = 2500;
// A light that goes on at the first sunrise, or on the first working day, is no fault: what lasts for longer than so many values
// is taken back only where the series was known for half as long again before, and once in so many values.
const LONG = 400;
const KNOWN = 1.5;
const BETWEEN_LONG = 30_000;
/** Of fewer values outside of it, each is learned as it came. */
const LASTED = 12;
// A state that is seldom entered looks like a fault, until it has come more often than that.
const MOST_TAKEN = 3;
const BETWEEN = 3000;

// ASIDE: values since the range was put aside. AGE: values since the alarm with which a fault began, 0: there is none. INSIDE:
// the last ones in a row inside the range as it was before; OUTSIDE: all that were not; LONGEST_INSIDE: most in a row between
// two of these. TAKEN: faults taken back of late; REST: values until another long one may be. All are 0 at first.
const [ASIDE, AGE, INSIDE, OUTSIDE, TAKEN, LONGEST_INSIDE, REST] = places(RETURNED);

/** Learns the value in VALUE, which was judged (or a tamer one in its place); `isAlarm`: it was reported. */
export function learnJudged(known: Known, isAlarm: boolean): void {
  const { cells } = known;
  learn(known);
  cells[TAKEN] = Math.max(0, cells[TAKEN]! - 1 / BETWEEN);
  cells[REST] = Math.max(0, cells[REST]! - 1);
  if (cells[AGE] === 0 && !(isAlarm && cells[LEARNED]! >= GROWN)) {
    if (++cells[ASIDE]! >= EVERY) keep(cells);
    return;
  }
  if (cells[AGE]!++ === 0) {
    cells[INSIDE] = 0;
    cells[OUTSIDE] = 0;
    cells[LONGEST_INSIDE] = 0;
  }
  const isInside = wasInRange(cells, cells[VALUE]!);
  if (isInside) cells[INSIDE]!++;
  else {
    cells[LONGEST_INSIDE] = Math.max(cells[LONGEST_INSIDE]!, cells[INSIDE]!);
    cells[INSIDE] = 0;
    cells[OUTSIDE]!++;
  }
  if (cells[INSIDE]! >= Math.max(BACK, LONGER * cells[LONGEST_INSIDE]!)) {
    const age = cells[AGE]!;
    cells[AGE] = 0;
    if (cells[OUTSIDE]! < LASTED || cells[TAKEN]! > MOST_TAKEN - 1) return;
    const lasted = age - cells[INSIDE]!;
    if (lasted > LONG) {
      if (cells[REST]! > 0 || cells[LEARNED]! - age < KNOWN * lasted) return;
      cells[REST] = BETWEEN_LONG;
    }
    cells[TAKEN]!++;
    takeUp(cells);
    takeUpRuns(cells);
  } else if (cells[AGE]! > LONGEST_FAULT) {
    // What has not gone by then is no fault but the new manner of the series.
    cells[AGE] = 0;
    keep(cells);
  }
}

function keep(cells: Float64Array): void {
  putAside(cells);
  putRunsAside(cells);
  cells[ASIDE] = 0;
}
