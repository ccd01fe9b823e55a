// Range: how far a value lies beyond the most extreme ones the series has ever shown on that side.

/** Extremes that are remembered, one of each stretch of neighbours. */
const REMEMBERED = 10;
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

export type Extremes = {
  /** −ln of the chance of so large a distance, 0 inside the range. */
  surprise(distance: number): number;
  /** The distance that has this surprise. */
  distanceAt(surprise: number): number;
  learn(distance: number): void;
};

/**
 * One side of a range, as distances from the middle. The tenth largest distance was exceeded about ten times in all points;
 * what lies beyond it thins out as a power law, whose slope the ten tell (Hill's estimator).
 * `apart`: points between two extremes that count as two.
 */
export function extremes(apart: number): Extremes {
  const it = {
    /** Largest first. */
    top: new Float64Array(REMEMBERED),
    have: 0,
    points: 0,
    /** Where the last extreme began and was last exceeded, in points, and its place in `top`. */
    began: -1e9,
    seen: -1e9,
    place: -1,
    slope: USUAL_SLOPE,

    surprise(distance: number): number {
      const least = it.top[REMEMBERED - 1] as number;
      if (it.have < REMEMBERED || !(distance > least)) return 0;
      return Math.log(it.points / REMEMBERED) + SURE * Math.log1p(Math.log(distance / least) / (SURE * it.slope));
    },

    distanceAt(surprise: number): number {
      const least = it.top[REMEMBERED - 1] as number;
      const beyond = Math.max(0, surprise - Math.log(it.points / REMEMBERED));
      return least * Math.exp(Math.min(MOST_BEYOND, Math.expm1(beyond / SURE) * SURE * it.slope));
    },

    learn(distance: number): void {
      it.points++;
      const full = it.have === REMEMBERED;
      if (!(distance > (full ? (it.top[REMEMBERED - 1] as number) : 0))) return;
      const age = it.points - it.began;
      const great = full && it.surprise(distance) > GREAT;
      const same = it.place >= 0 && (age < apart || (great && it.points - it.seen < apart && age < NEW_RANGE));
      if (great || !same) it.seen = it.points;
      if (same && (age >= apart || distance <= (it.top[it.place] as number))) return;
      if (!same) {
        if (!full) it.have++;
        it.place = it.have - 1;
        it.began = it.points;
      }
      it.put(distance);
    },

    /** Moves the extreme at `place`, now so large, to where it belongs. */
    put(distance: number): void {
      let at = it.place;
      for (; at > 0 && (it.top[at - 1] as number) < distance; at--) it.top[at] = it.top[at - 1] as number;
      it.top[at] = distance;
      it.place = at;
      let sum = USUAL_SLOPE * BELIEF;
      for (let one = 0; one < it.have; one++)
        sum += Math.log((it.top[one] as number) / (it.top[it.have - 1] as number));
      it.slope = Math.max(LEAST_SLOPE, sum / (it.have - 1 + BELIEF));
    },
  };
  return it;
}
