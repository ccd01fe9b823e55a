// That the extremes of a series tell what is out of its range: also after a fault that lasted, and where values lie in two places.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import { series } from './series.ts';

type Draw = (next: () => number) => number;
const SERIES = 20;
const START = Date.UTC(2026, 0, 5);

/** In how many series the last value is an alarm; `fault`: what is added to the values. */
function found(length: number, draw: () => Draw, fault: (at: number) => number): number {
  const isFound = (_: unknown, seed: number): boolean => {
    const [next, value, one] = [random(seed * 7919 + 5), draw(), series()];
    let score = 1;
    for (let at = 0; at < length; at++) score = one.score(START + at * 60_000, value(next) + fault(at)).score;
    return score < 0;
  };
  return Array.from({ length: SERIES }, isFound).filter(Boolean).length;
}

/** 60 for 5 to 20 values, 10 for 100 to 300, give or take 1. */
function pump(): Draw {
  let [left, isOn] = [100, false];
  return next => {
    if (--left <= 0) {
      isOn = !isOn;
      left = isOn ? 5 + 15 * next() : 100 + 200 * next();
    }
    return (isOn ? 60 : 10) + gauss(next);
  };
}

describe('the range of a series', () => {
  for (const lasting of [100, 200, 300])
    it(`is not wider for ever after a shift of ${lasting} values: one as large 2,000 values later is found`, () => {
      const fault = (at: number) => (at === 4000 || (at >= 2000 && at < 2000 + lasting) ? 1 : 0);
      const count = found(4001, () => next => next(), fault);
      assert.ok(count >= 17, `${count} of ${SERIES}`);
    });

  it('is as wide as a shift that stays', () => {
    const one = series();
    const next = random(11);
    const told: number[] = [];
    for (let at = 0; at < 12_000; at++)
      if (one.score(START + at * 60_000, next() + (at < 2000 ? 0 : 1)).score < 0) told.push(at);
    assert.ok(told.length >= 1 && told[0]! < 2010 && told.filter(at => at > 2400).length <= 1, String(told));
  });

  for (const beyond of [20, 30])
    it(`of a pump that is seldom on is known where it is on: ${beyond} above that is found`, () => {
      const count = found(3001, pump, at => (at === 3000 ? 50 + beyond : 0));
      assert.ok(count >= 16, `${count} of ${SERIES}`);
    });
});
