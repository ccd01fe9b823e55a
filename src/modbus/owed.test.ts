// Answers that units owe: how long, how many, and what proves that none is to come.
import assert from 'node:assert/strict';
import type { ReadRequest } from './link.ts';
import { owedAnswers } from './owed.ts';

const read = (count: number, unit = 1): ReadRequest => ({ unit, table: 'holding', address: 0, count });

describe('owed answers', () => {
  it('are proved by a read of another length, until one is given or a minute is over', () => {
    const owed = owedAnswers();
    owed.add(read(2), 0);
    assert.equal(owed.proof(read(3), 0), undefined);
    assert.equal(owed.proof(read(2, 9), 0), undefined);
    assert.deepEqual(owed.proof(read(2), 60_000), read(1));
    assert.equal(owed.proof(read(2), 60_001), undefined);
    owed.add(read(2), 70_000);
    owed.settled(1);
    assert.equal(owed.any(1, 70_000), false);
  });

  it('are proved by a length that is not owed itself', () => {
    const owed = owedAnswers();
    for (const count of [1, 2, 3]) owed.add(read(count), 0);
    assert.deepEqual(owed.proof(read(1), 0), read(4));
  });

  it('are forgotten, the oldest first, where a unit owes more than 64', () => {
    const owed = owedAnswers();
    for (let count = 1; count <= 65; count++) owed.add(read(count), 0);
    assert.equal(owed.proof(read(1), 0), undefined);
    assert.deepEqual(owed.proof(read(2), 0), read(1));
  });
});
