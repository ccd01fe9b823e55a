// Models: what a series usually does, seen four ways; each forecasts the next value from the past alone.

export type ModelKind = 'outlier' | 'drift' | 'jump' | 'season';

export type Model = {
  readonly kind: ModelKind;
  /** Looks at a value before it is learned; answers its distance from the forecast in scales, −1 while there is no forecast. */
  judge(value: number, slot: number): number;
  /** Forecast of the last `judge`. */
  readonly expected: number;
  /** Size of a usual deviation from it, in units of the value. */
  readonly scale: number;
  /** Learns the value last judged, or what of it is to be learned. */
  learn(value: number, slot: number): void;
};

/** Half hours of a day; a point without time has slot −1. */
export const SLOTS = 48;

// A series that never moved has no scale; the least one is a billionth of its level.
const least = (level: number): number => 1e-9 * Math.abs(level) + 1e-12;

/** Far from the mean of about the last 500 values. */
export function outlier(): Model {
  let count = 0;
  let mean = 0;
  let variance = 0;
  let scale = 0;
  return {
    kind: 'outlier',
    judge(value) {
      scale = Math.sqrt(variance) + least(mean);
      return count < 2 ? -1 : Math.abs(value - mean) / scale;
    },
    get expected() {
      return mean;
    },
    get scale() {
      return scale;
    },
    learn(value) {
      const weight = Math.max(1 / ++count, 1 / 500);
      const deviation = value - mean;
      mean += weight * deviation;
      variance = (1 - weight) * (variance + weight * deviation * deviation);
    },
  };
}

/** The mean of the last 24 values is far from the long-run mean. `long` is the model of that mean. */
export function drift(long: Model): Model {
  const SPAN = 24;
  const ring = new Float64Array(SPAN);
  let count = 0;
  let sum = 0;
  let variance = 0;
  let expected = 0;
  let scale = 0;
  return {
    kind: 'drift',
    judge(value) {
      const kept = Math.min(count, SPAN - 1);
      const leaving = count >= SPAN ? (ring[count % SPAN] as number) : 0;
      expected = long.expected;
      const recent = (sum - leaving + value) / (kept + 1) - expected;
      scale = Math.sqrt(variance) + 0.05 * long.scale;
      return count < 2 ? -1 : Math.abs(recent) / scale;
    },
    get expected() {
      return expected;
    },
    get scale() {
      return scale;
    },
    learn(value) {
      const at = count % SPAN;
      if (count >= SPAN) sum -= ring[at] as number;
      ring[at] = value;
      sum += value;
      // Summed afresh once a round, so that rounding does not add up.
      if (at === SPAN - 1) sum = ring.reduce((total, one) => total + one, 0);
      count++;
      const deviation = sum / Math.min(count, SPAN) - expected;
      variance += Math.max(1 / count, 1 / 500) * (deviation * deviation - variance);
    },
  };
}

/** Far from a quickly following level plus the habit of the time of day (additive Holt-Winters without trend). */
export function jump(): Model {
  const habit = new Float64Array(SLOTS);
  let count = 0;
  let level = 0;
  let expected = 0;
  let usual = 0;
  let scale = 0;
  return {
    kind: 'jump',
    judge(value, slot) {
      if (count === 0) level = value;
      expected = level + (slot < 0 ? 0 : (habit[slot] as number));
      scale = usual + least(level);
      return count < 2 ? -1 : Math.abs(value - expected) / scale;
    },
    get expected() {
      return expected;
    },
    get scale() {
      return scale;
    },
    learn(value, slot) {
      count++;
      const deviation = value - expected;
      level += 0.1 * deviation;
      usual += Math.max(1 / count, 1 / 200) * (Math.abs(deviation) - usual);
      if (slot >= 0) habit[slot] = (habit[slot] as number) + 0.2 * (0.9 * deviation);
    },
  };
}

/** Far from what the same half hour brought on other days. */
export function season(): Model {
  const means = new Float64Array(SLOTS);
  const counts = new Uint32Array(SLOTS);
  let known = 0;
  let expected = 0;
  let usual = 0;
  let scale = 0;
  return {
    kind: 'season',
    judge(value, slot) {
      if (slot < 0 || (counts[slot] as number) < 2) return -1;
      expected = means[slot] as number;
      scale = usual + least(expected);
      return Math.abs(value - expected) / scale;
    },
    get expected() {
      return expected;
    },
    get scale() {
      return scale;
    },
    learn(value, slot) {
      if (slot < 0) return;
      const seen = (counts[slot] as number) + 1;
      counts[slot] = seen;
      const mean = means[slot] as number;
      const deviation = value - mean;
      means[slot] = mean + Math.max(1 / seen, 0.15) * deviation;
      if (seen > 2) usual += Math.max(1 / ++known, 1 / 200) * (Math.abs(deviation) - usual);
    },
  };
}
