// Runs: a state of two that was left far sooner than ever is told once it is left; runs that may end at any time are not.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import type { ScoreOptions } from './score.ts';
import { type Series, series } from './series.ts';

const START = Date.UTC(2026, 0, 5);
const STEP = 10_000;
const LENGTH = 4000;

/** Lengths of runs, in values, by the state. */
type Lengths = (state: number, next: () => number) => number;
const cycle: Lengths = (state, next) => Math.round((state === 1 ? 50 : 30) * (1 + 0.1 * gauss(next)));
const anyTime: Lengths = (_, next) => Math.ceil(Math.log(1 - next()) / Math.log(1 - 1 / 40));

/** States of a series, as 0 and 1. At the end it is 0 for 40 values, but for what `fault` says. */
function states(lengths: Lengths, fault: readonly number[], seed = 7): number[] {
  const next = random(seed);
  const all: number[] = [];
  for (let state = 0; all.length < LENGTH || state === 1; state = 1 - state) {
    const length = Math.max(1, lengths(state, next));
    for (let n = 0; n < length; n++) all.push(state);
  }
  const rest = Array.from({ length: 40 }, () => 0);
  for (const at of fault) rest[at] = 1;
  return [...all, ...rest];
}

type Told = { kind: string; score: number; why: string; from: number };
/** What was alarmed, `from`: of how many values the end was so far. */
function told(
  values: readonly number[],
  options: ScoreOptions = {},
  one: Series = series(options),
  timed = true,
): Told[] {
  return values.flatMap((value, n) => {
    const { score, kind } = one.score(timed ? START + n * STEP : undefined, value);
    return score < 0 ? [{ kind, score, why: one.why('power', value), from: n - (values.length - 40) }] : [];
  });
}

describe('a run that ended too soon', () => {
  const sizes: [name: string, of: (state: number, noise: number) => number][] = [
    ['a status register', state => state],
    ['on and off with noise', (state, noise) => (state === 1 ? 1200 + 15 * noise : 2 * noise)],
    ['0 and a load', (state, noise) => state * (7.5 + 0.05 * noise)],
  ];
  for (const [name, of] of sizes)
    it(`is told of ${name} as it ends, once, by how long it lasted`, () => {
      const next = random(3);
      const found = told(states(cycle, [20]).map(state => of(state, gauss(next)))).filter(({ from }) => from >= 0);
      assert.equal(found.length, 1, JSON.stringify(found));
      assert.ok(found[0]!.from <= 21);
      assert.equal(found[0]!.kind, 'pulse');
      assert.match(
        found[0]!.why,
        /^power was [\d.]+ W for 10 s only, where it usually stays for at least \d\.\d min\. The value itself is not unusual\.$/,
      );
    });

  it('is told in values where times are unknown', () => {
    const [found] = told(states(cycle, [20]), {}, series(), false);
    assert.match(
      found?.why ?? '',
      /^power was 1 W for 1 of \d\d values only, where it usually stays for at least \d\d values\./,
    );
  });

  it('is found again, and does not make the rest of the run it broke too short', () => {
    const values = states(cycle, [20]);
    const again = [...values, ...Array.from({ length: 60 }, () => 1), ...states(cycle, [12], 8)];
    assert.equal(told(again).length, 2);
  });
});

describe('no run too short', () => {
  it('is one that may end at any time', () => {
    for (let seed = 1; seed <= 20; seed++)
      assert.ok(!told(states(anyTime, [20], seed)).some(({ kind }) => kind === 'pulse'));
  });

  it('is one of a cycle as it ever was', () => {
    for (let seed = 1; seed <= 20; seed++) assert.deepEqual(told(states(cycle, [], seed)), []);
  });

  const unwanted: [name: string, options: ScoreOptions][] = [
    ['of a direction that nobody asked for', { direction: 'down' }],
    ['near the expected value', { nearUnits: 2 }],
  ];
  for (const [name, options] of unwanted)
    it(`is one ${name}`, () => assert.deepEqual(told(states(cycle, [20]), options), []));

  it('is one behind a silence, or while the guard is up', () => {
    const one = series();
    const values = states(cycle, [20]);
    const before = values.length - 40;
    const kinds = values.map((value, n) => {
      const late = n > before + 20 ? 1000 * STEP : 0;
      return one.score(START + n * STEP + late, value).kind;
    });
    assert.ok(kinds.includes('gap') && !kinds.includes('pulse'));
    const guarded = series();
    for (const [n, value] of values.entries()) {
      const { kind } = guarded[n === before + 19 ? 'pass' : 'score'](START + n * STEP, value);
      assert.notEqual(kind, 'pulse');
    }
  });

  it('is one that a person called normal, at once or later', () => {
    const one = series();
    const values = states(cycle, [20]).slice(0, -18);
    assert.equal(told(values, {}, one).length, 1);
    one.accept();
    const on = Array.from({ length: 50 }, () => 1);
    const rest = [...Array.from({ length: 12 }, () => 0), ...on, ...Array.from({ length: 30 }, () => 0), 1, 0, 0];
    const later = rest.map((value, n) => one.score(START + (values.length + n) * STEP, value).score);
    assert.ok(later.every(score => score >= 0));
  });
});
