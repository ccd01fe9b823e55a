// What each fault is called, that the band beside it is what would have passed, and that a sentence tells why.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import type { Kind, Scored, ScoreOptions } from './score.ts';
import { series } from './series.ts';

type Value = (n: number, noise: number) => number;
type Told = Scored & { value: number; why: string };
const START = Date.UTC(2026, 0, 5);
const FROM = 3000;
const day = (n: number) => Math.sin((2 * Math.PI * n) / 288);

/** What was said of each value from the fault on; a value every `minutes`. */
function play(value: Value, metric: string, options: ScoreOptions = {}, minutes = 1, pause = 0): Told[] {
  const next = random(7);
  const one = series(options);
  return Array.from({ length: FROM + 150 }, (_, n) => {
    const given = value(n, gauss(next));
    const scored = one.score(START + (n + (n < FROM ? 0 : pause)) * minutes * 60_000, given);
    return { ...scored, value: given, why: one.why(metric, given) };
  }).slice(FROM);
}
const fault =
  (by: Value): Value =>
  (n, noise) =>
    20 + 0.5 * noise + (n >= FROM ? by(n - FROM, noise) : 0);
const reported = (told: readonly Told[]): Told => told.find(({ score }) => score < 0) ?? assert.fail('nothing found');

describe('what a fault is called', () => {
  type Case = { name: Kind; value: Value; why: RegExp; metric?: string; minutes?: number; pause?: number };
  const cases: Case[] = [
    {
      name: 'spike',
      value: fault(n => (n === 0 ? 6 : 0)),
      why: /^temperature is 2\d\.\d+ °C, far above what is usual: about (19|20)\.\d+ °C was expected, 1[78]\.\d+ to 2[12]\.\d+ °C would have passed\.$/,
    },
    {
      name: 'dip',
      value: fault(n => (n === 0 ? -6 : 0)),
      why: /^temperature is 1\d\.\d+ °C, far below what is usual: /,
    },
    {
      name: 'spike',
      minutes: 5,
      value: (n, noise) => 20 + 5 * day(n) + 0.3 * noise + (n === FROM ? 9 : 0),
      why: /far above what is usual/,
    },
    {
      // It never moved: what lies between the ends of its band nobody would read.
      name: 'spike',
      value: n => (n === FROM ? 9.0625 : 7),
      why: /^temperature is 9\.06\d* °C, far above what is usual: about 7\.0+ °C was expected, and hardly anything else would have passed\.$/,
    },
    {
      // The mean of the last 24 hardly moves: of all opinions it is the one that is surprised most.
      name: 'spike',
      value: (n, noise) => 20 + 3 * Math.sin(0.5 * n) + 0.2 * noise + (n === FROM ? 140 : 0),
      why: /^temperature is 1\d\d\.\d+ °C, far above what is usual: about [12]\d\.\d+ °C was expected, .* would have passed\.$/,
    },
    {
      name: 'jump',
      minutes: 5,
      value: (n, noise) => 20 + 5 * day(n) + 0.1 * noise - (n === FROM ? 3 : 0),
      why: /suddenly much lower than the values before it made likely/,
    },
    {
      name: 'range',
      metric: 'power',
      value: (n, noise) => (Math.floor(n / 37) % 2) * 50 + Math.abs(noise) + (n === FROM ? 70 : 0),
      why: /^power is 1\d\d\.\d+ W, above all that was seen before: /,
    },
    {
      name: 'drift',
      value: fault(n => 0.01 * n),
      why: /^the mean of the last 24 values of temperature is 2[01]\.\d+ °C, too high: about 20\.\d+ °C was expected/,
    },
    {
      name: 'stuck',
      value: (n, noise) => (n < FROM ? 20 + 0.5 * noise : 20.25),
      why: /^temperature has been exactly 20\.25 °C for 12 min, 13 values in a row, where up to 12 would have passed\. The value itself is not unusual\.$/,
    },
    {
      name: 'gap',
      pause: 100,
      value: fault(() => 0),
      why: /^temperature came after a pause of 1\.7 h, where one of about 60 s is usual\. The value itself is not unusual\.$/,
    },
    {
      name: 'range',
      metric: 'state',
      value: n => (n === FROM ? 7 : Math.floor(n / 37) % 2),
      why: /^state is 7, a state that was never seen before\.$/,
    },
    {
      name: 'spike',
      metric: 'total_energy_kwh',
      value: n => 1000 + n * 0.02 + Math.floor(n / 7) * 0.01 + (n >= FROM ? 5 : 0),
      why: /^total_energy_kwh rises by 30\d\.\d+ kWh\/h, far above what is usual: about 1\.\d+ kWh\/h was expected/,
    },
  ];
  for (const { name, value, why, metric = 'temperature', minutes, pause } of cases.filter(
    ({ why: it }) => it.source !== '.',
  ))
    it(`${name}: ${why.source}`, () => {
      const told = reported(play(value, metric, {}, minutes, pause));
      assert.equal(told.kind, name, told.why);
      assert.match(told.why, why);
    });

  const lasting: [name: Kind, by: Value][] = [
    ['shift', () => 4],
    ['burst', (_, noise) => 3 * noise],
  ];
  for (const [name, by] of lasting)
    it(`${name}, by its values and by its alarm`, () => {
      const told = play(fault(by), 'temperature').slice(0, 30);
      assert.ok(
        told.some(({ kind, alarm }) => kind === name && alarm?.kind === name),
        told.map(({ kind }) => kind).join(),
      );
    });

  it('no shift, where one wild value alone stays in the mean of the last 24', () => {
    const kinds = play(
      fault(n => (n === 0 ? 6 : 0)),
      'temperature',
    ).map(({ kind }) => kind);
    assert.ok(!kinds.includes('shift') && !kinds.includes('burst'), kinds.join());
  });
});

