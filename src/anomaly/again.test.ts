// Faults that come again: the first does not excuse the next, an episode is told once, and a step on a grid is none.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import { series } from './series.ts';

const START = Date.UTC(2026, 0, 5);
const STEP = 300_000;
const SEEDS = [1, 2, 3, 4, 5];

/** Places of the alarms in the values that `value` makes of noise. */
function alarms(seed: number, length: number, value: (noise: number, at: number) => number): number[] {
  const next = random(seed * 104_729);
  const one = series();
  const scores = Array.from({ length }, (_, at) => one.score(START + at * STEP, value(gauss(next), at)).score);
  return scores.flatMap((score, at) => (score < 0 ? [at] : []));
}

describe('faults that come again', () => {
  it('finds most of six spikes of one size, not the first ones alone', () => {
    const spikes = [2000, 2800, 3600, 4400, 5200, 6000];
    const found = SEEDS.flatMap(seed =>
      alarms(seed, 6100, (noise, at) => 20 + noise + (spikes.includes(at) ? 8 : 0)).filter(at => spikes.includes(at)),
    );
    assert.ok(found.length >= 25, `${found.length} of ${SEEDS.length * spikes.length}`);
  });

  it('tells of a level hardly beyond the limit once, not again for each value that is a little worse', () => {
    for (const seed of SEEDS) {
      const told = alarms(seed, 3100, (noise, at) => 20 + noise + (at < 3000 ? 0 : 4)).filter(at => at >= 3000);
      assert.equal(told.length, 1, `seed ${seed}: ${told}`);
    }
  });

  it('takes one step beyond the range for nothing odd where values lie on a grid', () => {
    // Halves, for whole numbers so small would be those of a status register.
    const found = SEEDS.flatMap(seed =>
      alarms(seed, 10_000, noise => 0.5 + Math.round(20 + 0.75 * noise)).filter(at => at >= 600),
    );
    assert.ok(found.length <= 5, `${found.length} alarms`);
  });

  it('takes means that wander a little farther the older a series is for nothing odd', () => {
    const found = SEEDS.flatMap(seed => {
      let x = 0;
      return alarms(seed, 30_000, noise => (x = 0.995 * x + noise)).filter(at => at >= 600);
    });
    assert.ok(found.length <= 25, `${found.length} alarms`);
  });

  it('takes what goes beyond its range again and again for nothing odd', () => {
    const found = SEEDS.flatMap(seed =>
      alarms(seed, 10_000, (noise, at) => noise + 0.003 * at).filter(at => at >= 600),
    );
    assert.ok(found.length <= 5, `${found.length} alarms`);
  });
});
