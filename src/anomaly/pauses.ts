// Pauses: the last ones that were too long, by which those are known that come every night, every weekend or behind each burst.
import { MOST_PAUSES, PAUSES_KEPT, places } from './cells.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
/** A pause is like one before it, if it is longer by no more. */
const LIKE = 1.3;
/** So far apart ends of pauses may be that come at the same time of day: clocks are set by an hour twice a year. */
const SAME_TIME = 1.25 * HOUR;
/** Where so many like it came among so many pauses of any length, values come in bursts. */
const OFTEN = 4;
const AMONG = 2000;

// Of each, the last one first: when it ended (ms), how long it was (ms; 0: there is none), and how many pauses of any length there had been.
const [END, LENGTH, COUNT] = places(0);
const SIZE = 3;
const AFTER = PAUSES_KEPT + SIZE * MOST_PAUSES;

/** Whether a pause (ms) that ends at a time (ms), after `count` of any length, is one that this series has again and again. */
export function isHabit(cells: Float64Array, end: number, length: number, count: number): boolean {
  let often = 0;
  for (let at = PAUSES_KEPT; at < AFTER; at += SIZE)
    if (isLike(cells, at, length) && count - cells[at + COUNT]! < AMONG) often++;
  return often >= OFTEN || isEach(cells, end, length, DAY) || isEach(cells, end, length, WEEK);
}

/** Remembers one that was too long. */
export function keepPause(cells: Float64Array, end: number, length: number, count: number): void {
  cells.copyWithin(PAUSES_KEPT + SIZE, PAUSES_KEPT, AFTER - SIZE);
  cells[PAUSES_KEPT + END] = end;
  cells[PAUSES_KEPT + LENGTH] = length;
  cells[PAUSES_KEPT + COUNT] = count;
}

const isLike = (cells: Float64Array, at: number, length: number): boolean => cells[at + LENGTH]! * LIKE >= length;

const isEach = (cells: Float64Array, end: number, length: number, period: number): boolean =>
  hasEnded(cells, end - period, length) && hasEnded(cells, end - 2 * period, length);

function hasEnded(cells: Float64Array, time: number, length: number): boolean {
  for (let at = PAUSES_KEPT; at < AFTER; at += SIZE)
    if (isLike(cells, at, length) && Math.abs(cells[at + END]! - time) <= SAME_TIME) return true;
  return false;
}
