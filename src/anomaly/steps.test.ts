// Steps: what a coarse sensor does when it moves at all is no anomaly; what goes farther is, and on and off are no steps.
import assert from 'node:assert/strict';
import { series } from './series.ts';

const LENGTH = 6000;
const wave = (at: number): number => Math.sin((2 * Math.PI * at) / 4000);
const rounded = (step: number, value: number): number => Number((Math.round(value / step) * step).toFixed(6));

/** 0 and 1 in turn, later 2 and 1. */
const between = (at: number): number => (at < 4000 ? Math.floor(at / 40) % 2 : 2 - (Math.floor(at / 40) % 2));

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
    ['one in sixteenths of a degree', at => rounded(1 / 16, 20.3 + 0.2 * wave(at))],
    ['one in quarters', at => rounded(1 / 4, 20.3 + 0.7 * wave(at))],
    ['a level in steps of five', at => rounded(5, 50 + 20 * wave(at))],
    ['a battery', at => 100 - Math.floor(at / 80)],
    ['one that moved between two tenths and comes to a third', at => rounded(0.1, 20.3 + 0.1 * between(at))],
    ['whole degrees that moved between two and come to a third', at => 24 + between(at)],
    ['one that never moved and takes a step', at => (at < 3000 ? 1.6 : 1.5)],
  ];
  for (const [name, value] of usual)
    it(`${name}: moves, and nothing is told`, () => {
      assert.deepEqual(told(value), []);
    });

  const odd: [name: string, value: (at: number) => number][] = [
    ['a room that leaps by two degrees', at => rounded(0.1, 20.3 + 0.5 * wave(at)) + (at === 3000 ? 2 : 0)],
    [
      'one in sixteenths that leaps by two degrees',
      at => rounded(1 / 16, 20.3 + 0.2 * wave(at)) + (at === 3000 ? 2 : 0),
    ],
    ['one that never moved and leaps', at => (at < 3000 ? 1.6 : 12.4)],
    ['half a volt on and off, and a whole one once', at => (at === 3000 ? 1 : Math.floor(at / 40) % 2 ? 0.5 : 0)],
    ['a register that shows a third state once', at => (at === 3000 ? 2 : Math.floor(at / 40) % 2)],
    ['a register numbered from 1 that shows a third state', at => (at === 3000 ? 3 : 1 + (Math.floor(at / 40) % 2))],
    ['a battery that loses half', at => 100 - Math.floor(at / 500) - (at >= 3000 ? 45 : 0)],
  ];
  for (const [name, value] of odd)
    it(`${name}: is told`, () => {
      assert.equal(told(value)[0], 3000);
    });

  it('is no switch that showed other states before: each of its faults is told', () => {
    const faults = [1500, 2700, 3900, 5100];
    const one = (at: number) => {
      const fault = faults.findIndex(from => at >= from && at < from + 150);
      return (Math.floor(at / 15) % 2) + (fault < 0 ? 0 : fault % 2 ? 1 : -1);
    };
    const all = told(one);
    for (const from of faults)
      assert.ok(
        all.some(at => at >= from && at < from + 30),
        `${from}: ${all}`,
      );
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
