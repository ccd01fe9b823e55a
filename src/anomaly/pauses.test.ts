// Pauses that come again and again are no gaps; any other is one, however many there were before.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import { series } from './series.ts';

const START = Date.UTC(2026, 0, 5);
const MINUTE = 60_000;
const DAY = 1440;

/** Values at these times (minutes); the times behind the gaps that were told. */
function gapsOf(times: readonly number[]): number[] {
  const next = random(5);
  const one = series();
  return times.filter(time => {
    const { kind, score } = one.score(START + time * MINUTE, 20 + gauss(next));
    return kind === 'gap' && score < 0;
  });
}

const minutes = (from: number, to: number, step = 1) =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, at) => from + at * step);
const days = (count: number, of: (day: number) => readonly number[]) =>
  Array.from({ length: count }, (_, day) => of(day).map(time => day * DAY + time)).flat();
function lostNowAndThen(until: number): readonly number[] {
  const next = random(7);
  const times = [];
  for (let time = 0; time < until; time++) {
    times.push(time);
    const draw = next();
    if (draw < 1 / 150) time += 2 + Math.floor(8 * next());
    else if (draw < 1 / 150 + 0.01) time++;
  }
  return times;
}
const without = (times: readonly number[], from: number, to: number) => times.filter(time => time < from || time >= to);

describe('pauses', () => {
  const byDay = days(30, () => minutes(360, 1200));
  const atWork = days(35, day => (day % 7 < 5 ? [...minutes(480, 720), ...minutes(780, 1020)] : []));
  const summer = days(30, day => minutes(360 - (day >= 20 ? 60 : 0), 1200 - (day >= 20 ? 60 : 0)));
  const inBursts = Array.from({ length: 400 }, (_, hour) => minutes(60 * hour, 60 * hour + 0.5, 1 / 60)).flat();
  const onDay = (day: number, minute: number) => day * DAY + minute;
  // One value in 100 is lost, and every 150 or so two to nine in a row.
  const lossy = lostNowAndThen(8000);

  const cases: [name: string, times: readonly number[], gaps: readonly number[]][] = [
    ['each night: told on the first two days', byDay, [onDay(1, 360), onDay(2, 360)]],
    ['each night, where clocks are set back', summer, [onDay(1, 360), onDay(2, 360)]],
    ['behind each burst', inBursts, [180, 240]],
    [
      'each night, and a whole day more',
      without(byDay, onDay(20, 0), onDay(21, 0)),
      [onDay(1, 360), onDay(2, 360), onDay(21, 360)],
    ],
    [
      'each night, and hours by day',
      without(byDay, onDay(20, 600), onDay(20, 900)),
      [onDay(1, 360), onDay(2, 360), onDay(20, 900)],
    ],
    ['days before, when the device was tried', [-4000, -2000, ...without(minutes(0, 1200), 700, 850)], [850]],
    [
      'half an hour, and again on the next day',
      without(without(minutes(0, 4000), 1000, 1030), 2000, 2030),
      [1030, 2030],
    ],
    [
      'five outages that come when they like',
      [300, 1100, 2500, 3300, 4500].reduce((left, from) => without(left, from, from + 200), minutes(0, 6000)),
      [500, 1300, 2700, 3500, 4700],
    ],
  ];
  for (const [name, times, gaps] of cases) it(name, () => assert.deepEqual(gapsOf(times), gaps));

  it('a few values that are lost in a row: told where none ever was, and hardly where that comes now and then', () => {
    assert.deepEqual(gapsOf(without(minutes(0, 1000), 700, 706)), [706]);
    const gaps = gapsOf(lossy);
    assert.ok(gaps.length <= 1, gaps.join(' '));
    assert.deepEqual(gapsOf(without(lossy, 6000, 6100)).slice(gaps.length), [lossy.find(time => time >= 6100)]);
  });

  it('each night, each weekend and at noon: told no more once each was there twice', () => {
    const gaps = gapsOf(atWork);
    assert.deepEqual(gaps.slice(0, 2), [onDay(0, 780), onDay(1, 480)]);
    assert.ok((gaps.at(-1) ?? 0) < onDay(15, 0), gaps.map(time => time / DAY).join(' '));
  });
});
