// A trial says of values that are there what a node with these settings would have said of them as they came.
import assert from 'node:assert/strict';
import type { ScoreOptions } from './score.ts';
import { series } from './series.ts';
import { type Point, trial } from './trial.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 5);
const points = (length: number, value: (at: number) => number): Point[] =>
  Array.from({ length }, (_, at) => ({ time: START + at * MINUTE, value: value(at) }));
const wobble = (at: number) => ((at * 7919) % 101) / 101 + ((at * 104_729) % 97) / 97;

describe('a trial of settings', () => {
  const spiky = points(1500, at => 20 + wobble(at) + (at === 700 || at === 1300 ? 30 : 0));

  it('says what the series would have said', async () => {
    const one = series();
    const scores = spiky.map(({ time, value }) => one.score(time, value).score);
    assert.deepEqual(
      (await trial(spiky, 'v', {}, 1500)).shown.map(({ score }) => score),
      scores,
    );
  });

  it('counts anomalies, the days and the points a day, and shows the last ones', async () => {
    const { found, anomalies, days, pointsADay, scored, shown, per } = await trial(spiky, 'v', {}, 100);
    assert.deepEqual([found, scored, pointsADay, per, shown.length], [2, 1500, 1440, undefined, 100]);
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
    it(`knows how many points a day are: ${name}`, async () => {
      const all = Array.from({ length: 8400 }, (_, at) => ({ time: START + time(at) * MINUTE, value: 20 }));
      const { pointsADay } = await trial(all, 'v', {}, 1);
      assert.ok(Math.abs(pointsADay / aDay - 1) < 0.05, `${pointsADay}`);
    });

  it('heeds the settings', async () => assert.equal((await trial(spiky, 'v', { direction: 'down' }, 100)).found, 0));

  const counters: [name: string, aMinute: number, per: 's' | 'h', shown: number][] = [
    ['a second', 6, 's', 0.1],
    ['an hour, as the sentences do, where it rises slowly', 0.05, 'h', 3],
  ];
  for (const [name, aMinute, per, rise] of counters)
    it(`shows of a counter its rise ${name}, since it was known to be one`, async () => {
      const told = await trial(
        points(1000, at => aMinute * (1000 + at + (at >= 800 ? 40 : 0))),
        'total_energy_kwh',
        {},
        1000,
      );
      assert.deepEqual([told.per, told.shown.length], [per, 900]);
      for (const { watched = Number.NaN, band, time } of told.shown.slice(70)) {
        if ((time - START) / MINUTE >= 800) break;
        assert.ok(
          Math.abs(watched / rise - 1) < 1e-6 && band![0] <= watched && watched <= band![1],
          `${watched} ${band}`,
        );
      }
      const [spike] = told.anomalies;
      assert.match(spike?.why ?? '', new RegExp(`^total_energy_kwh rises by .* kWh/${per}, above all`));
    });

  it('shows no rise of a counter that began anew, came late or came twice', async () => {
    const at = (n: number) => 1000 + 6 * n - (n >= 700 ? 5000 : 0);
    const all = points(900, at);
    const odd = [...all.slice(0, 600), all[590]!, all[599]!, ...all.slice(600)];
    const { shown, found } = await trial(odd, 'v', {}, 1000);
    const rises = shown.map(({ watched }) => watched);
    assert.equal(found, 0);
    assert.equal(rises.filter(rise => rise === undefined).length, 3);
    assert.ok(rises.every(rise => rise === undefined || Math.abs(rise - 0.1) < 1e-9));
  });

  it('neither judges nor learns what was guarded', async () => {
    const guarded = spiky.map((point, at) => ({ ...point, guarded: at >= 1290 && at < 1310 }));
    const one = series();
    const told = guarded.map(({ time, value, guarded: up }) => one[up ? 'pass' : 'score'](time, value));
    const { found, shown } = await trial(guarded, 'v', {}, 1500);
    assert.equal(found, 1);
    assert.deepEqual(
      shown.map(({ kind, score }) => [kind, score]),
      told.map(({ kind, score }) => [kind, score]),
    );
  });

  it('tells no gap where nobody listened', async () => {
    const pausing = spiky.map(({ time, value }, at) => ({ time: time + (at >= 1000 ? 90 * MINUTE : 0), value }));
    const [from, to] = [START + 1000 * MINUTE, START + 1090 * MINUTE];
    const unheard = (begin: number, end: number) => Math.max(0, Math.min(end, to) - Math.max(begin, from));
    assert.deepEqual(
      [(await trial(pausing, 'v', {}, 1)).found, (await trial(pausing, 'v', { unheard }, 1)).found],
      [3, 2],
    );
  });

  it('gives the unit that is known of the series', async () =>
    assert.match(
      (await trial(spiky, 'v', { unit: 'm³/h' }, 1)).anomalies[0]!.why ?? '',
      /^v is 5\d\.\d+ m³\/h, .* m³\/h would/,
    ));

  const alarms: [name: string, options: ScoreOptions, alarms: number][] = [
    ['two anomalies', {}, 2],
    ['of which none is grave enough', { alarmFrom: 'critical' }, 0],
    ['until so many are normal that they are one', { alarmNormal: 1000 }, 1],
  ];
  for (const [name, options, count] of alarms)
    it(`counts alarms: ${name}`, async () => {
      const milder = points(1500, at => 20 + wobble(at) + (at === 700 || at === 1300 ? 4 : 0));
      const told = await trial(milder, 'v', options, 1500);
      assert.deepEqual([told.found, told.alarms], [2, count]);
      const spans = told.shown.filter(
        ({ alarm }, at) => alarm !== undefined && told.shown[at - 1]?.alarm === undefined,
      );
      assert.equal(spans.length, count);
    });

  for (const few of [0, 1])
    it(`has nothing to say of ${few} points`, async () => {
      const { found, days, pointsADay, shown } = await trial(spiky.slice(0, few), 'v', {}, 400);
      assert.deepEqual([found, days, pointsADay, shown.length], [0, 0, 0, few]);
    });
});
