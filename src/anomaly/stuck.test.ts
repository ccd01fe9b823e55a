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

const hour = (at: number) => ((at % DAY) * 24) / DAY;
/** Power of the sun from 6 to 18, never the same by day. */
const sun = (at: number, noise: number) => {
  const height = Math.sin((Math.PI * (hour(at) - 6)) / 12);
  return height > 1e-9 ? 4000 * height * Math.exp(-Math.abs(noise)) : 0;
};
const NIGHT = 12 * DAY;
/** Blows up and dies down over days, and then stands at 0. */
const wind = () => {
  const next = random(5);
  let speed = 3;
  return () => {
    speed += 0.01 * (3 - speed) + 0.15 * gauss(next);
    return speed < 1.5 ? 0 : (speed - 1.5) ** 2;
  };
};

describe('stuck', () => {
  const still: [name: string, value: (at: number, noise: number) => number][] = [
    ['a value that never moved', () => 21.37],
    ['a value that a person set three times', at => [18.5, 20.25, 19.75, 21.5][Math.min(3, Math.floor(at / 5))] ?? 0],
    ['0, whatever it was before', (at, noise) => (at < 2000 ? 20 + noise : 0)],
    ['0 at night', sun],
    ['0 at night, and sooner each day', (at, noise) => (hour(at) < 18 - 0.15 * (at / DAY) ? sun(at, noise) : 0)],
    ['0 at night, from one day on an hour sooner', (at, noise) => (hour(at) < 17 || at < NIGHT ? sun(at, noise) : 0)],
    ['0 at the weekend', (at, noise) => (Math.floor(at / DAY) % 7 < 5 ? sun(at, noise) : 0)],
    ['0 that comes at any time of the day', wind()],
  ];
  for (const [name, value] of still) it(`is not ${name}`, () => assert.deepEqual(stuckAt(8000, value), []));

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

  it('is 0 by day, where it never was, though it stood at 0 all night', () => {
    const stood = stuckAt(NIGHT + DAY, (at, noise) => (at < NIGHT ? sun(at, noise) : 0));
    assert.ok(hour(stood[0] ?? 0) > 7 && hour(stood[0] ?? 0) < 8.5, `${stood[0]}`);
  });

  for (const accepted of [false, true])
    it(`tells of 0 by day once, and ${accepted ? 'lets it be once it was called normal' : 'goes on until it moves'}`, () => {
      const next = random(77);
      const one = series();
      const told: string[] = [];
      let stuck = 0;
      for (let at = 0; at < NIGHT + 5 * DAY; at++) {
        const { score, kind } = one.score(START + at * STEP, at < NIGHT ? sun(at, gauss(next)) : 0);
        if (kind === 'stuck') stuck++;
        if (score >= 0 || at < NIGHT) continue;
        told.push(one.why('power', 0));
        if (accepted) one.accept();
      }
      assert.equal(told.length, 1, told.join());
      assert.match(
        told[0]!,
        /^power has been exactly 0 W for 1\d h, 8 values in a row at times of the day at which it was not for at least 7 days\.$/,
      );
      assert.equal(stuck > 1, !accepted);
    });

  it('is 0 by day also where readings of half an hour ago come late', () => {
    const next = random(77);
    const one = series();
    const kinds = new Set<string>();
    for (let at = 0; at < NIGHT + DAY; at++)
      for (const late of at % 3 === 0 ? [0, 6] : [0])
        kinds.add(one.score(START + (at - late) * STEP, at - late < NIGHT ? sun(at - late, gauss(next)) : 0).kind);
    assert.ok(kinds.has('stuck'));
  });

  /** Two states, from one to the other after so many values each. */
  const states = (levels: readonly [number, number], runOf: (next: () => number) => number) => {
    const next = random(31);
    let [state, left] = [0, 0];
    return () => {
      if (--left < 0) [state, left] = [1 - state, runOf(next)];
      return levels[state]!;
    };
  };
  const bounded = (next: () => number) => 15 + Math.floor(66 * next());
  const atAnyTime = (next: () => number) => Math.ceil(-45 * Math.log(1 - next()));

  for (const [which, levels] of [
    ['upper', [0, 1]],
    ['upper', [3, 7]],
    ['lower', [1, 0]],
    ['lower', [7, 3]],
  ] as const)
    it(`is the ${which} of ${levels.join(' and ')} that lasts for twice its longest run of 15 to 80`, () => {
      const value = states(levels, bounded);
      const found = stuckAt(4180, at => (at < 4000 ? value() : levels[1]));
      assert.ok(found.length > 0 && found.every(at => at > 4080), `${found}`);
    });

  it('is either of two states that is left at any time, where it stays half as long again as ever', () => {
    const short = (next: () => number) => Math.ceil(-15 * Math.log(1 - next()));
    for (const level of [0, 1]) {
      const value = states([0, 1], short);
      const found = stuckAt(6300, at => (at < 6000 ? value() : level));
      assert.ok(found.length > 0 && found.every(at => at > 6060), `${level}: ${found[0]}`);
    }
  });

  it('tells of a pump that stays off in words, and lets it be once that was called normal', () => {
    const value = states([1, 0], bounded);
    const one = series();
    const off = (from: number): string[] => {
      const told: string[] = [];
      for (let at = from; at < from + 300; at++)
        if (one.score(START + at * STEP, 0).score < 0) told.push(one.why('pump', 0));
      return told;
    };
    const run = (from: number) => {
      for (let at = from; at < from + 3000; at++) one.score(START + at * STEP, value());
    };
    run(0);
    const [first] = off(3000);
    assert.match(
      first ?? '',
      /^pump has been exactly 0 for 1\d h, 1\d\d values in a row, where up to 1\d\d would have passed/,
    );
    one.accept();
    run(3300);
    assert.deepEqual(off(6300), []);
  });

  const live: [name: string, value: (noise: number) => number][] = [
    ['a noisy value', noise => 20 + noise],
    ['a coarse value', noise => Math.round(20 + noise)],
  ];
  for (const [name, value] of live)
    it(`is ${name} whenever it stops: the first time does not excuse the next`, () => {
      const stops = [1500, 3100, 4700, 6900];
      const stoodAt = (at: number) => stops.find(from => at >= from && at < from + 150);
      const found = stuckAt(7200, (at, noise) => (stoodAt(at) === undefined ? value(noise) : 20));
      for (const from of stops)
        assert.ok(
          found.some(at => at >= from && at < from + 70),
          `${from}: ${found}`,
        );
      // It may come back with the very value at which it stood.
      assert.ok(found.every(at => stoodAt(at - 10) ?? stoodAt(at)));
    });

  it('is a value that stands still every night the first two times, and then that is its manner', () => {
    const found = stuckAt(20 * DAY, (at, noise) => (hour(at) < 8 && at >= 5 * DAY ? 21.5 : 20 + noise));
    assert.deepEqual([...new Set(found.map(at => Math.floor(at / DAY)))], [5, 6]);
  });

  it('is what begins to stand still now and then no more often than three times at first, and then seldom', () => {
    const found = stuckAt(12_000, (at, noise) => (at > 2000 && at % 410 < 60 ? 21.5 : 20 + noise));
    const stretches = new Set(found.map(at => Math.floor(at / 410)));
    assert.ok(stretches.size >= 3 && stretches.size <= 4, `${[...stretches]}`);
  });

  it('is hardly ever a coarse sensor that wanders between two values, however long it stays', () => {
    const found = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(seed => {
      const next = random(seed * 104_729);
      const one = series();
      let x = 0;
      return Array.from({ length: 12_000 }, (_, at) => {
        x = 0.998 * x + 0.012 * gauss(next);
        const { score, kind } = one.score(START + at * STEP, x > 0 ? 20.4 : 20.3);
        return score < 0 && kind === 'stuck';
      }).filter(Boolean).length;
    });
    assert.ok(found.reduce((sum, count) => sum + count) <= 15, `${found}`);
  });

  it('is no state whose runs end at any time', () => {
    const value = states([3, 7], atAnyTime);
    assert.deepEqual(stuckAt(20_000, value), []);
  });
});
