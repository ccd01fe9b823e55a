// Stillness: whether values still move; tells a sensor that is stuck.
import { acceptedReach, STRETCH, ZERO_STRETCH } from './accepted.ts';
import { places, STILL } from './cells.ts';
import { isOfTwo } from './runs.ts';
import { oddZeros } from './zeros.ts';

// −ln of the chance of a stretch of equal values at which the sensor counts as stuck, and the shortest such stretch.
const STUCK_SURPRISE = 15;
const SHORTEST = 12;
/** Nor is one stuck that is no longer than so many of the longest ever. */
const LONGEST_ALLOWED = 3;
// Of two states the length of stretches is known. Where it is so sure (−ln of a chance) by their number and the longest that they
// end by themselves, one of twice that length is too long. Where they end at any time, it is one of half as much again that comes
// once in so many values. Where the longest is so much longer than chance makes it, nothing is known: a coarse sensor that
// wanders stays at two values for as long as it likes.
const SURE = 5;
const BOUNDED = 2;
const KNOWN_STRETCHES = 30;
const UNBOUNDED = 1.5;
const RARE = 50_000;
const FAR_MORE = 1.5;
/** How much longer than ln of their number, in mean ones, the longest of some stretches is that end at any time. */
const EULER = 0.58;
/** Changes from which a series that stands still may be stuck: what never moved, or seldom, has not stopped. */
const LIVELY = 20;
// What was told teaches nothing, or the first fault would excuse the next: so many times, and once more after so many values.
// What comes oftener, or a day or a week after the one before, is the manner of the series.
const MOST_TOLD = 3;
const BETWEEN = 3000;
const DAY = 86_400_000;
const WEEK = 7 * DAY;
const SAME_TIME = DAY / 16;
/** One stretch is like another that is no more than so many times as long. */
const LIKE = 1.3;

// The last value, since when it stands (ms), how often it was repeated, and how many repeats are too many. STEPS: values that
// were not 0 again; REPEATS: those among them that were the one before again; LONGEST: most of them in a row. TOLD: stretches
// that were told of late; TOLD_END, TOLD_RUN: when the last of them ended (ms), and its repeats.
const [VALUE, SINCE, RUN, LIMIT, STEPS, REPEATS, LONGEST, TOLD, TOLD_END, TOLD_RUN] = places(STILL);
// Stretches of 0, repeats in all of them, and the longest.
const [ZERO_STRETCHES, ZERO_REPEATS, LONGEST_ZEROS] = places(STILL + 10);

export function beginStillness(cells: Float64Array): void {
  cells[VALUE] = Number.NaN;
  cells[SINCE] = Number.NaN;
  cells[TOLD_END] = Number.NaN;
}

/** How many times too long this value, of this time (ms, NaN: unknown), has stood still; from 1 on it is stuck. */
export function stillness(cells: Float64Array, time: number, value: number): number {
  const odd = Number.isNaN(time) ? 0 : oddZeros(cells, time, value);
  cells[TOLD] = Math.max(0, cells[TOLD]! - 1 / BETWEEN);
  const isRepeat = value === cells[VALUE];
  if (!isRepeat || value !== 0) cells[STEPS]!++;
  if (!isRepeat) {
    endStretch(cells, time);
    cells[VALUE] = value;
    cells[SINCE] = time;
    cells[RUN] = 0;
    if (value === 0) cells[ZERO_STRETCHES]!++;
    cells[LIMIT] = value === 0 ? limitOfZeros(cells) : limitOfOthers(cells);
    return 0;
  }
  cells[RUN]!++;
  cells[value === 0 ? ZERO_REPEATS : REPEATS]!++;
  if (!isLively(cells)) return 0;
  const own = cells[RUN]! >= cells[LIMIT]! ? cells[RUN]! / mostOf(cells) : 0;
  return value === 0 ? Math.max(odd, own) : own;
}

/** What the stretch that ended teaches of how long one may be. */
function endStretch(cells: Float64Array, time: number): void {
  const [run, isZero] = [cells[RUN]!, cells[VALUE] === 0];
  if (isLively(cells) && run >= mostOf(cells)) {
    const apart = time - cells[TOLD_END]!;
    const isAlike = run < LIKE * cells[TOLD_RUN]! && cells[TOLD_RUN]! < LIKE * run;
    const isHabit = isAlike && (Math.abs(apart - DAY) < SAME_TIME || Math.abs(apart - WEEK) < SAME_TIME);
    cells[TOLD_END] = time;
    cells[TOLD_RUN] = run;
    if (!isHabit && cells[TOLD]! <= MOST_TOLD - 1) {
      cells[TOLD]!++;
      cells[isZero ? ZERO_REPEATS : REPEATS]! -= run;
      if (isZero) cells[ZERO_STRETCHES]!--;
      else cells[STEPS]! -= run;
      return;
    }
  }
  const longest = isZero ? LONGEST_ZEROS : LONGEST;
  cells[longest] = Math.max(cells[longest]!, run);
}

/** Nothing flows, nothing shines: 0 may stand for as long as it likes, but of two states. It tells nothing of other values. */
const limitOfZeros = (cells: Float64Array): number =>
  isOfTwo(cells)
    ? limitOfTwo(cells[ZERO_STRETCHES]! - 1, cells[ZERO_REPEATS]!, cells[LONGEST_ZEROS]!)
    : Number.POSITIVE_INFINITY;

function limitOfOthers(cells: Float64Array): number {
  const [steps, repeats, longest] = [cells[STEPS]!, cells[REPEATS]!, cells[LONGEST]!];
  const own = isOfTwo(cells)
    ? limitOfTwo(steps - repeats - cells[ZERO_STRETCHES]! - 1, repeats, longest)
    : Number.POSITIVE_INFINITY;
  const chance = (repeats + 1) / (steps + 2);
  return Math.min(own, Math.max(SHORTEST, LONGEST_ALLOWED * longest, STUCK_SURPRISE / -Math.log(chance)));
}

/** How many repeats of one of two states are too many, where so many stretches of it were seen, with so many repeats in all. */
function limitOfTwo(stretches: number, repeats: number, longest: number): number {
  if (stretches < 1 || longest === 0) return Number.POSITIVE_INFINITY;
  const mean = repeats / stretches;
  const surprise = -stretches * Math.log1p(-Math.exp(-longest / mean));
  if (surprise > SURE) return Math.max(SHORTEST, BOUNDED * longest);
  const byChance = mean * (Math.log(stretches) + EULER);
  if (stretches < KNOWN_STRETCHES || longest > FAR_MORE * byChance) return Number.POSITIVE_INFINITY;
  return Math.max(SHORTEST, UNBOUNDED * longest, mean * Math.log(RARE / (mean + 1)));
}

/** How many repeats are too many. */
const mostOf = (cells: Float64Array): number =>
  Math.max(cells[LIMIT]!, acceptedReach(cells, cells[VALUE] === 0 ? ZERO_STRETCH : STRETCH));

/** How many equal values stand in a row, and how many may. */
export const standing = (cells: Float64Array): readonly [values: number, most: number] => [
  cells[RUN]! + 1,
  Math.ceil(mostOf(cells)),
];

/** From when on the last value has stood (ms); NaN where no times are known. */
export const standingSince = (cells: Float64Array): number => cells[SINCE]!;

/** Whether the values were seen to move often enough that one which stands still may be stuck. */
export const isLively = (cells: Float64Array): boolean => cells[STEPS]! - cells[REPEATS]! >= LIVELY;
