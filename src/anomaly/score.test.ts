// Score: calm on plain noise of every kind, awake to faults, and never anything but a finite number from the past alone.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import type { Scored } from './score.ts';
import { series } from './series.ts';

const START = Date.UTC(2026, 0, 5);
const STEP = 300_000;
type Maker = (next: () => number) => (at: number) => number;
const noises: Record<string, Maker> = {
  gaussian: next => () => 20 + gauss(next),
  uniform: next => () => next(),
  exponential: next => () => -Math.log(1 - next()),
  'Student t with 3 degrees': next => () =>
    gauss(next) / Math.sqrt((gauss(next) ** 2 + gauss(next) ** 2 + gauss(next) ** 2) / 3),
  lognormal: next => () => Math.exp(gauss(next)),
  quantised: next => () => Math.round((20 + 0.3 * gauss(next)) * 10) / 10,
  'following itself': next => {
    let x = 0;
    return () => (x = 0.9 * x + gauss(next));
  },
  daily: next => at => 20 + 5 * Math.sin((2 * Math.PI * at) / 288) + 0.3 * gauss(next),
  'a counter': next => {
    let x = 1000;
    return () => (x += 0.01 * next());
  },
  'a constant': () => () => 7,
  'on and off': next => {
    let on = 0;
    return () => {
      if (next() < 1 / 30) on = 1 - on;
      return on * 1200 + (on ? 15 : 2) * gauss(next);
    };
  },
  'bursts that fade': next => {
    let x = 0;
    return () => {
      x = next() < 0.02 ? 2 + 4 * next() : 0.8 * x;
      return 10 + 5 * x + gauss(next);
    };
  },
  'zero at night': next => at => (at % 288 < 144 ? 0 : 3 + 0.5 * gauss(next)),
};

/** Their rare values look the same to every model. */
const HEAVY = new Set(['Student t with 3 degrees', 'lognormal']);

type Fault = (value: number, at: number) => number;
function run(make: Maker, seed: number, length: number, fault: Fault = value => value): Scored[] {
  const value = make(random(seed));
  const one = series();
  return Array.from({ length }, (_, at) => one.score(START + at * STEP, fault(value(at), at)));
}
const alarms = (scores: readonly Scored[]): number[] => scores.flatMap(({ score }, at) => (score < 0 ? [at] : []));

describe('score: plain noise', () => {
  for (const [name, make] of Object.entries(noises))
    it(`${name}: few false alarms in 60,000 points, once a series is 600 points old`, () => {
      let total = 0;
      for (let seed = 1; seed <= 6; seed++)
        total += alarms(run(make, seed * 7919, 10_000)).filter(at => at >= 600).length;
      assert.ok(total <= (HEAVY.has(name) ? 24 : 9), `${total} alarms`);
    });
});

describe('score: faults', () => {
  type Case = {
    name: string;
    noise: string;
    fault: Fault;
    from?: number;
    within: number;
    kinds?: RegExp;
    most?: number;
  };
  const cases: Case[] = [
    { name: 'a spike', noise: 'gaussian', fault: (v, at) => (at === 3000 ? v + 9 : v), within: 1, most: 2 },
    { name: 'a dip', noise: 'gaussian', fault: (v, at) => (at === 3000 ? v - 9 : v), within: 1, most: 2 },
    { name: 'a shift', noise: 'gaussian', fault: (v, at) => (at >= 3000 ? v + 6 : v), within: 5, most: 3 },
    {
      name: 'a spike in a daily curve',
      noise: 'daily',
      fault: (v, at) => (at === 3000 ? v + 6 : v),
      within: 1,
      most: 2,
    },
    {
      name: 'a daily curve upside down',
      noise: 'daily',
      fault: (v, at) => (at >= 3000 ? 40 - v : v),
      within: 288,
    },
    {
      name: 'a stuck sensor',
      noise: 'gaussian',
      fault: (v, at) => (at >= 3000 ? 20.5 : v),
      within: 40,
      kinds: /stuck/,
      most: 1,
    },
    {
      name: 'a counter that races',
      noise: 'a counter',
      fault: (v, at) => v + 0.5 * Math.max(0, at - 2999),
      within: 1,
      most: 9,
    },
    ...[-60, -1200, 1500].map(value => ({
      ...{ name: `${value} where on is 1200 and off is 0`, noise: 'on and off', within: 1 },
      fault: (v: number, at: number) => (at === 3000 ? value : v),
    })),
    {
      name: 'a burst half as great again as any before',
      noise: 'bursts that fade',
      fault: (v, at) => (at === 3000 ? 56 : v),
      within: 1,
    },
    {
      name: 'a value a tenth beyond hard limits',
      noise: 'uniform',
      fault: (v, at) => (at === 3000 ? 1.1 : v),
      within: 1,
    },
    { name: 'a wild value', noise: 'gaussian', fault: (v, at) => (at === 3000 ? 1e38 : v), within: 1 },
  ];
  for (const { name, noise, fault, within, kinds = /./, most = 20 } of cases)
    it(`reports ${name}`, () => {
      for (const seed of [1, 2, 3]) {
        const scores = run(noises[noise] as Maker, seed * 104729, 4000, fault);
        const found = alarms(scores).filter(at => at >= 3000);
        assert.ok(found[0] !== undefined && found[0] < 3000 + within, `seed ${seed}: first alarm at ${found[0]}`);
        assert.ok(found.length <= most, `seed ${seed}: ${found.length} alarms`);
        assert.match((scores[found[0]] as Scored).kind, kinds);
      }
    });

  it('sees a spike again after a wild value', () => {
    const scores = run(noises['gaussian'] as Maker, 5, 6000, (v, at) => (at === 2000 ? 1e38 : at === 5000 ? 60 : v));
    assert.deepEqual(alarms(scores), [2000, 5000]);
  });

  it('sees what falls out of the range in the middle of an episode that went up', () => {
    const scores = run(noises['gaussian'] as Maker, 5, 3010, (v, at) =>
      at >= 3000 ? (at === 3004 ? -80 : v + 60) : v,
    );
    assert.deepEqual(
      alarms(scores).filter(at => at >= 3000 && at <= 3004),
      [3000, 3004],
    );
  });

  it('adopts a shift: what was wrong becomes normal, going back is news', () => {
    const scores = run(noises['gaussian'] as Maker, 3, 9000, (v, at) => (at >= 3000 && at < 7000 ? v + 50 : v));
    assert.deepEqual(
      alarms(scores).filter(at => at > 3300 && at < 7000),
      [],
    );
    assert.ok(alarms(scores).some(at => at >= 7000 && at < 7005));
  });

  it('explains: forecast, the band that would have passed, since when', () => {
    const scores = run(noises['gaussian'] as Maker, 1, 3010, (v, at) => (at >= 3000 ? v + 30 : v));
    const { expected = 0, band = [0, 0], since } = scores[3000] as Scored;
    assert.ok(
      Math.abs(expected - 20) < 2 && band[0] < 17 && band[0] > 5 && band[1] > 23 && band[1] < 35,
      `${expected} ${band}`,
    );
    assert.equal(since, START + 3000 * STEP);
    assert.equal((scores[3005] as Scored).since, since);
    assert.ok((scores[3005] as Scored).score >= 0);
  });
});

