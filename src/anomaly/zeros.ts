// Zeros: at which times of the day a series never stands at 0, as the sun has power at noon; a 0 that stands there is stuck.
import { places, SLOTS, ZERO_DAYS, ZEROS } from './cells.ts';

const HALF_HOUR = 1_800_000;
/** On so many days in a row a half hour must have brought no 0: what rests at the weekend does so within them. */
const DAYS = 7;
/** Half hours before and after in which no 0 may have been lately: dusk comes a little sooner each day. */
const AROUND = 2;
/** 0 so often in a row at such times is stuck. */
const STUCK_ZEROS = 8;
/** So large a share of the half hours with a 0 must have had one the day before: zeros that come by chance are odd nowhere. */
const HABIT = 0.95;
/** Weight of one of them in this share. */
const OF_HALF_HOUR = 0.02;

// NOW: the half hour that lasts, in such since the epoch; WORST in it: no 0, one at a usual time, one at an odd time. RUN: how
// many zeros at odd times since the last other value. HABITUAL: the share above. Of each half hour of the day: on how many
// days there was no 0 since one was; −1 where the last day had one.
const [NOW, WORST, RUN, HABITUAL] = places(ZEROS);
const [NONE, ODD, USUAL] = [0, 1, 2];

/** Takes the next value, of this time (ms), and answers how many times too long 0 has stood at times without; from 1 on it is stuck. */
export function oddZeros(cells: Float64Array, time: number, value: number): number {
  const half = Math.floor(time / HALF_HOUR);
  const ahead = half - cells[NOW]!;
  // What comes late tells nothing, unless the clock was set back.
  if (ahead < 0 && ahead >= -SLOTS) return cells[RUN]! / STUCK_ZEROS;
  if (ahead !== 0) endHalfHour(cells, half);
  if (value !== 0) cells[RUN] = 0;
  else if (cells[slotOf(half)]! < DAYS) cells[WORST] = USUAL;
  else {
    cells[WORST] = Math.max(cells[WORST]!, ODD);
    if (cells[HABITUAL]! > HABIT && isAmongSuch(cells, half)) cells[RUN]!++;
  }
  return cells[RUN]! / STUCK_ZEROS;
}

/** How many zeros in a row came at times without, and for how many days there was none; undefined while those are not odd. */
export const standingZeros = (cells: Float64Array): readonly [values: number, days: number] | undefined =>
  cells[RUN]! < STUCK_ZEROS ? undefined : [cells[RUN]!, DAYS];

/** 0 may stand whenever it likes, until it has kept to its times for days again; answers how firmly it kept to them. */
export function acceptZeros(cells: Float64Array): number {
  const kept = cells[HABITUAL]!;
  cells[RUN] = 0;
  cells[HABITUAL] = 0;
  return kept;
}

/** Takes that back. */
export function retractZeros(cells: Float64Array, kept: number): void {
  cells[HABITUAL] = Math.max(cells[HABITUAL]!, kept);
}

const slotOf = (half: number): number => ZERO_DAYS + (((half % SLOTS) + SLOTS) % SLOTS);

/** What the half hour that has passed brought; a 0 at an odd time makes the next one less odd, and none at all if it stays. */
function endHalfHour(cells: Float64Array, next: number): void {
  const slot = slotOf(cells[NOW]!);
  const days = cells[slot]!;
  if (cells[WORST] === USUAL && days !== 0) cells[HABITUAL]! += OF_HALF_HOUR * ((days < 0 ? 1 : 0) - cells[HABITUAL]!);
  if (cells[WORST] === NONE) cells[slot] = Math.max(0, days) + 1;
  else cells[slot] = cells[WORST] === ODD ? Math.floor(days / 2) : -1;
  cells[NOW] = next;
  cells[WORST] = NONE;
}

function isAmongSuch(cells: Float64Array, half: number): boolean {
  for (let off = -AROUND; off <= AROUND; off++) if (cells[slotOf(half + off)]! < 0) return false;
  return true;
}
