// Conflation: the newest of each thing, when the client can take it, and not without bound.
import assert from 'node:assert/strict';
import { conflate } from './conflate.ts';
import type { Entry } from './log.ts';

function entry(offset: number, key: string): Entry {
  const row = { table: 'system', event: 'INSERT', key, time: '', data: {} } as const;
  return { offset, row, json: '{}' };
}

describe('live conflation', () => {
  it('waits until the client can take more, and gives it the newest of each thing in order', async () => {
    let asked = 0;
    let ready = false;
    let gotReady = () => {};
    const askedOften = new Promise<void>(resolve => {
      gotReady = resolve;
    });
    let emitted = (_: readonly Entry[]) => {};
    const batch = new Promise<readonly Entry[]>(resolve => {
      emitted = resolve;
    });
    const conflation = conflate(
      1,
      () => {
        if (++asked === 3) gotReady();
        return ready;
      },
      entries => {
        assert.ok(ready, 'not before');
        emitted(entries);
      },
    );
    conflation.put([entry(1, 'a'), entry(2, 'b')]);
    await askedOften;
    conflation.put([entry(3, 'a')]);
    ready = true;
    assert.deepEqual(
      (await batch).map(({ offset }) => offset),
      [2, 3],
    );
    conflation.close();
  });

  it('says when more things wait than anybody wants', () => {
    const conflation = conflate(
      60_000,
      () => false,
      () => assert.fail('nothing leaves'),
    );
    const entries = Array.from({ length: 10_001 }, (_, at) => entry(at + 1, String(at)));
    assert.equal(conflation.put(entries.slice(0, -1)), true);
    assert.equal(conflation.put(entries.slice(-1)), false);
    conflation.close();
  });
});
