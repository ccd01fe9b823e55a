// Follow: forecasts the next value from the three before it, by weights the series teaches (recursive least squares).
import * as at from './cells.ts';
import { deviate, EXPECTED, LONG_EXPECTED, LONG_SCALE, least, type Model, SCALE } from './models.ts';

const LAGS = 3;
const FORGET = 0.998;
/** How unsure a weight is that has learned nothing yet. */
const UNSURE = 1000;
/** Of an error only so much is learned, in usual errors; one spike must not turn the weights over. */
const MOST_ERROR = 4;
const MOST_LAG = 20;

const FOLLOW = at.opinionOf(4);
const FOLLOW_EXPECTED = FOLLOW + EXPECTED;
// LAG: the last values, newest first. SCALED: the same as distances from the mean, in scales of the series.
const [USUAL, COUNT, ERROR, LAG] = at.places(at.FOLLOW);
const [SCALED, GAIN, WEIGHT, DOUBT] = [LAG + LAGS, LAG + 2 * LAGS, LAG + 3 * LAGS, LAG + 4 * LAGS];

export function beginFollow(cells: Float64Array): void {
  cells[WEIGHT] = 1;
  for (let row = 0; row < LAGS; row++) cells[DOUBT + row * (LAGS + 1)] = UNSURE;
}

/** Far from what the last values made likely. */
export const follow: Model = {
  opinion: FOLLOW,

  judge(cells) {
    const size = cells[LONG_SCALE]!;
    const mean = cells[LONG_EXPECTED]!;
    let expected = mean;
    for (let lag = 0; lag < LAGS; lag++) {
      const scaled = Math.min(MOST_LAG, Math.max(-MOST_LAG, (cells[LAG + lag]! - mean) / size));
      cells[SCALED + lag] = scaled;
      expected += cells[WEIGHT + lag]! * scaled * size;
    }
    cells[FOLLOW_EXPECTED] = expected;
    cells[FOLLOW + SCALE] = cells[USUAL]! + 0.01 * size + least(mean);
    deviate(cells, FOLLOW, cells[at.VALUE]!, cells[COUNT]! >= 8);
  },

  learn(cells) {
    const value = cells[at.VALUE]!;
    const count = ++cells[COUNT]!;
    const error = count < 3 ? 0 : value - cells[FOLLOW_EXPECTED]!;
    cells[ERROR] = error;
    const most = count > 20 ? MOST_ERROR * cells[USUAL]! : Math.abs(error);
    learnWeights(cells, Math.min(most, Math.max(-most, error)) / cells[LONG_SCALE]!);
    cells[USUAL]! += Math.max(1 / count, 1 / 200) * (Math.abs(error) - cells[USUAL]!);
    for (let lag = LAGS - 1; lag > 0; lag--) cells[LAG + lag] = count === 1 ? value : cells[LAG + lag - 1]!;
    cells[LAG] = value;
  },
};

/** How far the last value learned was from the forecast. */
export const followError = (cells: Float64Array): number => cells[ERROR]!;

/** One step of recursive least squares with this error, in scales of the series. */
function learnWeights(cells: Float64Array, error: number): void {
  // Who learns nothing new forgets nothing: a series that stands still would become unsure without end.
  let forget = FORGET;
  for (let row = 0; row < LAGS; row++) if (cells[DOUBT + row * (LAGS + 1)]! > UNSURE) forget = 1;
  let spread = forget;
  for (let row = 0; row < LAGS; row++) {
    let gain = 0;
    for (let column = 0; column < LAGS; column++) gain += cells[DOUBT + row * LAGS + column]! * cells[SCALED + column]!;
    cells[GAIN + row] = gain;
    spread += gain * cells[SCALED + row]!;
  }
  for (let row = 0; row < LAGS; row++) {
    const gain = cells[GAIN + row]! / spread;
    cells[WEIGHT + row] = Math.min(10, Math.max(-10, cells[WEIGHT + row]! + gain * error));
    // One half is reckoned, the other is its mirror: a difference by rounding would double every 350 points.
    for (let column = 0; column <= row; column++) {
      const doubt = (cells[DOUBT + row * LAGS + column]! - gain * cells[GAIN + column]!) / forget;
      cells[DOUBT + row * LAGS + column] = doubt;
      cells[DOUBT + column * LAGS + row] = doubt;
    }
  }
}
