// Follow: its forecasts stay as good as they became, however long a series lasts.
import assert from 'node:assert/strict';
import { followError } from './follow.ts';
import { gauss, random } from './noise.fixture.ts';
import { begin, scoring } from './score.ts';

const STEP = 60_000;
const { score } = scoring();

/** Mean error of the forecast over the last 2,000 of so many values, of which the noise is 1. */
function errorAfter(points: number): number {
  const [known, next] = [begin(), random(7)];
  let [value, sum] = [0, 0];
  for (let at = 0; at < points; at++) {
    value = 0.9 * value + gauss(next);
    score(known, at * STEP, value);
    if (at >= points - 2000) sum += Math.abs(followError(known.cells));
  }
  return sum / 2000;
}

describe('follow', () => {
  for (const points of [4000, 30_000])
    it(`errs by hardly more than the noise after ${points} points`, () => {
      const error = errorAfter(points);
      // Of a Gaussian the mean distance is 0.80.
      assert.ok(error < 0.85, `${error}`);
    });
});
