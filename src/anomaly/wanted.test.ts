// What is asked for after a crash: all that came since the last save, within what a start can wait for.
import assert from 'node:assert/strict';
import { type Asked, wanted } from './wanted.ts';

const [SECOND, MINUTE] = [1000, 60_000];
const NOW = Date.UTC(2026, 0, 5);
const asked = (device: string, usual: number | undefined, behind: number | undefined): Asked => ({
  ...{ device, metric: 'v', newest: NOW, usual },
  last: behind === undefined ? undefined : NOW - behind,
});
const many = (count: number, usual: number, behind: number) =>
  Array.from({ length: count }, (_, n) => asked(`d${n}`, usual, behind));
/** Values that are read of each series in the second group, which is asked by how fast they come. */
const values = (series: readonly Asked[]): number[] =>
  (wanted(series)[1]?.since ?? []).map((since, at) => (NOW - Date.parse(since)) / (series[at]?.usual ?? Number.NaN));

describe('what is asked for after a crash', () => {
  for (const [what, series, least, most] of [
    ['slow ones: all since the save, and a minute before it', many(20, MINUTE, 5 * MINUTE), 6, 6],
    ['fast ones: all since the save, and no minute before it', many(1000, SECOND, 5 * SECOND), 15, 15],
    ['more than can be waited for: the newest', many(1000, SECOND, 5 * MINUTE), 40, 40],
    ['much more: ten of each at least', many(10_000, SECOND, 5 * MINUTE), 20, 20],
  ] as const)
    it(what, () => {
      const each = values(series);
      assert.equal(each.length, series.length);
      for (const count of each) assert.ok(count >= least && count <= most, String(count));
    });

  it('asks a fast one for more than slow ones', () => {
    const [fast = 0, slow = 0] = values([asked('fast', SECOND, 5 * MINUTE), ...many(999, MINUTE, 5 * MINUTE)]);
    assert.ok(fast >= 300 && slow >= 5 && slow <= 15, `${fast} ${slow}`);
  });

  it('asks equally for those of which it is not known how fast they come, with all of their devices', () => {
    const [equally, paced] = wanted([
      asked('a', SECOND, MINUTE),
      asked('b', SECOND, MINUTE),
      { ...asked('b', undefined, undefined), metric: 'w' },
      { ...asked('b', undefined, MINUTE), metric: 'x' },
    ]);
    assert.deepEqual(equally?.devices, ['b', 'b', 'b']);
    assert.equal(equally?.since[1], '-infinity');
    assert.deepEqual(equally?.most, [2500, 5000]);
    assert.deepEqual(paced?.devices, ['a']);
  });
});
