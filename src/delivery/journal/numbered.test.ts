// Numbered items: the same answers as a sorted list, whatever leaves in whatever order.
import assert from 'node:assert/strict';
import { numbered } from './numbered.ts';

describe('delivery: numbered items', () => {
  const filled = (...numbers: number[]) => {
    const items = numbered<string>();
    for (const number of numbers) items.push(number, `n${number}`);
    return items;
  };

  it('finds the oldest and all above a number, with gaps between the numbers', () => {
    const items = filled(3, 5, 9);
    assert.equal(items.oldest(), 'n3');
    assert.deepEqual([...items.above(0)], ['n3', 'n5', 'n9']);
    assert.deepEqual([...items.above(4)], ['n5', 'n9']);
    assert.deepEqual([...items.above(5)], ['n9']);
    assert.deepEqual([...items.above(9)], []);
  });

  it('passes over what has left, at the front, in the middle and at the end', () => {
    const items = filled(1, 2, 3, 4, 5);
    assert.deepEqual(
      [1, 3, 5, 7].map(number => items.delete(number)),
      [true, true, true, false],
    );
    assert.equal(items.delete(3), false, 'it left before');
    assert.equal(items.oldest(), 'n2');
    assert.deepEqual([...items.above(0)], ['n2', 'n4']);
    assert.equal(items.size, 2);
  });

  it('is empty again, and goes on', () => {
    const items = filled(1);
    items.delete(1);
    assert.equal(items.oldest(), undefined);
    items.push(2, 'n2');
    assert.equal(items.oldest(), 'n2');
  });

  it('answers as a list does over 20,000 items of which the oldest stays and others leave at random', () => {
    const items = numbered<number>();
    const list = new Set<number>();
    let random = 1;
    for (let number = 1; number <= 20_000; number++) {
      items.push(number, number);
      list.add(number);
      random = (random * 48_271) % 0x7fffffff;
      const leaves = number - (random % 50);
      if (leaves > 1) assert.equal(items.delete(leaves), list.delete(leaves));
      if (number === 15_000) assert.equal(items.delete(1), list.delete(1));
      if (number % 997 !== 0) continue;
      const after = number - (random % 3000);
      assert.equal(items.oldest(), Math.min(...list));
      assert.deepEqual(
        [...items.above(after)],
        [...list].filter(one => one > after),
      );
    }
  });
});
