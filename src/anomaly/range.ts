// Range: how far a value lies beyond the most extreme ones the series has ever shown on that side.
import { EXTREMES_OF_A_SIDE, extremesOf, places, RANGE_ASIDE, SIDE_CELLS } from './cells.ts';
import { GROWN, MOST_LEARNED } from './tail.ts';

/** Extremes that are remembered, one of each stretch of neighbours. */
const REMEMBERED = EXTREMES_OF_A_SIDE;
/** How the extremes of one kind of number tell how far the next may lie beyond them. */
export type Reach = {
  /** So many extremes of a usual size are taken on trust beside the real ones. */
  readonly trust: number;
  /** A usual distance between extremes, and the least one, in scales of the numbers: what ends sharply (0 to 100 %) may be exceeded a little. */
  readonly usual: number;
  readonly least: number;
  /** Few extremes tell little of a tail: it is taken for a power law with this exponent. */
  readonly exponent: number;
  /** Whether an extreme that surprises grows on with the stretch that began with it. */
  readonly growing: boolean;
  /** The size on a side is never less than this, given the least extreme of that side and the size that the extremes tell. */
  smallest(cells: Float64Array, side: number, extreme: number, size: number): number;
};
// A value so surprising, and by so much more than the least extreme (which is rarer the older the series, and no fault for
// that), belongs to the stretch before it, until the stretch is long enough to be part of the range. So does what is farther
// out than all but the extreme of a stretch that had such a value: a shift surprises less and less while it lasts, and is one
// extreme all the same. If it were ten, the next fault would be nothing odd.
const GREAT = 8;
const GREATER = 1.7;
const NEW_RANGE = 400;
/** A point that never was. */
const NEVER = -1e9;

/** Logarithm of the farthest a band reaches beyond the range. */
const MOST_BEYOND = 100;
/** Size until there are as many extremes as are remembered: no value is surprising. */
const UNKNOWN = 1e200;

/** A series that goes on rising exceeds its range every day: its ten count as those of so many times their mean age. */
const AGES = 3;

// Cells of one side of a range. TOP: the most extreme values (of the lower side with the sign turned), largest first. SPAN: of
// how many points they are the extremes. SIZE: how far beyond the least of them is usual. POINTS: learned. HAVE: how many of
// TOP there are. BEGAN, SEEN: where the last extreme began, and where its stretch was last great or went on being so, in
// points; PLACE: its place in TOP. BORN:
// where about the last ten began, on average.
const TOP = 0;
const LEAST = REMEMBERED - 1;
const [SPAN, SIZE, POINTS, HAVE, BEGAN, SEEN, PLACE, BORN] = places(REMEMBERED);

/** Where the three cells of a side stand that `boundAt` looks at. */
export const limitOf = (side: number): number => extremesOf(side) + LEAST;

export function beginSide(cells: Float64Array, side: number): void {
  const at = extremesOf(side);
  cells[at + SIZE] = UNKNOWN;
  cells[at + BEGAN] = NEVER;
  cells[at + SEEN] = NEVER;
  cells[at + PLACE] = -1;
}

// The tenth largest value was exceeded about ten times in all points; what lies beyond it thins out by the size that the
// ten tell. Distances between values, not from a mean: a machine that is on or off has none of its values near its mean.

/** −ln of the chance of a value beyond the least extreme. */
const rarity = (cells: Float64Array, at: number): number => rarityAt(cells, at + LEAST);

/** The same, by the cells from `limit` on; and whether there are as many extremes as are remembered. */
export const rarityAt = (cells: Float64Array, limit: number): number => Math.log(cells[limit + 1]! / REMEMBERED);
export const isKnownAt = (cells: Float64Array, limit: number): boolean => cells[limit + 2]! < UNKNOWN;

/** −ln of the chance of a value so far out on this side (the lower one: sign turned), 0 inside the range. */
export function surpriseBeyond(cells: Float64Array, side: number, { exponent }: Reach, value: number): number {
  const at = extremesOf(side);
  const beyond = value - cells[at + LEAST]!;
  if (!(beyond > 0) || cells[at + HAVE]! < REMEMBERED) return 0;
  return rarity(cells, at) + exponent * Math.log1p(beyond / (exponent * cells[at + SIZE]!));
}

/** The value that has this surprise, by the three cells from `limit` on. */
export function boundAt(cells: Float64Array, limit: number, { exponent }: Reach, surprise: number): number {
  const [least, size] = [cells[limit]!, cells[limit + 2]!];
  const beyond = Math.max(0, surprise - rarityAt(cells, limit));
  return least + exponent * size * Math.expm1(Math.min(MOST_BEYOND, beyond / exponent));
}

