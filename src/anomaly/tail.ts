// Tail: how surprising a deviation is, measured by the deviations the series has shown before.
import { BINS, binsOf, HELD_BACK, type Known, MEANS, PENDING, pendingOf, places, tailOf } from './cells.ts';

// Histogram of ln(deviation): from e^-6 to e^6.8 scales, a tenth a bin.
const LOWEST = -6;
const WIDTH = 0.1;
/** The upper share of the history that counts as the tail. */
const SHARE = 0.02;
const AT_FLOOR = -Math.log(SHARE);
// What the slope is believed to be before the tail has points of its own, and how many points that belief is worth.
const USUAL_SLOPE = 0.3;
const BELIEF = 5;
// Neighbouring means share their values, so there are fewer points to tell the tail than it seems.
const BELIEF_OF_MEANS = 16;
// Halved at this count, so that a series may change its manners.
const FORGET_AT = 8000;
// A fault that lasts must not become the yardstick: of a run of great surprises the first counts and the rest hardly,
// until the run is so long that it is the new manner of the series. Errors as large as ten before them count in full, though:
// what is seldom on is no fault.
const GREAT = 6;
const SAME_RUN = 12;
const NEW_MANNER = 200;
const REST_WEIGHT = 0.01;
// Of means a run is nothing odd.
const GREAT_MEAN = 14;
// A deviation more surprising than this is learned as one of this surprise, once a tail has so many points: one fault must
// not excuse the next, yet what comes again and again moves the tail all the same.
export const MOST_LEARNED = 10;
export const GROWN = 600;
/** No opinion is stronger, however small the usual deviation was. */
export const MOST = 500;
/** Until there are so many deviations, each is put into the histogram at once. */
const YOUNG = 100;
/** Marks, beside its bin, a deviation that is hardly learned. */
const REST = 128;

/** Cells of a tail. The first two are all that `surpriseOf` and `deviationAt` look at: ln of the deviation where the tail begins, its mean excess, how it bends. */
export const [FLOOR, SLOPE, BEND, COUNT, WAITING, SINCE_GREAT, RUN, HIGHEST] = places(0);

export function beginTail(cells: Float64Array, model: number): void {
  const at = tailOf(model);
  cells[at + FLOOR] = LOWEST;
  cells[at + SLOPE] = USUAL_SLOPE;
  cells[at + SINCE_GREAT] = 1e9;
}

// Beyond its upper 2 % the history is taken for a power law, whose slope is the mean logarithmic excess (Hill's estimator),
// drawn towards a usual one while there are few points. Heavy tails calm themselves by that. Where the slope is less than
// that of an exponential tail, the tail ends sooner than any power law: its surprise bends upwards (as x² for a Gaussian).

/** Where deviations come in grains, the tail may begin and end with one of them: one grain more is nothing odd. */
const slopeOf = (cells: Float64Array, tail: number, grain: number): number =>
  grain > 0 ? Math.max(cells[tail + SLOPE]!, Math.log1p(grain / Math.exp(cells[tail + FLOOR]!))) : cells[tail + SLOPE]!;

const bendOf = (slope: number): number => Math.min(1, Math.max(0, 1 / (slope * AT_FLOOR) - 1));

/** −ln of the chance of so large a deviation, given as its logarithm (−Infinity: none); 10 is about one in 20,000. `grain`: in the same scales. */
export function surpriseOf(cells: Float64Array, tail: number, ln: number, grain: number): number {
  const beyond = ln - cells[tail + FLOOR]!;
  if (!(beyond > 0)) return Math.max(0, AT_FLOOR + beyond);
  const slope = slopeOf(cells, tail, grain);
  const bend = bendOf(slope);
  const bent = bend > 0.01 ? Math.expm1(Math.min(30, bend * beyond)) / bend : beyond;
  return AT_FLOOR + bent / slope;
}

