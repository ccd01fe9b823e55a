// Means: in pure noise far values that happen to meet are no drift; what moves all values is one.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import { series } from './series.ts';

type Next = () => number;
const START = Date.UTC(2026, 0, 5);
const MINUTE = 60_000;
const [SEEDS, LENGTH, FROM, MOVED] = [[1, 2, 3, 4, 5, 6], 20_000, 600, 3000];
/** Noise, how many drifts may be told of six times 20,000 values, and how far off the values are of which the mean tells. */
const noises: Record<string, { draw: (next: Next) => number; most: number; off: number }> = {
  'of an even spread': { draw: next => next() + next(), most: 5, off: 0.5 },
  'of a usual tail': { draw: gauss, most: 3, off: 2 },
  'of a longer tail': { draw: next => Math.log(1 - next()) * (next() < 0.5 ? 1 : -1), most: 5, off: 3 },
  'that is five times as wide now and then': {
    draw: next => (next() < 0.02 ? 5 : 1) * gauss(next),
    most: 9,
    off: 3,
  },
};

/** Rows that are told as a kind that passes, of values that are `off` from one on. */
function told(
  seed: number,
  length: number,
  draw: (next: Next) => number,
  off: number,
  isTold: (kind: string) => boolean,
) {
  const next = random(seed * 7919);
  const one = series();
  const scored = Array.from({ length }, (_, at) => one.score(START + at * MINUTE, draw(next) + (at < MOVED ? 0 : off)));
  return scored.flatMap(({ score, kind }, at) => (score < 0 && at >= FROM && isTold(kind) ? [at] : []));
}

describe('means of 24 values', () => {
  for (const [name, { draw, most, off }] of Object.entries(noises)) {
    it(`take far values that happen to meet for no drift, in noise ${name}`, () => {
      const drifts = SEEDS.flatMap(seed => told(seed, LENGTH, draw, 0, kind => kind === 'drift'));
      assert.ok(drifts.length <= most, `${drifts.length} in ${SEEDS.length * LENGTH}`);
    });

    it(`tell what moves all values, in noise ${name}`, () => {
      const found = SEEDS.filter(seed => told(seed, MOVED + 60, draw, off, () => true).some(at => at >= MOVED));
      assert.equal(found.length, SEEDS.length);
    });
  }
});
