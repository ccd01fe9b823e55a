// Ordered release: whatever the order of settling, what is released is the longest settled prefix, once each.
import assert from 'node:assert/strict';
import { ordered } from './ordered.ts';

describe('kernel: ordered release', () => {
  const table: [name: string, settle: number[], released: number[]][] = [
    ['in order', [0, 1, 2, 3], [0, 1, 2, 3]],
    ['backwards', [3, 2, 1, 0], [0, 1, 2, 3]],
    ['the first is late', [1, 2, 3], []],
    ['a hole', [0, 1, 3], [0, 1]],
    ['twice', [0, 0, 1, 0], [0, 1]],
    ['never taken', [7, -1, 0], [0]],
  ];
  for (const [name, settle, expected] of table)
    it(name, () => {
      const released: number[] = [];
      const order = ordered(n => released.push(n));
      for (let n = 0; n < 4; n++) assert.equal(order.take(), n);
      for (const n of settle) order.settle(n);
      assert.deepEqual(released, expected);
      assert.equal(order.open, 4 - expected.length);
    });

  it('holds for a hundred thousand in any order', () => {
    let next = 0;
    const order = ordered(n => assert.equal(n, next++));
    const all = Array.from({ length: 100_000 }, () => order.take());
    // A fixed permutation: multiplication by a number that has no common factor with 100,000.
    for (const n of all) order.settle((n * 7919) % 100_000);
    assert.equal(next, 100_000);
  });
});
