// Plain noise: a heavy tail is known for one early, and what has no day is judged in full before it has seen two.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import { series } from './series.ts';

type Draw = (next: () => number) => number;
const START = Date.UTC(2026, 0, 5);
const student: Draw = next => gauss(next) / Math.sqrt((gauss(next) ** 2 + gauss(next) ** 2 + gauss(next) ** 2) / 3);
const lognormal: Draw = next => Math.exp(gauss(next));
const pareto: Draw = next => (1 - next()) ** (-1 / 3);

/** Places of the alarms in so many values, `seconds` apart. */
function alarms(seed: number, seconds: number, length: number, draw: (next: () => number, at: number) => number) {
  const next = random(seed * 104_729);
  const one = series();
  const scores = Array.from({ length }, (_, at) => one.score(START + at * seconds * 1000, draw(next, at)).score);
  return scores.flatMap((score, at) => (score < 0 ? [at] : []));
}

describe('plain noise', () => {
  it('takes the far values of a heavy tail for what they are, in the first thousands as well', () => {
    const told = [student, lognormal, pareto].flatMap(draw =>
      [1, 2, 3, 4, 5].flatMap(seed => alarms(seed, 300, 2400, draw).filter(at => at >= 600)),
    );
    assert.ok(told.length <= 16, `${told.length} in 27,000`);
  });

  it('finds a spike in values every ten seconds as soon as in others', () => {
    const found = Array.from({ length: 20 }, (_, seed) =>
      alarms(seed, 10, 3001, (next, at) => gauss(next) + (at === 3000 ? 6.5 : 0)).includes(3000),
    ).filter(Boolean);
    assert.ok(found.length >= 18, `${found.length} of 20`);
  });

  it('finds one behind a fault that lasted as well', () => {
    const found = Array.from({ length: 20 }, (_, seed) =>
      alarms(
        seed,
        10,
        3001,
        (next, at) => gauss(next) + (at === 3000 ? 7.5 : at >= 2000 && at < 2200 ? 7 : 0),
      ).includes(3000),
    ).filter(Boolean);
    assert.ok(found.length >= 18, `${found.length} of 20`);
  });
});