/** The deviation that has this surprise. */
export function deviationAt(cells: Float64Array, tail: number, surprise: number, grain: number): number {
  const beyond = surprise - AT_FLOOR;
  if (!(beyond > 0)) return Math.exp(cells[tail + FLOOR]! + beyond);
  const slope = slopeOf(cells, tail, grain);
  const bend = bendOf(slope);
  const bent = beyond * slope;
  return Math.exp(cells[tail + FLOOR]! + (bend > 0.01 ? Math.log1p(bend * bent) / bend : bent));
}

/** Learns a deviation and the surprise it was; `isNews`: no such one is known, or it may be part of a fault for another reason. */
export function learnDeviation(known: Known, model: number, ln: number, surprise: number, isNews: boolean): void {
  const { cells, pending } = known;
  const at = tailOf(model);
  let rest = 0;
  cells[at + SINCE_GREAT]!++;
  cells[at + RUN]!++;
  if (surprise > (model === MEANS ? GREAT_MEAN : GREAT)) {
    if (isNews && cells[at + SINCE_GREAT]! < SAME_RUN && cells[at + RUN]! < NEW_MANNER) rest = REST;
    else cells[at + RUN] = 0;
    cells[at + SINCE_GREAT] = 0;
  }
  const isTamed = surprise > MOST_LEARNED && cells[at + COUNT]! > GROWN;
  const learned = isTamed ? Math.log(deviationAt(cells, at, MOST_LEARNED, 0)) : ln;
  const bin = Math.min(BINS - 1, Math.max(0, Math.floor((learned - LOWEST) / WIDTH)));
  pending[pendingOf(model) + cells[at + WAITING]!++] = rest | bin;
  cells[at + COUNT]! += rest === 0 ? 1 : REST_WEIGHT;
  const kept = keptBack(cells, model);
  if (cells[at + WAITING]! >= kept + PENDING || cells[at + COUNT]! < YOUNG || cells[at + COUNT]! > FORGET_AT)
    refresh(known, model, kept);
}

/** How many of the last deviations are kept back: of means a third of those known. */
const keptBack = (cells: Float64Array, model: number): number =>
  model === MEANS ? Math.min(HELD_BACK, Math.floor(cells[tailOf(model) + COUNT]! / 3)) : 0;

/** Puts what waits, but for `kept`, into the histogram and finds floor, slope and bend anew; too dear for every point. */
function refresh({ cells, bins, pending }: Known, model: number, kept: number): void {
  const at = tailOf(model);
  const first = binsOf(model);
  let highest = cells[at + HIGHEST]!;
  const from = pendingOf(model);
  const end = from + Math.max(0, cells[at + WAITING]! - kept);
  for (let one = from; one < end; one++) {
    const bin = pending[one]! & ~REST;
    if (bin > highest) highest = bin;
    bins[first + bin]! += (pending[one]! & REST) === 0 ? 1 : REST_WEIGHT;
  }
  cells[at + HIGHEST] = highest;
  pending.copyWithin(from, end, from + cells[at + WAITING]!);
  cells[at + WAITING]! -= end - from;
  if (cells[at + COUNT]! > FORGET_AT) {
    for (let bin = first; bin < first + BINS; bin++) bins[bin]! /= 2;
    cells[at + COUNT]! /= 2;
  }
  const most = SHARE * (cells[at + COUNT]! - cells[at + WAITING]!);
  let above = 0;
  let sum = 0;
  let top = highest;
  for (; top > 0 && above + bins[first + top]! <= most; top--) {
    above += bins[first + top]!;
    sum += bins[first + top]! * top;
  }
  const excess = (sum - above * (top + 0.5)) * WIDTH;
  const belief = model === MEANS ? BELIEF_OF_MEANS : BELIEF;
  const slope = (excess + belief * USUAL_SLOPE) / (above + belief);
  cells[at + FLOOR] = LOWEST + (top + 1) * WIDTH;
  cells[at + SLOPE] = slope;
  cells[at + BEND] = bendOf(slope);
}
