// Means: how surprising the mean of the last 24 values is, by its own tail and by the most extreme means so far.
import * as at from './cells.ts';
import { rarePulse } from './grain.ts';
import { drift, LN, LONG_EXPECTED, offWithoutFarthest, RECENT, SCALE } from './models.ts';
import { plainness } from './plain.ts';
import { learnExtreme, type Reach, surpriseBeyond } from './range.ts';
import { MOST, surpriseOf } from './tail.ts';

/** Sides of the range of means, behind those of values. */
export const HIGH_MEAN = 2;
const LOW_MEAN = 3;
/** Means so many points apart are extremes of their own. */
const APART = 48;
// In pure noise one far value is told when it comes; that it moves a mean, and meets another far one within 24 values, is no
// drift. There a mean surprises by at most so much more than the value at hand, or by what it does without its farthest value;
// so weak an opinion alarms nobody, and is left as it is.
const OF_ONE_VALUE = 3;
const WEAK = 6;
const [TAIL_SURPRISE, TAIL_SCALE] = [drift.opinion + LN + 1, drift.opinion + SCALE];

// A mean of 24 is told by its distance from the long-run one, as a logarithm: levels wander, and by much at times.
export const OF_MEANS: Reach = {
  trust: 3,
  usual: 0.1,
  least: 0.03,
  exponent: 10,
  growing: false,
  smallest: pulseOfMeans,
};

/** By how much one pulse more moves the logarithm of the least extreme among means. */
function pulseOfMeans(cells: Float64Array, _side: number, extreme: number): number {
  const pulse = rarePulse(cells);
  return pulse === 0 ? 0 : Math.log1p(pulse / at.DRIFT_SPAN / Math.exp(extreme));
}

/** −ln of the chance of the mean that ends with the value at hand by its tail, where that value surprises by `value`. */
export const surpriseByTail = (cells: Float64Array, value: number): number =>
  calmed(cells, cells[TAIL_SURPRISE]!, value, byTail);

/** The same by the range of means. */
export const surpriseByRange = (cells: Float64Array, value: number): number => {
  const off = cells[RECENT]! - cells[LONG_EXPECTED]!;
  return calmed(cells, byRange(cells, Math.abs(off)), value, byRange);
};

/** What of a surprise is no news in pure noise is taken from it; `by`: tells it of a mean so far off. */
function calmed(cells: Float64Array, surprise: number, value: number, by: typeof byRange): number {
  const given = Math.min(MOST, surprise);
  const most = Math.max(WEAK, value + OF_ONE_VALUE);
  if (given <= most) return given;
  const plain = plainness(cells);
  if (plain === 0) return given;
  const left = by(cells, Math.max(0, offWithoutFarthest(cells)));
  return given - plain * Math.max(0, given - Math.max(most, left));
}

const byTail = (cells: Float64Array, away: number): number =>
  surpriseOf(cells, at.tailOf(at.MEANS), Math.log(away / cells[TAIL_SCALE]!), 0);

const byRange = (cells: Float64Array, away: number): number =>
  surpriseBeyond(cells, cells[RECENT]! > cells[LONG_EXPECTED]! ? HIGH_MEAN : LOW_MEAN, OF_MEANS, Math.log(away));

/** Learns how far the mean last judged was off. */
export function learnMean(cells: Float64Array, off: number): void {
  learnExtreme(cells, HIGH_MEAN, OF_MEANS, Math.log(off), 1, APART);
  learnExtreme(cells, LOW_MEAN, OF_MEANS, Math.log(-off), 1, APART);
}
