// Alarm: severities by score, one alarm for an episode however it flaps, and the same after a restore in its middle.
import assert from 'node:assert/strict';
import type { Severity } from '../reading/reading.ts';
import { type AlarmOptions, alarming, lastSeverity, severityOf, worstOf } from './alarm.ts';
import { emptyBlock } from './cells.ts';
import { deviceScorer } from './device.ts';
import type { Scored } from './score.ts';
import { type Series, series } from './series.ts';

describe('severity', () => {
  const grades: [score: number, severity: Severity | undefined][] = [
    [1, undefined],
    [0, undefined],
    [-0.001, 'info'],
    [-0.29, 'info'],
    [-0.3, 'warning'],
    [-0.64, 'warning'],
    [-0.65, 'critical'],
    [-1, 'critical'],
  ];
  for (const [score, severity] of grades)
    it(`${score}: ${severity ?? 'none'}`, () => assert.equal(severityOf(score), severity));
});

describe('alarm', () => {
  // Each value by its gravity; the first grave one is reported, and one marked '!' is reported again. On and off as # and –.
  const cases: [name: string, options: AlarmOptions, gravities: (number | '!')[], on: string][] = [
    ['nothing', {}, [1, 0.9, 0.1, 1], '––––'],
    ['one spike: until five values were normal', {}, [1, -0.4, 1, 1, 1, 1, 1, 1], '–#####––'],
    ['flaps about zero: one alarm', {}, [-0.1, 0.1, -0.1, 0.1, -0.1, 0.1], '######'],
    ['near the limit is not yet normal', {}, [-0.1, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4], '#######'],
    ['normal values must come in a row', {}, [-0.1, 1, 1, 1, 1, 0.2, 1, 1, 1, 1, 1], '##########–'],
    ['ends at once where one will do', { alarmNormal: 1 }, [-0.1, 0.4, 0.6, -0.1], '##–#'],
    ['ends above its own level', { alarmNormal: 1, alarmLeave: 0.1 }, [-0.1, 0.05, 0.2], '##–'],
    ['from warning on', { alarmFrom: 'warning', alarmNormal: 1 }, [-0.1, -0.2, -0.3, -0.1, 0.2, 1], '––###–'],
    ['from critical on', { alarmFrom: 'critical', alarmNormal: 1 }, [-0.5, -0.64, -0.7, -0.1], '––##'],
    ['grave but never reported (the third Monday): none', {}, ['!', 0.2, -0.5, -0.5], '––––'],
  ];
  for (const [name, options, gravities, on] of cases)
    it(name, () => {
      const { cells } = emptyBlock();
      const track = alarming(options);
      const silent = gravities[0] === '!';
      const told = gravities
        .filter(gravity => gravity !== '!')
        .map((gravity, at) => {
          track(cells, silent ? 0.1 : gravity, gravity, 0, at);
          return worstOf(cells) === undefined ? '–' : '#';
        });
      assert.equal((silent ? '–' : '') + told.join(''), on);
    });

  it('keeps the worst of the episode and its kind; the severity is of the last value', () => {
    const { cells } = emptyBlock();
    const track = alarming({});
    for (const [gravity, kind] of [
      [-0.1, 4],
      [-0.7, 5],
      [-0.4, 6],
    ] as const)
      track(cells, gravity, gravity, kind, 0);
    assert.deepEqual(worstOf(cells), [-0.7, 5]);
    assert.equal(lastSeverity(cells), 'warning');
  });
});

const START = Date.UTC(2026, 0, 5);
const at = (n: number) => START + n * 60_000;
const wobble = (n: number) => ((n * 7919) % 101) / 101 + ((n * 104_729) % 97) / 97;
/** Flaps between far too high and nearly normal, every other value. */
const flapping = (n: number) => 20 + wobble(n) + (n >= 1000 && n < 1040 && n % 2 === 0 ? 15 : 0);
const play = (one: Series, from: number, to: number, value = flapping): Scored[] =>
  Array.from({ length: to - from }, (_, n) => one.score(at(from + n), value(from + n)));

