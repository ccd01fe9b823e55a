// Steps: what a coarse sensor does when it moves at all is no anomaly; what goes farther is, and on and off are no steps.
import assert from 'node:assert/strict';
import { series } from './series.ts';

const LENGTH = 6000;
const wave = (at: number): number => Math.sin((2 * Math.PI * at) / 4000);
const rounded = (step: number, value: number): number => Number((Math.round(value / step) * step).toFixed(6));

/** Places of what was told of values ten seconds apart. */
function told(value: (at: number) => number): number[] {
  const one = series();
  return Array.from({ length: LENGTH }, (_, at) => at).filter(at => one.score(at * 10_000, value(at)).score < 0);
}

describe('a coarse sensor', () => {
  const usual: [name: string, value: (at: number) => number][] = [
    ['a room in tenths of a degree', at => rounded(0.1, 20.3 + 0.5 * wave(at))],
    ['one in hundredths', at => rounded(0.01, 20.3 + 0.05 * wave(at))],
    ['one in half degrees, below zero too', at => rounded(0.5, 0.3 - 2 * wave(at))],
    ['one in whole degrees', at => rounded(1, 20.3 + 4 * wave(at))],
    ['a level in steps of five', at => rounded(5, 50 + 20 * wave(at))],
    ['a battery', at => 100 - Math.floor(at / 80)],
    ['one that never moved and takes a step', at => (at < 3000 ? 1.6 : 1.5)],
  ];
  for (const [name, value] of usual)
    it(`${name}: moves, and nothing is told`, () => {
      assert.deepEqual(told(value), []);
    });

  const odd: [name: string, value: (at: number) => number][] = [
    ['a room that leaps by two degrees', at => rounded(0.1, 20.3 + 0.5 * wave(at)) + (at === 3000 ? 2 : 0)],
    ['one that never moved and leaps', at => (at < 3000 ? 1.6 : 12.4)],
    ['half a volt on and off, and a whole one once', at => (at === 3000 ? 1 : Math.floor(at / 40) % 2 ? 0.5 : 0)],
    ['a register that shows a third state once', at => (at === 3000 ? 2 : Math.floor(at / 40) % 2)],
    ['a battery that loses half', at => 100 - Math.floor(at / 500) - (at >= 3000 ? 45 : 0)],
  ];
  for (const [name, value] of odd)
    it(`${name}: is told`, () => {
      assert.equal(told(value)[0], 3000);
    });

  for (const [name, later] of [
    ['another value', () => 25.5],
    ['noise', (at: number) => 25.5 + ((at * 7919) % 101) / 101],
  ] as const)
    it(`stood still, then goes on at a new level with ${name}: one alarm, which ends`, () => {
      const one = series();
      const alarms = Array.from({ length: 8000 }, (_, at) => at).filter(
        at => one.score(at * 60_000, at < 2000 ? 20.5 : later(at)).alarm !== undefined,
      );
      assert.equal(alarms[0], 2000);
      assert.ok(alarms.at(-1)! < 7500, `${alarms.at(-1)}`);
    });

  it('has a band that holds the steps that pass', () => {
    const one = series();
    for (let at = 0; at < 3000; at++) one.score(at * 10_000, 1.6);
    const { score, band } = one.score(3000 * 10_000, 1.5);
    assert.ok(score >= 0 && band !== undefined && band[0] <= 1.5 && band[1] >= 1.7, JSON.stringify({ score, band }));
  });
});
