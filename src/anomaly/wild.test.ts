// One wild value (a sensor's 1e6) alarms and teaches nothing; wild values that keep coming, and new levels, are learned.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import { series } from './series.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];

/** Rows of alarms in noise of 20 ± 1, whose range is about 7, with these changes. */
function alarmsOf(seed: number, length: number, change: (value: number, at: number) => number): number[] {
  const next = random(seed * 7919);
  const one = series();
  const scores = Array.from({ length }, (_, at) => one.score(undefined, change(20 + gauss(next), at)).score);
  return scores.flatMap((score, at) => (score < 0 ? [at] : []));
}

/** How many of two spikes a seed, up and down, are found at this row. */
const foundAt = (spike: number, change: (value: number, at: number) => number): number =>
  SEEDS.flatMap(seed =>
    [11, 29].filter(size =>
      alarmsOf(seed, spike + 1, (v, at) => (at === spike ? size : change(v, at))).includes(spike),
    ),
  ).length;

describe('wild values', () => {
  for (const wild of [100, 1e6, -1e6, 1e38])
    for (const [glitch, after] of [
      [20, 300],
      [150, 200],
      [300, 150],
      [550, 150],
      [3000, 100],
    ] as const)
      it(`${wild} at ${glitch} hides no spike of the size of the range ${after} values later`, () => {
        const found = foundAt(glitch + after, (v, at) => (at === glitch ? wild : v));
        assert.equal(found, 2 * SEEDS.length);
      });

  it('are told, each of them', () => {
    for (const seed of SEEDS) {
      const found = alarmsOf(seed, 3000, (v, at) => (at === 1000 || at === 2500 ? 1e6 : v));
      assert.deepEqual(found, [1000, 2500], `seed ${seed}`);
    }
  });

  it('that keep coming are the manner of the series', () => {
    for (const seed of SEEDS) {
      const found = alarmsOf(seed, 6000, (v, at) => (at > 1000 && at % 97 === 0 ? v + 50 : v));
      assert.ok(found.filter(at => at > 3000).length <= 1, `seed ${seed}: ${found}`);
    }
  });

  it('that stay are a new level', () => {
    for (const seed of SEEDS) {
      const found = alarmsOf(seed, 4000, (v, at) => v + (at >= 2000 ? 1000 : 0));
      assert.ok(found[0] === 2000 && found.at(-1)! < 2010, `seed ${seed}: ${found}`);
    }
  });

  it('are the manner of a day on which they came at the same time before', () => {
    const next = random(9);
    const one = series();
    const found: number[] = [];
    for (let at = 0; at < 12 * 96; at++) {
      const value = 20 + gauss(next) + (at % 96 === 40 ? 60 : 0);
      if (one.score(Date.UTC(2026, 0, 5) + at * 900_000, value).score < 0) found.push(at);
    }
    assert.ok(found.length <= 3 && found.every(at => at < 3 * 96), `${found}`);
  });
});
