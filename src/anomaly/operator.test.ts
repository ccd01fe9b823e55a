// What an operator may ask for: direction, nearness, sensitivity, guard, feedback, and status registers left alone.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import type { Scored, ScoreOptions } from './score.ts';
import { type Series, series } from './series.ts';

const at = (n: number) => Date.UTC(2026, 0, 5) + n * 60_000;
const wobble = (n: number) => ((n * 7919) % 101) / 101 + ((n * 104_729) % 97) / 97;
/** A series that has seen `length` points about 21. */
function grown(options: ScoreOptions = {}, length = 1000): Series {
  const one = series(options);
  for (let n = 0; n < length; n++) one.score(at(n), 20 + wobble(n));
  return one;
}
const after = (options: ScoreOptions, value: number): Scored => grown(options).score(at(1000), value);

describe('what an operator may ask for', () => {
  const cases: [name: string, options: ScoreOptions, value: number, alarm: boolean][] = [
    ['both directions: a spike', {}, 40, true],
    ['both directions: a dip', {}, 0, true],
    ['upwards: a spike', { direction: 'up' }, 40, true],
    ['upwards: no dip', { direction: 'up' }, 0, false],
    ['downwards: no spike', { direction: 'down' }, 40, false],
    ['downwards: a dip', { direction: 'down' }, 0, true],
    ['near in units', { nearUnits: 25 }, 40, false],
    ['not near enough in units', { nearUnits: 5 }, 40, true],
    ['near in percent', { nearPercent: 120 }, 40, false],
    ['not near enough in percent', { nearPercent: 20 }, 40, true],
  ];
  for (const [name, options, value, alarm] of cases)
    it(name, () => assert.equal(after(options, value).score < 0, alarm));

  const sides: [direction: 'up' | 'down', value: number, passes: number, ends: RegExp][] = [
    ['up', 40, -1e6, /expected, up to 2\d\.\d+ °C would have passed\.$/],
    ['down', 0, 1e6, /expected, 19\.\d+ °C and more would have passed\.$/],
  ];
  for (const [direction, value, passes, ends] of sides)
    it(`${direction}: of what would have passed, band and sentence name the one end that there is`, () => {
      const one = grown({ direction });
      const { band = [0, 0] } = one.score(at(1000), value);
      assert.ok(band[0] < passes && passes < band[1] && !(band[0] < value && value < band[1]), `${band}`);
      assert.match(one.why('temperature', value), ends);
      assert.ok(grown({ direction }).score(at(1000), passes).score >= 0);
    });

  // The mean of the last 24 alarms, of values each of which is usual.
  const drifts: [name: string, options: ScoreOptions, alarm: boolean][] = [
    ['told', {}, true],
    ['near in units', { nearUnits: 0.5 }, false],
    ['near in percent', { nearPercent: 3 }, false],
    ['not near enough', { nearUnits: 0.1 }, true],
  ];
  for (const [name, options, alarm] of drifts)
    it(`a drift by 0.3: ${name}`, () => {
      const one = grown(options);
      let found = false;
      for (let n = 1000; n < 1100; n++) found ||= one.score(at(n), 20.3 + wobble(n)).score < 0;
      assert.equal(found, alarm);
    });

  it('a drift that goes on is told once it is near no more', () => {
    const one = grown({ nearUnits: 1 });
    const told: number[] = [];
    for (let n = 1000; n < 1600; n++)
      if (one.score(at(n), 20 + 0.01 * (n - 1000) + wobble(n)).score < 0) told.push(n - 1000);
    assert.ok(told[0] !== undefined && told[0] > 100 && told[0] < 300, String(told));
  });

  it('a value that is far from the expected one is told by itself where the mean that it moved is near enough', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const next = random(seed);
      const one = series({ nearUnits: 8 });
      for (let n = 0; n < 2000; n++) one.score(at(n), 20 + gauss(next));
      // Each of these is near, and so is their mean; what comes behind them is not, and moves the mean by even more.
      for (let n = 2000; n < 2024; n++) assert.ok(one.score(at(n), 26 + 0.1 * gauss(next)).score >= 0);
      const told = one.score(at(2024), 35);
      assert.ok(told.score < 0 && told.kind !== 'drift' && told.judged === undefined, JSON.stringify(told));
      assert.ok(told.band !== undefined && told.band[1] < 35, `${told.band}`);
    }
  });

  const unwanted: [name: string, options: ScoreOptions][] = [
    ['a direction that is not asked for', { direction: 'down' }],
    ['nearness', { nearUnits: 25 }],
  ];
  for (const [name, options] of unwanted)
    it(`${name}: neither the way there nor the way back is an alarm`, () => {
      const one = grown(options);
      for (let n = 1000; n < 1100; n++) {
        const { score } = one.score(at(n), 20 + wobble(n) + (n === 1050 ? 20 : 0));
        assert.ok(score >= 0, `${n}: ${score}`);
      }
    });

  it('calls what is too high a spike or jump and what lasts a shift, and gives a band it lies outside of', () => {
    const one = grown();
    const first = one.score(at(1000), 40);
    assert.match(first.kind, /^(spike|jump|range)$/);
    assert.ok(first.band !== undefined && first.band[1] < 40, `${first.band}`);
    let last = first;
    for (let n = 1001; n < 1020; n++) last = one.score(at(n), 40 + wobble(n));
    assert.equal(last.kind, 'shift');
    assert.equal(last.since, at(1000));
  });

  it('gives more alarms the more false ones are allowed', () => {
    const count = (falseAlarms: number): number => {
      const one = grown({ falseAlarms });
      let found = 0;
      for (let n = 1000; n < 9000; n++)
        if (one.score(at(n), 20 + wobble(n) + (n % 211 === 0 ? 0.01 * (n % 400) : 0)).score < 0) found++;
      return found;
    };
    const [few, some, many] = [count(0.01), count(1), count(50)];
    assert.ok(few < some && some < many, `${few} ${some} ${many}`);
  });

  for (const falseAlarms of [5, 20, 40])
    it(`gives about as many false alarms as were asked for: ${falseAlarms} in 10,000`, () => {
      const next = random(11);
      const [SERIES, LENGTH, YOUNG] = [4, 10_000, 600];
      let found = 0;
      for (let n = 0; n < SERIES; n++) {
        const one = series({ falseAlarms });
        for (let point = 0; point < LENGTH; point++)
          if (one.score(at(point), 20 + gauss(next)).score < 0 && point >= YOUNG) found++;
      }
      const rate = found / (SERIES * (LENGTH - YOUNG) * 1e-4);
      assert.ok(rate > 0.5 * falseAlarms && rate < 2 * falseAlarms, `${rate}`);
    });

  it('gives a band that what was reported lies outside of, however many alarms are asked for', () => {
    for (const falseAlarms of [0.1, 1, 10, 50]) {
      const next = random(31);
      const one = series({ falseAlarms });
      for (let point = 0; point < 5000; point++) {
        const value = (point % 300 < 40 ? 60 : 20) + gauss(next);
        const { score, kind, band, judged = value } = one.score(at(point), value);
        if (score >= 0 || band === undefined || kind === 'stuck' || kind === 'pulse') continue;
        assert.ok(judged < band[0] || judged > band[1], `${falseAlarms}: ${kind} ${judged} in ${band} at ${point}`);
      }
    }
  });

  it('neither judges nor learns while the guard is up, and sees no gap behind it', () => {
    const one = grown();
    const same = grown();
    for (let n = 1000; n < 1300; n++)
      if (n % 60 === 0) assert.deepEqual(one.pass(at(n), 900), { score: 1, kind: 'guarded' });
    assert.ok(one.score(at(1300), 20.9).score >= 0);
    assert.ok(one.score(at(1301), 40).score < 0);
    assert.ok(same.score(at(1300), 20.9).score < 0);
  });

  it('takes "this was normal" for values like it, not for others', () => {
    const one = grown();
    assert.ok(one.score(at(1000), 40).score < 0);
    one.accept();
    let next = 1001;
    const quiet = () => {
      for (const end = next + 700; next < end; next++) one.score(at(next), 20 + wobble(next));
    };
    quiet();
    assert.ok(one.score(at(next++), 40.5).score >= 0);
    quiet();
    assert.ok(one.score(at(next++), 60).score < 0);
  });

  it('takes "this was normal" for a pause', () => {
    const one = grown();
    const pause = 60;
    assert.equal(one.score(at(1000 + pause), 21).kind, 'gap');
    one.accept();
    for (let n = 1; n < 100; n++) one.score(at(1000 + pause + n), 20 + wobble(n));
    assert.ok(one.score(at(1099 + 2 * pause), 21).score >= 0);
  });
});

describe('status registers', () => {
  const registers: [name: string, value: (n: number) => number, alarms: number][] = [
    ['0, then 1', n => (n < 1000 ? 0 : 1), 0],
    ['0 with a 1 now and then', n => (n % 997 === 996 ? 1 : 0), 0],
    ['1, once 0', n => (n === 2000 ? 0 : 1), 0],
    ['two states that change', n => Math.floor(n / 37) % 2, 0],
    ['three states, of which one is rare', n => (n % 500 < 3 && n > 20 ? 2 : n % 2), 1],
    ['a number that was never seen', n => (n === 2500 ? 7 : Math.floor(n / 37) % 2), 1],
  ];
  for (const [name, value, alarms] of registers)
    it(`${name}: ${alarms} alarms`, () => {
      const one = series();
      const found = Array.from({ length: 3000 }, (_, n) => one.score(at(n), value(n))).filter(({ score }) => score < 0);
      assert.equal(found.length, alarms);
    });
});
