// A reason stays readable although good messages follow at once, and goes when nothing is refused any more.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import { standing } from './standing.ts';

describe('stream: standing', () => {
  it('keeps the last reason for half a minute', () => {
    const clock = fakeClock();
    const line = standing(clock);
    assert.deepEqual(line('1 reading'), ['green', '1 reading']);
    assert.deepEqual(line('1 rejected', 'not JSON'), ['yellow', '1 rejected: not JSON']);
    clock.advance(29_999);
    assert.deepEqual(line('2 readings'), ['yellow', '2 readings: not JSON']);
    clock.advance(1);
    assert.deepEqual(line('3 readings'), ['green', '3 readings']);
  });
});
