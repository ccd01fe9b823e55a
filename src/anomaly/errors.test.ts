// That what comes in bouts is no news whenever it was calm for a while.
import assert from 'node:assert/strict';
import { random } from './noise.fixture.ts';
import { begin, scoring } from './score.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 5);
const POINTS = 20_000;

/** Flow of taps that are open for about five minutes now and then, as a meter counts it. */
function taps(seed: number): number[] {
  const next = random(seed * 7919);
  let [isOpen, litres] = [false, 1234.5];
  return Array.from({ length: POINTS }, () => {
    if (next() < (isOpen ? 0.2 : 0.03)) isOpen = !isOpen;
    litres += isOpen ? 3 + 5 * next() : 0;
    return litres;
  });
}

const alarmsOf = (values: readonly number[]): number[] => {
  const { score } = scoring();
  const known = begin();
  return values.flatMap((value, at) => (score(known, START + at * MINUTE, value) < 0 ? [at] : []));
};

describe('errors', () => {
  it('as large as ten before are no alarm after a calm', () => {
    let alarms = 0;
    for (let seed = 1; seed <= 5; seed++) alarms += alarmsOf(taps(seed)).length;
    assert.ok(alarms <= 90, `${alarms} false alarms in 100,000`);
  });

  it('larger than all before are one', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const values = taps(seed).map((value, at) => (at < 5000 ? value : value + 60));
      assert.ok(alarmsOf(values.slice(0, 5010)).some(at => at >= 5000));
    }
  });
});
