// Counts with their nouns.
import assert from 'node:assert/strict';
import { quantity } from './quantity.ts';

describe('quantity', () => {
  for (const [count, words] of [
    [0, '0 readings'],
    [1, '1 reading'],
    [2, '2 readings'],
  ] as const)
    it(words, () => assert.equal(quantity(count, 'reading'), words));
  it('of a noun with a plural of its own', () => {
    assert.equal(quantity(1, 'anomaly', 'anomalies'), '1 anomaly');
    assert.equal(quantity(21, 'anomaly', 'anomalies'), '21 anomalies');
  });
});
