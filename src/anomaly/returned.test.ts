// That faults which came and went leave the range of a series as it was, and that what stays, or is seldom entered, is learned.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import { series } from './series.ts';

type Fault = (at: number) => number;
const SERIES = 20;
const START = Date.UTC(2026, 0, 5);

const shift =
  (from: number, length: number, by = 1): Fault =>
  at =>
    at >= from && at < from + length ? by : 0;
const drift =
  (from: number, length: number, by = 1): Fault =>
  at =>
    at >= from && at < from + length ? (by * (at - from + 1)) / length : 0;

/** Scores of values from 0 to 1 to which the faults are added. */
function scoresOf(seed: number, length: number, faults: readonly Fault[]): number[] {
  const [next, one] = [random(seed * 7919 + 5), series()];
  return Array.from({ length }, (_, at) => {
    const value = faults.reduce((sum, fault) => sum + fault(at), next());
    return one.score(START + at * 60_000, value).score;
  });
}

/** In how many series a value that is off by their range is an alarm, 2,000 values behind the last of these faults. */
const found = (before: readonly Fault[], at: number): number =>
  Array.from({ length: SERIES }, (_, seed) => scoresOf(seed, at + 1, [...before, shift(at, 1)])).filter(
    scores => scores.at(-1)! < 0,
  ).length;

describe('a fault that came and went', () => {
  const cases: readonly [name: string, before: readonly Fault[], at: number][] = [
    ['a drift of 200 values', [drift(2000, 200)], 4200],
    ['a drift of 300 values', [drift(2000, 300)], 4300],
    ['a shift and a drift of 100', [shift(1500, 100), drift(3000, 100)], 5100],
    ['a drift of 300 and a shift of 200', [drift(1500, 300), shift(3000, 200)], 5200],
    ['a drift of 800 values', [drift(2000, 800)], 4800],
    ['a drift down and one up', [drift(1500, 200, -1), drift(3000, 200)], 5200],
  ];
  for (const [name, before, at] of cases)
    it(`hides none as large 2,000 values later: ${name}`, () => {
      const count = found(before, at);
      assert.ok(count >= 18, `${count} of ${SERIES}`);
    });

  it('hides none as large: a slow drift of a machine that has four states, some of which stay inside the range', () => {
    let count = 0;
    for (let seed = 0; seed < SERIES; seed++) {
      const [next, one, slow] = [random(seed * 7919 + 5), series(), drift(2000, 1000, -30)];
      let [state, score] = [0, 1];
      for (let at = 0; at <= 5000; at++) {
        if (next() < 1 / 20) state = (state + 1 + Math.floor(3 * next())) % 4;
        score = one.score(START + at * 60_000, at === 5000 ? -30 : 10 * state + slow(at)).score;
      }
      if (score < 0) count++;
    }
    assert.ok(count >= 16, `${count} of ${SERIES}`);
  });

  it('leaves what is known of two states: one that is stuck 1,000 values later is told', () => {
    for (let seed = 0; seed < 10; seed++) {
      const [next, one, slow] = [random(seed * 7919 + 5), series(), drift(3000, 300, -1000)];
      let [isOn, left, kind] = [false, 20, ''];
      for (let at = 0; at < 4400; at++) {
        if (at < 4300 && left-- === 0) {
          isOn = !isOn;
          left = Math.round((isOn ? 10 : 20) * (0.7 + 0.9 * next()));
        }
        kind = one.score(START + at * 60_000, (isOn ? 1000 + 20 * gauss(next) : 0) + slow(at)).kind;
        // It stays where it is when it is off.
        if (at > 4250 && !isOn) left = 1000;
      }
      assert.equal(kind, 'stuck', `seed ${seed}`);
    }
  });

  it('is the new manner of the series where it stays', () => {
    for (let seed = 0; seed < 5; seed++) {
      const scores = scoresOf(seed, 8000, [shift(2000, 6000)]);
      const alarms = scores.flatMap((score, at) => (score < 0 ? [at] : []));
      assert.ok(alarms.some(at => at >= 2000 && at < 2010));
      assert.ok(alarms.filter(at => at > 2400).length <= 2, String(alarms));
    }
  });

  it('is the manner of a series where it comes again and again', () => {
    const often: Fault = at => (at >= 1500 && at % 300 < 60 ? 1 : 0);
    let alarms = 0;
    for (let seed = 0; seed < 6; seed++)
      alarms += scoresOf(seed, 14_000, [often]).filter((score, at) => at >= 6000 && score < 0).length;
    assert.ok(alarms <= 25, `${alarms} alarms of 162`);
  });
});

describe('a light sensor that was dark at first', () => {
  it('is not dark again for what it learned, night after night', () => {
    const DAY = 4320;
    let alarms = 0;
    for (let seed = 0; seed < 3; seed++) {
      const [next, one] = [random(seed * 7919 + 5), series()];
      for (let at = 0; at < 6 * DAY; at++) {
        const sun = Math.sin((2 * Math.PI * (at - 1800)) / DAY);
        const value = sun > 0 ? 300 * sun + 20 * next() : 0;
        if (one.score(START + at * 20_000, value).score < 0 && at > DAY) alarms++;
      }
    }
    assert.ok(alarms <= 15, `${alarms} alarms in ${3 * 5} days`);
  });
});

describe('a machine that is seldom on', () => {
  // For 15 values, once in about 265.
  for (const minutes of [1, 15])
    it(`is known sooner than by one value a time, with one every ${minutes} minutes`, () => {
      let alarms = 0;
      for (let seed = 0; seed < SERIES; seed++) {
        const [next, one] = [random(seed * 7919 + 5), series()];
        let isOn = false;
        for (let at = 0; at < 8000; at++) {
          if (next() < 1 / (isOn ? 15 : 250)) isOn = !isOn;
          const value = isOn ? 1000 * (1 + 0.03 * gauss(next)) : 2 + 0.3 * gauss(next);
          if (one.score(START + at * minutes * 60_000, value).score < 0 && at >= 4000) alarms++;
        }
      }
      assert.ok(alarms <= 75, `${alarms} alarms in ${SERIES * 4000} values`);
    });
});

describe('a young series', () => {
  it('tells most drifts by their range within 300 values: they are not their own yardstick', () => {
    let count = 0;
    for (let seed = 0; seed < SERIES; seed++) {
      const [next, one, slow] = [random(seed * 7919 + 5), series(), drift(700, 300, 6)];
      let isTold = false;
      for (let at = 0; at < 1000; at++)
        isTold = (one.score(START + at * 600_000, gauss(next) + slow(at)).score < 0 && at >= 700) || isTold;
      if (isTold) count++;
    }
    assert.ok(count >= 14, `${count} of ${SERIES}`);
  });

  it('of a value every 10 s tells a spike in its third hour', () => {
    let count = 0;
    for (let seed = 0; seed < 2 * SERIES; seed++) {
      const [next, one] = [random(seed * 7919 + 5), series()];
      let [x, score] = [0, 1];
      for (let at = 0; at <= 800; at++) {
        x = 0.7 * x + gauss(next);
        score = one.score(START + at * 10_000, at === 800 ? x + 10 : x).score;
      }
      if (score < 0) count++;
    }
    assert.ok(count >= 35, `${count} of ${2 * SERIES}`);
  });
});
