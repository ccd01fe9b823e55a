// Rhythm: when values come; tells gaps.
import { acceptedReach, PAUSE as ACCEPTED_PAUSE } from './accepted.ts';
import { places, RHYTHM } from './cells.ts';
import { isHabit, keepPause } from './pauses.ts';
import { breakRun } from './runs.ts';

// A pause counts as a gap when it is this many usual intervals long and twice the longest pause so far. Where values are lost
// now and then, a few in a row are nothing odd: there it takes more, by how many of the pauses were long.
const GAP_INTERVALS = 5;
const GAP_WHERE_LOSSY = 12;
/** A pause of so many usual intervals is long; where so large a share is, values are lost. */
const [LONG, LOSSY] = [1.6, 0.005];
// Over so many pauses that share goes; before there were any, so many are believed to have been short.
const LOSS_SPAN = 4000;
const LOSS_BELIEF = 200;
const KNOWN_INTERVALS = 20;
/** A longest pause of more usual intervals is of another rhythm; of what it was, half is forgotten in about 7,000 pauses. */
const FORGOTTEN = 40;
const FORGETTING = 0.9999;
// A reading that comes late does not turn the clock back; so many in a row do.
const CLOCK_SET_BACK = 3;

// Times of points: the last one (ms), the pause before it, the usual and the longest pause, how many came late in a row, how many pauses there were.
const [LAST, PAUSE, USUAL, LONGEST, BEHIND, PAUSES] = places(RHYTHM);
/** Time of the first point; the share of pauses that were long. */
const [FIRST, LOSS] = places(RHYTHM + 6);
const DAY = 86_400_000;

export function beginRhythm(cells: Float64Array): void {
  cells[LAST] = Number.NaN;
  cells[PAUSE] = Number.NaN;
  cells[FIRST] = Number.NaN;
}

/** Milliseconds between two times (ms) in which nobody listened to the device of the value. */
export type Unheard = (from: number, to: number) => number;

/**
 * Takes the time (ms, NaN: unknown) of the next point and answers how many times too long the pause before it was, as far as
 * somebody listened; above 1 it is a gap.
 */
export function gapBefore(cells: Float64Array, time: number, unheard?: Unheard): number {
  if (Number.isNaN(time)) return 0;
  if (Number.isNaN(cells[FIRST])) cells[FIRST] = time;
  const pause = time - cells[LAST]!;
  cells[PAUSE] = pause < 0 ? 0 : pause;
  cells[BEHIND] = pause < 0 ? cells[BEHIND]! + 1 : 0;
  if (!(pause <= 0) || cells[BEHIND] >= CLOCK_SET_BACK) cells[LAST] = time;
  if (!(pause > 0)) return 0;
  const [usual, longest] = [cells[USUAL]!, cells[LONGEST]!];
  const known = cells[PAUSES]! >= KNOWN_INTERVALS;
  const deaf = pause > longest && unheard !== undefined ? unheard(time - pause, time) : 0;
  const heard = pause - deaf;
  const share = known ? heard / Math.max(gapOf(cells) * usual, 2 * longest) : 0;
  // How long the run that lasts is nobody knows.
  if (deaf > 0) breakRun(cells);
  // Mostly of our own making: it tells nothing of the rhythm.
  if (deaf <= heard) learnPause(cells, pause);
  return share > 1 && isUsual(cells, time, pause) ? 1 : share;
}

/** How many usual intervals make a gap. */
const gapOf = (cells: Float64Array): number =>
  GAP_INTERVALS + (GAP_WHERE_LOSSY - GAP_INTERVALS) * Math.min(1, cells[LOSS]! / LOSSY);

/** A pause that is too long is none that somebody called normal, or that comes again and again. */
function isUsual(cells: Float64Array, time: number, pause: number): boolean {
  const count = cells[PAUSES]!;
  const isOne = pause <= acceptedReach(cells, ACCEPTED_PAUSE) || isHabit(cells, time, pause, count);
  keepPause(cells, time, pause, count);
  // Of the run of equal values that lasts over it nobody saw the end.
  if (isOne) breakRun(cells);
  return isOne;
}

/** Of the last pause among all of them: in the usual one, and in the share of long ones, which are seldom. */
const weightOf = (cells: Float64Array): number => Math.max(1 / cells[PAUSES]!, 0.02);
const weightOfLoss = (cells: Float64Array): number => 1 / Math.min(LOSS_SPAN, cells[PAUSES]! + LOSS_BELIEF);

function learnPause(cells: Float64Array, pause: number): void {
  const [usual, longest] = [cells[USUAL]!, cells[LONGEST]!];
  // A far-ahead time or a week without power must not become the usual pause.
  const most = cells[PAUSES]! < 3 ? pause : GAP_INTERVALS * usual;
  cells[PAUSES]!++;
  cells[LOSS]! += weightOfLoss(cells) * ((pause > LONG * usual ? 1 : 0) - cells[LOSS]!);
  const now = usual + weightOf(cells) * (Math.min(pause, most) - usual);
  const before = Math.min(FORGETTING * longest, FORGOTTEN * now);
  cells[USUAL] = now;
  // A gap that was told does not excuse the next one.
  cells[LONGEST] = Math.max(before, Math.min(pause, GAP_WHERE_LOSSY * now));
}

/** Seconds between the point of this time and the one before; 0 when it is late or repeats a time, NaN for the first and without time. */
export const secondsBefore = (cells: Float64Array, time: number): number =>
  Number.isNaN(time) ? time : cells[PAUSE]! / 1000;

/** The last point was of this time (ms), of which nothing else is to be said. */
export function noteTime(cells: Float64Array, time: number): void {
  if (time > cells[LAST]! || Number.isNaN(cells[LAST])) cells[LAST] = time;
}

/** Time of the last point (ms); NaN where no times are known. */
export const lastTimeOf = (cells: Float64Array): number => cells[LAST]!;

/** Time (ms, NaN: unknown) at which the pause before the last point began. */
export const silentSince = (cells: Float64Array): number => cells[LAST]! - cells[PAUSE]!;

/** How long (ms) the last pause was, and how long one is as a rule. */
export const lastPause = (cells: Float64Array): number => cells[PAUSE]!;
export const usualPause = (cells: Float64Array): number => cells[USUAL]!;
/** The same before a gap, which has been learned as the longest that counts: a person knows how often the device sends. */
export const usualBeforeGap = (cells: Float64Array): number =>
  cells[USUAL]! / (1 + (GAP_INTERVALS - 1) * weightOf(cells));

/** Days from the first point to this time; without times a series is as old as can be. */
export const daysKnown = (cells: Float64Array, time: number): number =>
  Number.isNaN(time) ? Number.POSITIVE_INFINITY : Math.max(0, time - cells[FIRST]!) / DAY;
