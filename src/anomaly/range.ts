// Range: how far a value lies beyond the most extreme ones the series has ever shown on that side.
import { EXTREMES_OF_A_SIDE, extremesOf, places } from './cells.ts';

/** Extremes that are remembered, one of each stretch of neighbours. */
const REMEMBERED = EXTREMES_OF_A_SIDE;
// Slope of the tail before there are extremes to tell it, how many of them that is worth, and the least one: so that a
// series with hard limits may exceed them by some percent.
const USUAL_SLOPE = 0.1;
const BELIEF = 3;
const LEAST_SLOPE = 0.03;
/** A slope that so few points tell is uncertain: far beyond them the chance is that of a whole family of slopes. */
const SURE = REMEMBERED + BELIEF;
// A value so surprising belongs to the stretch before it, until the stretch is long enough to be part of the range.
const GREAT = 8;
const NEW_RANGE = 400;

/** Logarithm of the farthest a band reaches beyond the range. */
const MOST_BEYOND = 100;

// Cells of one side of a range. TOP: the most extreme distances from the middle, in order, largest first. POINTS: learned.
// HAVE: how many of TOP there are. BEGAN, SEEN: where the last extreme began and was last exceeded, in points; PLACE: its
// place in TOP.
const TOP = 0;
const LEAST = REMEMBERED - 1;
const [POINTS, SLOPE, HAVE, BEGAN, SEEN, PLACE] = places(REMEMBERED);

/** Where the three cells of a side stand that `distanceAt` looks at. */
export const limitOf = (side: number): number => extremesOf(side) + LEAST;

export function beginSide(cells: Float64Array, side: number): void {
  const at = extremesOf(side);
  cells[at + SLOPE] = USUAL_SLOPE;
  cells[at + BEGAN] = -1e9;
  cells[at + SEEN] = -1e9;
  cells[at + PLACE] = -1;
}

// The tenth largest distance was exceeded about ten times in all points; what lies beyond it thins out as a power law,
// whose slope the ten tell (Hill's estimator).

/** −ln of the chance of so large a distance on this side, 0 inside the range. */
export function surpriseBeyond(cells: Float64Array, side: number, distance: number): number {
  const at = extremesOf(side);
  const least = cells[at + LEAST]!;
  if (!(distance > least) || cells[at + HAVE]! < REMEMBERED) return 0;
  const beyond = Math.log(distance / least) / (SURE * cells[at + SLOPE]!);
  return Math.log(cells[at + POINTS]! / REMEMBERED) + SURE * Math.log1p(beyond);
}

/** The distance that has this surprise, by the three cells from `limit` on. */
export function distanceAt(cells: Float64Array, limit: number, surprise: number): number {
  const [least, points, slope] = [cells[limit]!, cells[limit + 1]!, cells[limit + 2]!];
  const beyond = Math.max(0, surprise - Math.log(points / REMEMBERED));
  return least * Math.exp(Math.min(MOST_BEYOND, Math.expm1(beyond / SURE) * SURE * slope));
}

/** Learns a distance. `apart`: points between two extremes that count as two. */
export function learnDistance(cells: Float64Array, side: number, distance: number, apart: number): void {
  const at = extremesOf(side);
  cells[at + POINTS]!++;
  const full = cells[at + HAVE] === REMEMBERED;
  if (!(distance > (full ? cells[at + LEAST]! : 0))) return;
  const points = cells[at + POINTS]!;
  const age = points - cells[at + BEGAN]!;
  const great = full && surpriseBeyond(cells, side, distance) > GREAT;
  const place = cells[at + PLACE]!;
  const same = place >= 0 && (age < apart || (great && points - cells[at + SEEN]! < apart && age < NEW_RANGE));
  if (great || !same) cells[at + SEEN] = points;
  if (same && (age >= apart || distance <= cells[at + TOP + place]!)) return;
  if (!same) {
    if (!full) cells[at + HAVE]!++;
    cells[at + PLACE] = cells[at + HAVE]! - 1;
    cells[at + BEGAN] = points;
  }
  put(cells, at, distance);
}

/** Moves the extreme at PLACE, now so large, to where it belongs. */
function put(cells: Float64Array, at: number, distance: number): void {
  let place = cells[at + PLACE]!;
  for (; place > 0 && cells[at + TOP + place - 1]! < distance; place--)
    cells[at + TOP + place] = cells[at + TOP + place - 1]!;
  cells[at + TOP + place] = distance;
  cells[at + PLACE] = place;
  const have = cells[at + HAVE]!;
  const last = cells[at + TOP + have - 1]!;
  let sum = USUAL_SLOPE * BELIEF;
  for (let one = 0; one < have; one++) sum += Math.log(cells[at + TOP + one]! / last);
  cells[at + SLOPE] = Math.max(LEAST_SLOPE, sum / (have - 1 + BELIEF));
}
