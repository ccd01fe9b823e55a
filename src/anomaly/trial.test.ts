// A trial says of values that are there what a node with these settings would have said of them as they came.
import assert from 'node:assert/strict';
import { series } from './series.ts';
import { type Point, trial } from './trial.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 5);
const points = (length: number, value: (at: number) => number): Point[] =>
  Array.from({ length }, (_, at) => ({ time: START + at * MINUTE, value: value(at) }));
const wobble = (at: number) => ((at * 7919) % 101) / 101 + ((at * 104_729) % 97) / 97;

describe('a trial of settings', () => {
  const spiky = points(1500, at => 20 + wobble(at) + (at === 700 || at === 1300 ? 30 : 0));

  it('says what the series would have said', () => {
    const one = series();
    const scores = spiky.map(({ time, value }) => one.score(time, value).score);
    assert.deepEqual(
      trial(spiky, 'v', {}, 1500).shown.map(({ score }) => score),
      scores,
    );
  });

  it('counts anomalies, the days and the points a day, and shows the last ones', () => {
    const { found, anomalies, days, pointsADay, scored, shown, isRate } = trial(spiky, 'v', {}, 100);
    assert.deepEqual([found, scored, pointsADay, isRate, shown.length], [2, 1500, 1440, false, 100]);
    assert.deepEqual(
      anomalies.map(({ time }) => (time - START) / MINUTE),
      [1300, 700],
    );
    assert.ok(Math.abs(days - 1499 / 1440) < 1e-9);
  });

  const rates: [name: string, time: (at: number) => number, aDay: number][] = [
    ['one a minute', at => at, 1440],
    ['one a minute, and nothing for a month', at => at + (at >= 5000 ? 43_200 : 0), 1229],
    ['five in a burst each hour', at => 60 * Math.floor(at / 5) + (at % 5) / 60, 120],
    ['one a minute by day alone', at => 1440 * Math.floor(at / 840) + (at % 840), 840],
    ['one in a week', at => 7 * 1440 * at, 1 / 7],
  ];
  for (const [name, time, aDay] of rates)
    it(`knows how many points a day are: ${name}`, () => {
      const all = Array.from({ length: 8400 }, (_, at) => ({ time: START + time(at) * MINUTE, value: 20 }));
      const { pointsADay } = trial(all, 'v', {}, 1);
      assert.ok(Math.abs(pointsADay / aDay - 1) < 0.05, `${pointsADay}`);
    });

  it('heeds the settings', () => assert.equal(trial(spiky, 'v', { direction: 'down' }, 100).found, 0));

  it('shows of a counter its rate a second, since it was known to be one', () => {
    const { isRate, shown } = trial(
      points(300, at => 1000 + 6 * at),
      'v',
      {},
      400,
    );
    assert.equal(isRate, true);
    assert.equal(shown.length, 200);
    assert.ok(shown.every(({ watched }) => Math.abs(watched - 0.1) < 1e-9));
  });

  for (const few of [0, 1])
    it(`has nothing to say of ${few} points`, () => {
      const { found, days, pointsADay, shown } = trial(spiky.slice(0, few), 'v', {}, 400);
      assert.deepEqual([found, days, pointsADay, shown.length], [0, 0, 0, few]);
    });
});