describe('score: the week', () => {
  const HALF_HOURS = 48;
  const WEEK = 7 * HALF_HOURS;
  const weekly = (extra: (at: number) => number) => {
    const next = random(6);
    const one = series();
    const scores = Array.from({ length: 8 * WEEK }, (_, at) =>
      one.score(START + at * 1_800_000, 20 + 0.2 * gauss(next) + extra(at)),
    );
    return alarms(scores);
  };
  const everyMonday = (at: number) => (at % WEEK === 100 ? 8 : 0);

  it('learns what comes once a week: twice it is news, then no more', () =>
    assert.deepEqual(weekly(everyMonday), [100, WEEK + 100]));
  it('reports what is far more than that at its hour', () =>
    assert.deepEqual(
      weekly(at => (at === 6 * WEEK + 100 ? 30 : everyMonday(at))),
      [100, WEEK + 100, 6 * WEEK + 100],
    ));
});

describe('score: time', () => {
  const at = (i: number) => START + i * 60_000;
  const steady = (times: (i: number) => number | undefined, length = 400) => {
    const next = random(9);
    const one = series();
    return Array.from({ length }, (_, i) => one.score(times(i), 20 + gauss(next)));
  };

  it('reports a gap on the first row after it, once', () => {
    const scores = steady(i => at(i < 300 ? i : i + 60));
    assert.deepEqual(alarms(scores), [300]);
    assert.equal(scores[300]?.kind, 'gap');
    assert.equal(scores[300]?.since, at(299), 'since the last value before it');
  });

  type Case = { name: string; times: (i: number) => number | undefined; expected: number[] };
  const cases: Case[] = [
    { name: 'no times', times: () => undefined, expected: [] },
    { name: 'repeated times', times: i => at(i - (i % 4)), expected: [] },
    { name: 'all times the same', times: () => at(0), expected: [] },
    { name: 'one late reading', times: i => at(i === 300 ? 250 : i), expected: [] },
    { name: 'a clock set back', times: i => at(i < 300 ? i : i - 200), expected: [] },
    { name: 'one time far ahead', times: i => at(i === 300 ? 1e6 : i), expected: [300] },
    { name: 'irregular intervals', times: i => at(i + 0.6 * Math.sin(i * i)), expected: [] },
  ];
  for (const { name, times, expected } of cases)
    it(`${name}: alarms at [${expected}]`, () => assert.deepEqual(alarms(steady(times)), expected));
});

describe('score: always', () => {
  it('is 1 and learning at first', () => {
    const scores = run(noises['gaussian'] as Maker, 1, 64);
    assert.ok(scores.every(({ score, kind }) => score === 1 && kind === 'learning'));
  });

  it('is finite for any finite values', () => {
    const next = random(11);
    const one = series();
    const extremes = [0, -0, 1e308, -1e308, Number.MIN_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE, 1, 1e-300];
    for (let i = 0; i < 5000; i++) {
      const value = next() < 0.5 ? gauss(next) : (extremes[Math.floor(next() * extremes.length)] as number);
      const { score, expected = 0, band = [0, 0] } = one.score(next() < 0.2 ? undefined : (next() - 0.5) * 1e13, value);
      assert.ok([score, expected, ...band].every(Number.isFinite), `${value}: ${score} ${expected} ${band}`);
      assert.ok(score <= 1 && score >= -1);
    }
  });

  it('depends on the past alone', () => {
    const whole = run(noises['daily'] as Maker, 4, 3000, (v, at) => (at > 2000 ? v * 3 : v));
    const part = run(noises['daily'] as Maker, 4, 2500, (v, at) => (at > 2000 ? v * 3 : v));
    assert.deepEqual(whole.slice(0, 2500), part);
  });
});
