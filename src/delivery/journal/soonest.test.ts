// Tests of what runs once at the earliest of the times asked for, with timers that are only looked at.
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { soonest } from './soonest.ts';

describe('soonest', () => {
  it('runs once in this turn, however often it is asked for, and again when it is asked for again', async () => {
    let runs = 0;
    const it = soonest(() => runs++);
    it.within(0);
    it.within(0);
    it.within(1);
    assert.equal(runs, 0, 'never within the call');
    await turn();
    assert.equal(runs, 1);
    it.within(0);
    await turn();
    assert.equal(runs, 2);
  });

  it('moves to the front, never to the back', async () => {
    let ran = (): void => {};
    const done = new Promise<void>(resolve => {
      ran = resolve;
    });
    let runs = 0;
    const it = soonest(() => {
      runs++;
      ran();
    });
    it.within(3_600_000);
    it.within(1);
    it.within(3_600_000);
    await done;
    it.within(3_600_000);
    it.within(0);
    await turn();
    assert.equal(runs, 2);
  });
});