/** Learns a value, of numbers of this scale. `apart`: points between two extremes that count as two. */
export function learnExtreme(
  cells: Float64Array,
  side: number,
  reach: Reach,
  given: number,
  scale: number,
  apart: number,
): void {
  const at = extremesOf(side);
  const points = ++cells[at + POINTS]!;
  cells[at + SPAN] = Math.max(REMEMBERED, Math.min(points, AGES * (points - cells[at + BORN]!)));
  const full = cells[at + HAVE] === REMEMBERED;
  if (!(given > (full ? cells[at + LEAST]! : Number.NEGATIVE_INFINITY))) return;
  const surprise = full ? surpriseBeyond(cells, side, reach, given) : 0;
  const isTamed = surprise > MOST_LEARNED && points > GROWN;
  const value = isTamed ? boundAt(cells, at + LEAST, reach, MOST_LEARNED) : given;
  const age = points - cells[at + BEGAN]!;
  const great = surprise > Math.max(GREAT, rarity(cells, at) + GREATER);
  const place = cells[at + PLACE]!;
  const isFarthest = place === 0 && given > cells[at + TOP + 1]!;
  const goesOn = (great || isFarthest) && points - cells[at + SEEN]! < apart;
  const same = place >= 0 && (age < apart || (goesOn && age < NEW_RANGE));
  if (great || (same && goesOn)) cells[at + SEEN] = points;
  else if (!same) cells[at + SEEN] = NEVER;
  if (same && (age >= apart || (great && !reach.growing) || value <= cells[at + TOP + place]!)) return;
  if (!same) {
    if (!full) cells[at + HAVE]!++;
    cells[at + PLACE] = cells[at + HAVE]! - 1;
    cells[at + BEGAN] = points;
    cells[at + BORN]! += (points - cells[at + BORN]!) / REMEMBERED;
  }
  put(cells, at, value);
  if (cells[at + HAVE] === REMEMBERED) cells[at + SIZE] = sizeOf(cells, side, reach, scale);
}

/** Moves the extreme at PLACE, now so large, to where it belongs. */
function put(cells: Float64Array, at: number, value: number): void {
  let place = cells[at + PLACE]!;
  for (; place > 0 && cells[at + TOP + place - 1]! < value; place--)
    cells[at + TOP + place] = cells[at + TOP + place - 1]!;
  cells[at + TOP + place] = value;
  cells[at + PLACE] = place;
}

/** Mean of how far the extremes lie beyond the least of them. */
function sizeOf(cells: Float64Array, side: number, reach: Reach, scale: number): number {
  const { trust, usual, least } = reach;
  const at = extremesOf(side);
  let sum = trust * usual * scale;
  for (let one = 0; one < LEAST; one++) sum += cells[at + TOP + one]! - cells[at + LEAST]!;
  const size = sum / (LEAST + trust);
  return Math.max(reach.smallest(cells, side, cells[at + LEAST]!, size), least * scale, size);
}

/** Whether all extremes of a side are the same value. */
export const isSharp = (cells: Float64Array, side: number): boolean =>
  cells[extremesOf(side) + TOP] === cells[extremesOf(side) + LEAST];

// The range of values can be put aside, to be known later as it was.
const [HIGH, LOW] = [0, 1];

export const putAside = (cells: Float64Array): unknown =>
  cells.copyWithin(RANGE_ASIDE, extremesOf(HIGH), extremesOf(LOW) + SIDE_CELLS);

/** What lay farther out than all but so few, once in a stretch of neighbours, was a fault perhaps. */
const FEW = 3;

/** Between which values a series usually is; undefined until that is known. */
export function usualRange(cells: Float64Array): readonly [low: number, high: number] | undefined {
  if (cells[extremesOf(HIGH) + HAVE]! < REMEMBERED || cells[extremesOf(LOW) + HAVE]! < REMEMBERED) return undefined;
  return [-cells[extremesOf(LOW) + FEW]!, cells[extremesOf(HIGH) + FEW]!];
}

/** Whether a value lies between the most extreme ones of the range put aside. */
export const wasInRange = (cells: Float64Array, value: number): boolean =>
  value <= cells[RANGE_ASIDE + TOP]! && -value <= cells[RANGE_ASIDE + SIDE_CELLS + TOP]!;

/** The range is again what was put aside, though of as many points as have been. */
export function takeUp(cells: Float64Array): void {
  const points = cells[extremesOf(HIGH) + POINTS]!;
  cells.copyWithin(extremesOf(HIGH), RANGE_ASIDE, RANGE_ASIDE + 2 * SIDE_CELLS);
  cells[extremesOf(HIGH) + POINTS] = points;
  cells[extremesOf(LOW) + POINTS] = points;
}
