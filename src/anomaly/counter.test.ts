// What is known as a counter, and that few pulses of one are no anomalies.
import assert from 'node:assert/strict';
import { isCounter } from './counter.ts';
import { random } from './noise.fixture.ts';
import { begin, scoring } from './score.ts';
import { series } from './series.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 5);

/** What a point adds, given its place and a number drawn from 0 to 1. */
type Rise = (at: number, drawn: number) => number;

function run(rise: Rise, points: number, seed = 1) {
  let value = 417.25;
  return read((at, drawn) => (value += rise(at, drawn)), points, seed);
}

/** The same of what is read at a point. */
function read(reading: Rise, points: number, seed = 1) {
  const { score } = scoring();
  const known = begin();
  const next = random(seed * 7919);
  const alarms: number[] = [];
  for (let at = 0; at < points; at++) if (score(known, START + at * MINUTE, reading(at, next())) < 0) alarms.push(at);
  return { alarms, isCounter: isCounter(known.cells) };
}

const pulses =
  (share: number): Rise =>
  (_, drawn) =>
    drawn < share ? 1 : 0;

describe('counter', () => {
  const COUNTERS: readonly [name: string, rise: Rise][] = [
    ['rises with each value', (_, drawn) => drawn],
    ['rises with every fourth value', at => (at % 4 === 0 ? 1 : 0)],
    ['stands still for its first three hours', at => (at < 180 ? 0 : 1)],
    ['counts a pulse now and then', pulses(0.1)],
  ];
  for (const [name, rise] of COUNTERS) it(`is what ${name}`, () => assert.equal(run(rise, 600).isCounter, true));

  const SIZES: readonly [name: string, rise: Rise][] = [
    ['rises and falls', (_, drawn) => drawn - 0.5],
    ['is on and off', at => (at % 20 === 10 ? 1 : at % 20 === 0 && at > 0 ? -1 : 0)],
    ['rises in steps, too few of them', at => (at % 50 === 0 ? 1 : 0)],
    ['rises all morning, then falls', at => (at < 300 ? 0.1 : -0.1)],
  ];
  for (const [name, rise] of SIZES) it(`is not what ${name}`, () => assert.equal(run(rise, 600).isCounter, false));

  it('that stood still at first is heard when it runs four times as fast', () => {
    const { alarms } = run((at, drawn) => (at < 180 ? 0 : (at < 3000 ? 1 : 4) * (2 + drawn)), 3030);
    assert.equal(alarms.filter(at => at > 600 && at < 3000).length, 0);
    assert.notEqual(alarms.length, 0);
  });

  for (const wrong of [1.3, 1.002, 0.95])
    it(`that was read wrong once (${wrong} times what it was) is one still: that it runs four times as fast is heard`, () => {
      let value = 417.25;
      const { alarms, isCounter: is } = read((at, drawn) => {
        value += (at < 4000 ? 1 : 4) * (2 + drawn);
        return at === 2000 ? wrong * value : value;
      }, 4030);
      assert.equal(is, true);
      assert.ok(alarms.includes(wrong > 1 ? 2000 : 2001), String(alarms));
      assert.ok(
        alarms.some(at => at >= 4000),
        String(alarms),
      );
      assert.deepEqual(
        alarms.filter(at => at > 600 && at < 4000 && at !== 2000 && at !== 2001),
        [],
      );
    });

  const ANEW: readonly [name: string, points: number, is: boolean][] = [
    ['every day, a value each quarter of an hour', 96, true],
    ['whenever its register is full, every 40 values', 40, true],
    ['every six values is none', 6, false],
  ];
  for (const [name, points, is] of ANEW)
    it(`that begins anew ${name}`, () => {
      let value = 0;
      const { alarms, isCounter: known } = read((at, drawn) => {
        value = at % points === 0 ? drawn : value + (at === 3990 ? 3 * points : 2 + drawn);
        return value;
      }, 4000);
      assert.equal(known, is);
      // What is judged before it is known for a counter may fall at once.
      if (is)
        assert.deepEqual(
          alarms.filter(at => at > 100),
          [3990],
        );
    });

  it('that falls again and again was none', () => {
    const { isCounter: still } = run((_, drawn) => (drawn < 0.01 ? -0.5 : 1), 3000);
    assert.equal(still, false);
  });

  it('is never expected to run backwards', () => {
    const one = series();
    const next = random(7919);
    let value = 0;
    let open = 0;
    const told = Array.from({ length: 2000 }, (_, at) => {
      if (open === 0 && next() < 0.03) open = 6;
      if (open > 0) open--;
      value += open > 0 ? 5 + next() : 0;
      return one.score(START + at * MINUTE, value);
    });
    // Judged by its rate, that is once it is known for a counter.
    const rates = told.filter(({ judged, isMean }) => judged !== undefined && isMean === undefined);
    assert.ok(rates.length > 1000);
    assert.deepEqual(
      rates.filter(({ expected = 0, band: [low] = [0] }) => expected < 0 || low < 0),
      [],
    );
  });

  it('may count two pulses where it mostly counts none', () => {
    let alarms = 0;
    for (let seed = 1; seed <= 5; seed++)
      alarms += run((_, drawn) => (drawn < 0.005 ? 2 : drawn < 0.1 ? 1 : 0), 20_000, seed).alarms.length;
    assert.ok(alarms <= 25, `${alarms} false alarms in 100,000`);
  });
});