describe('alarm of a series', () => {
  it('that flaps: on once, off once, while the score reports it few times', () => {
    const told = play(series(), 0, 1400).slice(1000);
    const changes = told.filter(({ alarm }, n) => (alarm === undefined) !== (told[n - 1]?.alarm === undefined));
    assert.equal(changes.length, 2, `${changes.length} changes`);
    assert.ok(told[0]?.alarm !== undefined && told[39]?.alarm !== undefined && told[200]?.alarm === undefined);
    assert.ok(told.filter(({ score }) => score < 0).length < 20);
    assert.ok(told.filter(({ severity }) => severity !== undefined).length >= 20, 'each grave value says so');
    assert.equal(told[39]?.alarm?.since, at(1000));
  });

  it('the farther out, the graver', () => {
    const order = [undefined, 'info', 'warning', 'critical'];
    const grades = [22, 24, 26, 30, 40, 80, 1000].map(value => {
      const one = series();
      play(one, 0, 1000);
      return order.indexOf(one.score(at(1000), value).severity);
    });
    assert.deepEqual(grades, grades.toSorted());
    assert.deepEqual([grades[0], grades.at(-1)], [0, 3]);
  });

  it('goes on after a restore in the middle of an episode', () => {
    const whole = play(series(), 0, 1400);
    for (const cut of [1001, 1020, 1042, 1044]) {
      const [before, after] = [series(), series()];
      play(before, 0, cut);
      assert.ok(after.restore(before.save()));
      assert.deepEqual(play(after, cut, 1400), whole.slice(cut));
    }
  });

  it('a stuck sensor: an alarm that lasts as long and grows graver; it tells since when the value stands', () => {
    const told = play(series(), 0, 1400, n => (n >= 1000 && n < 1200 ? 20.5 : 20 + wobble(n)));
    const first = told.findIndex(({ score }) => score < 0);
    assert.equal(told[first]?.alarm?.severity, 'info');
    assert.deepEqual(told[1199]?.alarm, { severity: 'critical', kind: 'stuck', since: at(first) });
    assert.equal(told[1199]?.since, at(1000));
    assert.equal(told[1399]?.alarm, undefined);
  });

  it('maintenance and "this was normal" end it', () => {
    for (const end of [(one: Series) => one.pass(at(1001), 20), (one: Series) => one.accept()]) {
      const one = series();
      play(one, 0, 1000);
      assert.ok(one.score(at(1000), 60).alarm !== undefined);
      end(one);
      assert.equal(one.score(at(1002), 20.5).alarm, undefined);
    }
  });
});

describe('alarms of a reading', () => {
  it('names every metric in alarm, whichever has the lowest score', () => {
    const scorer = deviceScorer();
    const say = (n: number, current: number, voltage: number) =>
      scorer.score({
        ...{ deviceId: 'm', protocol: 'mqtt', timestamp: new Date(at(n)).toISOString(), metadata: {} },
        telemetry: { current, voltage },
      });
    for (let n = 0; n < 1000; n++) assert.equal(say(n, 5 + wobble(n), 230 + wobble(n + 7))?.alarms, undefined);
    const named = (n: number, current: number, voltage: number) =>
      say(n, current, voltage)?.alarms?.map(it => it.metric);
    assert.deepEqual(named(1000, 40, 230.5), ['current']);
    assert.deepEqual(named(1001, 5.5, 290), ['current', 'voltage']);
    assert.deepEqual(say(1002, 5.5, 230.5)?.alarms?.[0]?.since, new Date(at(1000)).toISOString());
    for (let n = 1003; n < 1100; n++) say(n, 5 + wobble(n), 230 + wobble(n + 7));
    assert.deepEqual(named(1100, 5.5, 230.5), undefined);
  });
});