describe('the sentence', () => {
  for (const [metric, unit] of [
    ['temperature_probe_2', '°C'],
    ['voltage_3', 'V'],
    ['acceleration_x', 'm/s²'],
  ] as const)
    it(`gives ${metric} in ${unit}`, () => {
      const [told] = play(
        fault(n => (n === 0 ? 9 : 0)),
        metric,
      );
      assert.match(told!.why, new RegExp(`^${metric} is [0-9.]+ ${unit}, .* ${unit} was expected, .* ${unit} would`));
    });

  it('knows no zero below zero', () => {
    const [told] = play((n, noise) => (n === FROM ? 47 : Math.exp(noise)), 'v');
    assert.match(told!.why, /1\.\d was expected, 0\.0 to 4\d\.\d would have passed\.$/);
  });
});

describe('the band', () => {
  it('leaves out a value that was reported, and says so in words where its size was not the reason', () => {
    for (const by of [fault(n => (n % 30 === 0 ? 9 : 0)), fault(n => 0.02 * n), fault((_, noise) => 4 * noise)])
      for (const { score, band = [0, 0], judged, value, why } of play(by, 'v'))
        if (score < 0 && !why.endsWith('not unusual.'))
          assert.ok((judged ?? value) < band[0] || (judged ?? value) > band[1], `${value}: ${why}`);
  });

  it('stays as narrow as what was seen, also behind a jump', () => {
    for (const { band = [0, 0] } of play(
      fault(n => (n >= 2 ? 1000 : 0)),
      'v',
    ).slice(0, 60))
      assert.ok(band[1] - band[0] < 20_000, `${band}`);
    for (const { band = [0, 0] } of play((n, noise) => (n % 288 < 144 ? 30 : 10) + 0.3 * noise, 'v', {}, 5))
      assert.ok(band[0] > 0 && band[1] < 40, `${band}`);
  });

  it('has the expected value in it, which is that of the day where there is one', () => {
    const told = play((n, noise) => 20 + 5 * day(n) + 0.2 * noise, 'v', {}, 5);
    for (const { expected = 0, band = [0, 0], value } of told) {
      assert.ok(expected > band[0] && expected < band[1], `${expected}: ${band}`);
      assert.ok(Math.abs(value - expected) < 1.5, `${value}: ${expected}`);
      assert.ok(band[1] - band[0] < 5, `${band}`);
    }
  });

  it('holds the expected value, and all that is to be ignored near it', () => {
    for (const { band = [0, 0], expected = 0 } of play(
      fault(n => (n === 0 ? 4 : 0)),
      'v',
      { nearUnits: 7 },
    ))
      assert.ok(band[0] <= expected - 7 && band[1] >= expected + 7, `${expected}: ${band}`);
  });
});
