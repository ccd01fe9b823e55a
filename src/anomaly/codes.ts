// Codes: a status register tells states by few small whole numbers; how far one is from another means nothing.
import { CODES, KNOWN_CODES, MOST_CODES, places } from './cells.ts';

const LARGEST_CODE = 255;
// From then on a code that was never seen is news, if the register was seen to change at all.
const KNOWN_AFTER = 64;
// A fault that a register shows is news when it comes back as well: while its code was entered no more often than that, and
// less than once in so many values, and the register keeps each state for so many on average, which counts do not.
const MOST_TOLD = 5;
const RARE = 1000;
const KEPT = 4;
/** A code that comes back within so many values had hardly gone: the same visit goes on. */
const SAME_VISIT = 100;

// CHANGES: from one code to another. LAST: place of the last code.
const [SIZES, HAVE, POINTS, CHANGES, LAST] = places(CODES);
// Of each code: how often it was entered, and the point at which it was last seen.
const [CODE, ENTERED, SEEN] = places(0);
const placeOf = (one: number): number => KNOWN_CODES + 3 * one;

/** A register goes to and fro between its states; a quantity that wanders slowly, as a battery does, comes to each so often at most. */
const FEW_CHANGES = 4;
/** States are numbered from 0 or 1 on: what goes to and fro between neighbours from here on is a size in whole numbers. */
const FIRST_SIZE = 10;

/** What a value is: a size, a code as it comes, or one that comes rarely or for the first time. */
export type Role = 'size' | 'known' | 'rare';

export function roleOf(cells: Float64Array, value: number): Role {
  if (cells[SIZES] === 1) return 'size';
  const points = ++cells[POINTS]!;
  const have = cells[HAVE]!;
  let one = 0;
  while (one < have && cells[placeOf(one) + CODE] !== value) one++;
  if (one === have) {
    if (have === MOST_CODES || !Number.isInteger(value) || value < 0 || value > LARGEST_CODE) {
      cells[SIZES] = 1;
      return 'size';
    }
    const next = nextLevel(cells, value);
    if (next === 'size') {
      cells[SIZES] = 1;
      return 'size';
    }
    cells[placeOf(one) + CODE] = value;
    cells[HAVE] = have + 1;
    if (next === 'known') {
      enter(cells, one, points);
      return 'known';
    }
  }
  return enter(cells, one, points) ? 'rare' : 'known';
}

/** What a new code is that is the next step of what has only wandered so far; undefined where it is no such step. */
function nextLevel(cells: Float64Array, value: number): 'known' | 'size' | undefined {
  const have = cells[HAVE]!;
  if (have < 2) return undefined;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let one = 0; one < have; one++) {
    low = Math.min(low, cells[placeOf(one) + CODE]!);
    high = Math.max(high, cells[placeOf(one) + CODE]!);
  }
  const last = cells[placeOf(cells[LAST]!) + CODE]!;
  const step = (high - low) / (have - 1);
  if (!(last === high && value === high + step) && !(last === low && value === low - step)) return undefined;
  if (cells[CHANGES]! <= FEW_CHANGES * have) return 'known';
  return Math.min(low, value) < FIRST_SIZE ? undefined : 'size';
}

/** Whether the code at this place was entered, and is news. The first two are how the register usually is. */
function enter(cells: Float64Array, one: number, points: number): boolean {
  const at = placeOf(one);
  const changed = one !== cells[LAST] || points === 1;
  const isVisit = changed && (cells[at + ENTERED] === 0 || points - cells[at + SEEN]! > SAME_VISIT);
  if (changed) cells[CHANGES]!++;
  if (isVisit) cells[at + ENTERED]!++;
  cells[LAST] = one;
  cells[at + SEEN] = points;
  const entered = cells[at + ENTERED]!;
  if (!isVisit || one < 2 || points <= KNOWN_AFTER) return false;
  return entered === 1 || (entered <= MOST_TOLD && RARE * entered < points && KEPT * cells[CHANGES]! < points);
}

/** How often the register had come to the code of the last value before. */
export const visitsBefore = (cells: Float64Array): number => cells[placeOf(cells[LAST]!) + ENTERED]! - 1;
