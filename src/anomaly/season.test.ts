// Season: what other days brought tells of today; today itself, and yesterday's faults, do not.
import assert from 'node:assert/strict';
import { gauss, random } from './noise.fixture.ts';
import { series } from './series.ts';

const DAY = 86_400_000;
const NOON = Date.UTC(2026, 10, 21, 12);
/** Against the grid of half hours. */
const PHASES = Array.from({ length: 48 }, (_, phase) => phase * 37_500);

/** Rows and kinds of the alarms in 4.2 days of a daily curve that ends at `end`. `fault`: by the row, of 1200. */
function alarms(end: number, step: number, fault: (row: number) => number): [row: number, kind: string][] {
  const one = series();
  const length = Math.round((4.2 * DAY) / step);
  return Array.from({ length }, (_, at): [number, string][] => {
    const row = (1200 * at) / length;
    const value = 20 + 3 * Math.sin(row / 45.8) + 0.3 * Math.sin(12.9898 * at) + fault(row);
    const { score, kind } = one.score(end - (length - at) * step, value);
    return score < 0 ? [[row, kind]] : [];
  }).flat();
}

describe('season', () => {
  const faults: [name: string, step: number, fault: (row: number) => number][] = [
    ['a spike and a dip', 300_000, row => ({ 850: 15, 1160: -8 })[Math.round(row)] ?? 0],
    ['a spike, a value each half hour', 1_800_000, row => (row > 846 && row < 852 ? 15 : 0)],
    ['a spike, a value each minute', 60_000, row => (row > 849.9 && row < 850.1 ? 15 : 0)],
    ['three hours', 300_000, row => (row > 830 && row < 866 ? 15 : 0)],
  ];
  for (const [name, step, fault] of faults)
    it(`has no echo a day after a fault, whatever the time of the day: ${name}`, () => {
      for (const phase of PHASES) {
        const echoes = alarms(NOON + phase, step, fault).filter(([row]) => row > 1050 && row < 1159);
        assert.deepEqual(echoes, [], `phase ${phase}`);
      }
    });

  it('says nothing on the first day: the same half hour, a minute ago, is no other day', () => {
    const one = series();
    const next = random(5);
    let value = 0;
    for (let at = 0; at < 8000; at++) {
      value = 0.995 * value + gauss(next);
      assert.notEqual(one.score(NOON + at * 10_000, value).kind, 'season');
    }
  });
});
