// The newest rows: no further back than needed, and none left out.
import assert from 'node:assert/strict';
import type { Query } from '../reading/contracts.ts';
import { newest } from './newest.ts';

const HOUR = 3_600_000;

describe('newest rows', () => {
  const HEARD = Date.UTC(2026, 1, 11, 14);
  const at = (hours: number) => new Date(HEARD - hours * HOUR);

  /** Rows this many hours older than the last that was heard of a device, newest first; what was asked for, in hours back. */
  async function found(ages: readonly number[], enough: number, until?: number, heard: Date | null = at(0)) {
    const asked: (number | undefined)[] = [];
    const devices: Query = async <Row>() => [{ time: heard }] as Row[];
    const rows = await newest(
      devices,
      async since => {
        const back = since === undefined ? undefined : (HEARD - Date.parse(since)) / HOUR;
        asked.push(back);
        const within = ages.filter(age => (back === undefined || age < back) && age >= (until ?? -Infinity));
        return within.slice(0, enough);
      },
      enough,
      until === undefined ? undefined : at(until).toISOString(),
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
    [1, -70_000_000, [-5], [1]],
  ];
  for (const [enough, until, rows, asked] of cases)
    it(`finds ${enough}${until === undefined ? '' : ` up to ${until} hours ago`}`, async () =>
      assert.deepEqual(await found(ages, enough, until), { rows, asked }));

  it('looks at all of them where no device was ever heard', async () =>
    assert.deepEqual(await found(ages, 1, undefined, null), { rows: [-5], asked: [undefined] }));
});
