// Stuck: a series that was seen to move and has stopped; what never moved, or stands at 0 every night, has not.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import { series } from './series.ts';

const START = Date.UTC(2026, 0, 5);
const STEP = 300_000;
const DAY = 288;

function stuckAt(length: number, value: (at: number, noise: number) => number): number[] {
  const next = random(77);
  const one = series();
  const kinds = Array.from({ length }, (_, at) => one.score(START + at * STEP, value(at, gauss(next))).kind);
  return kinds.flatMap((kind, at) => (kind === 'stuck' ? [at] : []));
}

describe('stuck', () => {
  const still: [name: string, value: (at: number, noise: number) => number][] = [
    ['a value that never moved', () => 21.37],
    ['a value that a person set three times', at => [18.5, 20.25, 19.75, 21.5][Math.min(3, Math.floor(at / 5))] ?? 0],
    ['0, whatever it was before', (at, noise) => (at < 2000 ? 20 + noise : 0)],
  ];
  for (const [name, value] of still) it(`is not ${name}`, () => assert.deepEqual(stuckAt(4000, value), []));

  const byDay = (at: number, noise: number) => (at % DAY < 144 ? 0 : 300 + 40 * noise);
  const stopped: [name: string, value: (at: number, noise: number) => number, within: number][] = [
    ['a noisy value that stops', (at, noise) => (at < 3000 ? 20 + noise : 20.5), 40],
    ['a coarse value that stops', (at, noise) => (at < 3000 ? Math.round(20 + noise) : 20), 60],
    ['one that stood at 0 every night and stops by day', (at, noise) => (at < 3040 ? byDay(at, noise) : 311.5), 40],
  ];
  for (const [name, value, within] of stopped)
    it(`is ${name}`, () => {
      const [first = Number.POSITIVE_INFINITY] = stuckAt(3200, value);
      assert.ok(first >= 3000 && first < 3040 + within, `first at ${first}`);
    });
});
