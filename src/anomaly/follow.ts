// Follow: forecasts the next value from the three before it, by weights the series teaches (recursive least squares).
import { least, type Model, type Outlier } from './models.ts';

const LAGS = 3;
const FORGET = 0.998;
// A weight that has learned nothing yet, and the most uncertain one may become while a series stands still.
const UNSURE = 1000;
const MOST_UNSURE = 1e6;
/** Of an error only so much is learned, in usual errors; one spike must not turn the weights over. */
const MOST_ERROR = 4;
const MOST_LAG = 20;

/** Far from what the last values made likely. `long` is the model of the long-run mean. */
export function follow(long: Outlier): Model {
  /** Lags as distances from the mean, newest first, and the same in scales of the series. */
  const lags = new Float64Array(LAGS);
  const scaled = new Float64Array(LAGS);
  const gain = new Float64Array(LAGS);
  const weights = Float64Array.of(1, 0, 0);
  const unsure = new Float64Array(LAGS * LAGS);
  for (let at = 0; at < LAGS; at++) unsure[at * (LAGS + 1)] = UNSURE;

  const it = {
    kind: 'jump' as const,
    lags,
    weights,
    unsure,
    expected: 0,
    scale: 0,
    usual: 0,
    mean: 0,
    count: 0,

    judge(value: number): number {
      const size = long.scale;
      it.mean = long.expected;
      it.expected = it.mean;
      for (let lag = 0; lag < LAGS; lag++) {
        scaled[lag] = Math.min(MOST_LAG, Math.max(-MOST_LAG, ((lags[lag] as number) - it.mean) / size));
        it.expected += (weights[lag] as number) * (scaled[lag] as number) * size;
      }
      it.scale = it.usual + 0.01 * size + least(it.mean);
      return it.count < 8 ? -1 : Math.abs(value - it.expected) / it.scale;
    },

    learn(value: number): void {
      const error = ++it.count < 3 ? 0 : value - it.expected;
      const most = it.count > 20 ? MOST_ERROR * it.usual : Math.abs(error);
      let spread = FORGET;
      for (let row = 0; row < LAGS; row++) {
        let sum = 0;
        for (let column = 0; column < LAGS; column++)
          sum += (unsure[row * LAGS + column] as number) * (scaled[column] as number);
        gain[row] = sum;
        spread += sum * (scaled[row] as number);
      }
      if (spread > 1e-9) {
        const step = Math.min(most, Math.max(-most, error)) / (spread * long.scale);
        for (let row = 0; row < LAGS; row++) {
          const weight = (weights[row] as number) + (gain[row] as number) * step;
          weights[row] = Math.min(10, Math.max(-10, weight));
          for (let column = 0; column < LAGS; column++) {
            const at = row * LAGS + column;
            const left = (unsure[at] as number) - ((gain[row] as number) * (gain[column] as number)) / spread;
            unsure[at] = Math.min(MOST_UNSURE, Math.max(-MOST_UNSURE, left / FORGET));
          }
        }
      }
      it.usual += Math.max(1 / it.count, 1 / 200) * (Math.abs(error) - it.usual);
      for (let lag = LAGS - 1; lag > 0; lag--) lags[lag] = lags[lag - 1] as number;
      lags[0] = value;
      if (it.count === 1) lags.fill(value);
    },
  };
  return it;
}
