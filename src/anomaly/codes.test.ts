// Codes: a rare state of a status register is told when it comes back, too; states that come often, and counts, are not.
import assert from 'node:assert/strict';
import { random } from './noise.fixture.ts';
import { series } from './series.ts';

const MINUTE = 60_000;

/** Places and reasons of what was told of so many values, a minute apart. */
function told(length: number, value: (at: number) => number): { at: number; why: string }[] {
  const one = series();
  return Array.from({ length }, (_, at) => at).flatMap(at => {
    const given = value(at);
    return one.score(at * MINUTE, given).score < 0 ? [{ at, why: one.why('state', given) }] : [];
  });
}

/** On and off for some twenty values at a time. */
function register(): () => number {
  const next = random(7);
  let state = 0;
  return () => {
    if (next() < 0.05) state = 1 - state;
    return state;
  };
}

describe('a status register', () => {
  it('tells a rare state when it comes back as well, five times in all', () => {
    const usual = register();
    const visits = [3000, 4500, 6000, 7500, 9000, 10_500, 12_000];
    const all = told(13_000, at => (visits.some(from => at >= from && at < from + 5) ? 2 : usual()));
    assert.deepEqual(
      all.map(({ at }) => at),
      visits.slice(0, 5),
    );
    assert.deepEqual(
      all.slice(0, 3).map(({ why }) => why),
      [
        'state is 2, a state that was never seen before.',
        'state is 2, a state that came only once before.',
        'state is 2, a state that came only 2 times before.',
      ],
    );
  });

  it('tells a state that flickers once', () => {
    const usual = register();
    const all = told(5000, at => (at >= 4000 && at < 4200 && at % 3 === 0 ? 2 : usual()));
    assert.deepEqual(
      all.map(({ at }) => at),
      [4002],
    );
  });

  it('tells a state that comes every few hours when it is new only', () => {
    const usual = register();
    const all = told(8000, at => (at % 400 > 390 ? 2 : usual()));
    assert.deepEqual(
      all.map(({ at }) => at),
      [391],
    );
  });

  it('takes counts of a few a minute for no states that come back', () => {
    const next = random(11);
    const all = told(20_000, at => {
      const drawn = next();
      return at % 2500 === 2499 ? 4 : drawn < 0.55 ? 0 : drawn < 0.85 ? 1 : drawn < 0.96 ? 2 : 3;
    });
    assert.ok(all.length <= 2, JSON.stringify(all));
  });
});
