// Models: what a series usually does, seen four ways; each forecasts the next value from the past alone.
// Their state is in the objects themselves: so it can be saved, and a number that changes with every point changes in place.

export type ModelKind = 'outlier' | 'drift' | 'jump' | 'season';

export type Model = {
  readonly kind: ModelKind;
  /** Forecast of the last `judge`. */
  readonly expected: number;
  /** Size of a usual deviation from it, in units of the value. */
  readonly scale: number;
  /** Looks at a value before it is learned; answers its distance from the forecast in scales, −1 while there is no forecast. */
  judge(value: number, slot: number): number;
  /** Learns the value last judged, or what of it is to be learned. */
  learn(value: number, slot: number): void;
};

/** `recent`: the mean of the last 24 values, the one last judged included. */
export type Drift = Model & { readonly recent: number };

/** What the others measure themselves by. */
export type Outlier = Model;

/** Half hours of a day; a point without time has slot −1. */
export const SLOTS = 48;

// A series that never moved has no scale; the least one is a billionth of its level. A series that stands still every night
// has one all the same: a hundredth of its long-run scale.
export const least = (level: number): number => 1e-9 * Math.abs(level) + 1e-12;

// Of a deviation from the mean only so many scales are learned: a fault that ends leaves the mean where it was.
const MOST_DEVIATION = 3;
const TRUSTED_AFTER = 500;

/** Far from the mean of about the last 500 values. */
export function outlier(): Outlier {
  const it = {
    kind: 'outlier' as const,
    expected: 0,
    scale: 0,
    variance: 0,
    count: 0,
    judge(value: number): number {
      it.scale = Math.sqrt(it.variance) + least(it.expected);
      return it.count < 2 ? -1 : Math.abs(value - it.expected) / it.scale;
    },
    learn(value: number): void {
      const weight = Math.max(1 / ++it.count, 1 / 500);
      const most = it.count > TRUSTED_AFTER ? MOST_DEVIATION * it.scale : Number.POSITIVE_INFINITY;
      const deviation = Math.min(most, Math.max(-most, value - it.expected));
      it.expected += weight * deviation;
      it.variance = (1 - weight) * (it.variance + weight * deviation * deviation);
    },
  };
  return it;
}

/** The mean of the last 24 values is far from the long-run mean. `long` is the model of that mean. */
export function drift(long: Outlier): Drift {
  const SPAN = 24;
  const ring = new Float64Array(SPAN);
  const it = {
    kind: 'drift' as const,
    expected: 0,
    scale: 0,
    variance: 0,
    ring,
    sum: 0,
    recent: 0,
    count: 0,
    judge(value: number): number {
      const { count } = it;
      const leaving = count >= SPAN ? (ring[count % SPAN] as number) : 0;
      it.expected = long.expected;
      it.scale = Math.sqrt(it.variance) + 0.05 * long.scale;
      it.recent = (it.sum - leaving + value) / Math.min(count + 1, SPAN);
      return count < 2 ? -1 : Math.abs(it.recent - it.expected) / it.scale;
    },
    learn(value: number): void {
      const at = it.count % SPAN;
      if (it.count >= SPAN) it.sum -= ring[at] as number;
      ring[at] = value;
      // Summed afresh once a round, so that rounding does not add up.
      it.sum = at === SPAN - 1 ? ring.reduce((total, one) => total + one, 0) : it.sum + value;
      it.count++;
      const deviation = it.sum / Math.min(it.count, SPAN) - it.expected;
      it.variance += Math.max(1 / it.count, 1 / 500) * (deviation * deviation - it.variance);
    },
  };
  return it;
}

/** Far from a quickly following level plus the habit of the time of day (additive Holt-Winters without trend). */
export function jump(long: Outlier): Model {
  const habit = new Float64Array(SLOTS);
  const it = {
    kind: 'jump' as const,
    expected: 0,
    scale: 0,
    habit,
    level: 0,
    usual: 0,
    count: 0,
    judge(value: number, slot: number): number {
      if (it.count === 0) it.level = value;
      it.expected = it.level + (slot < 0 ? 0 : (habit[slot] as number));
      it.scale = it.usual + 0.01 * long.scale + least(it.level);
      return it.count < 2 ? -1 : Math.abs(value - it.expected) / it.scale;
    },
    learn(value: number, slot: number): void {
      const deviation = value - it.expected;
      it.count++;
      it.level += 0.1 * deviation;
      it.usual += Math.max(1 / it.count, 1 / 200) * (Math.abs(deviation) - it.usual);
      if (slot >= 0) habit[slot] = (habit[slot] as number) + 0.18 * deviation;
    },
  };
  return it;
}

/** Far from what the same half hour brought on other days. */
export function season(long: Outlier): Model {
  const means = new Float64Array(SLOTS);
  const counts = new Uint32Array(SLOTS);
  const it = {
    kind: 'season' as const,
    expected: 0,
    scale: 0,
    means,
    counts,
    usual: 0,
    /** Values that had a forecast. */
    known: 0,
    judge(value: number, slot: number): number {
      if (slot < 0 || (counts[slot] as number) < 2) return -1;
      it.expected = means[slot] as number;
      it.scale = it.usual + 0.01 * long.scale + least(it.expected);
      return it.known < SLOTS / 2 ? -1 : Math.abs(value - it.expected) / it.scale;
    },
    learn(value: number, slot: number): void {
      if (slot < 0) return;
      const seen = (counts[slot] as number) + 1;
      counts[slot] = seen;
      const deviation = value - (means[slot] as number);
      means[slot] = (means[slot] as number) + Math.max(1 / seen, 0.15) * deviation;
      if (seen > 2) it.usual += Math.max(1 / ++it.known, 1 / 200) * (Math.abs(deviation) - it.usual);
    },
  };
  return it;
}
