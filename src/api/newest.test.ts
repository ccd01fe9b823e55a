// The newest rows: no further back than needed, and none left out.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import { newest } from './newest.ts';

const HOUR = 3_600_000;

describe('newest rows', () => {
  const NOW = Date.UTC(2026, 1, 11, 14);
  const clock = { ...fakeClock(), now: () => NOW };
  /** Rows this many hours old, newest first; what was asked for, in hours before now. */
  async function found(ages: readonly number[], enough: number, until?: number) {
    const asked: (number | undefined)[] = [];
    const rows = await newest(
      async since => {
        const back = since === undefined ? undefined : (NOW - Date.parse(since)) / HOUR;
        asked.push(back);
        const within = ages.filter(age => (back === undefined || age < back) && age >= (until ?? -Infinity));
        return within.slice(0, enough);
      },
      enough,
      clock,
      until === undefined ? undefined : new Date(NOW - until * HOUR).toISOString(),
    );
    return { rows, asked };
  }

  const ages = [-5, 0.1, 0.2, 3, 30, 900];
  const cases: [enough: number, until: number | undefined, rows: number[], asked: (number | undefined)[]][] = [
    [3, undefined, [-5, 0.1, 0.2], [1]],
    [4, undefined, [-5, 0.1, 0.2, 3], [1, 24]],
    [5, undefined, [-5, 0.1, 0.2, 3, 30], [1, 24, 720]],
    [6, undefined, ages, [1, 24, 720, undefined]],
    [10, undefined, ages, [1, 24, 720, undefined]],
    [1, 2.5, [3], [3.5]],
    [1, 800, [900], [801, 824, 1520]],
    [2, -9, [-5, 0.1], [1]],
  ];
  for (const [enough, until, rows, asked] of cases)
    it(`finds ${enough}${until === undefined ? '' : ` up to ${until} hours ago`}`, async () =>
      assert.deepEqual(await found(ages, enough, until), { rows, asked }));
});
