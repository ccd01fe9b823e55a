// Retained messages: as many bytes as there is room for, before and after a start.
import assert from 'node:assert/strict';
import { retained } from './retained.ts';

describe('retained messages', () => {
  const notes = new Map<string, string>();
  const journal = {
    notes,
    async note(key: string, value: string | undefined) {
      if (value === undefined) notes.delete(key);
      else notes.set(key, value);
    },
  };
  const open = () => retained(journal, { count: 3, bytes: 100 });
  const message = (topic: string, bytes: number) =>
    ({ topic, payload: Buffer.alloc(bytes, 1), qos: 1, at: 0 }) as const;

  it('have the same room after a start', async () => {
    assert.equal(await open().store(message('a', 60)), true);
    const after = open();
    assert.equal(await after.store(message('b', 41)), false);
    assert.equal(await after.store(message('b', 40)), true);
    assert.equal(await after.store(message('a', 61)), false);
    assert.equal(await after.store(message('a', 0)), true);
    assert.equal(await after.store(message('c', 60)), true);
    assert.deepEqual(
      after.matching(['#']).map(({ topic, payload }) => [topic, payload.length]),
      [
        ['b', 40],
        ['c', 60],
      ],
    );
  });

  it('are so many topics at most, of which each may change', async () => {
    notes.clear();
    const it = open();
    for (const topic of ['a', 'b', 'c']) assert.equal(await it.store(message(topic, 1)), true);
    assert.equal(await it.store(message('d', 1)), false);
    assert.equal(await it.store(message('a', 2)), true);
    assert.equal(it.size, 3);
  });
});
