// Throttle of a replay on a clock that is set by hand: its rate, its window, and how it yields to live data.
import assert from 'node:assert/strict';
import { fakeClock } from '../kernel/clock.ts';
import { type Throttle, throttle } from './throttle.ts';

describe('throttle', () => {
  /** What leaves in so many milliseconds where everything settles at once. */
  function leaves(pace: Throttle, clock: ReturnType<typeof fakeClock>, ms: number): number {
    let left = 0;
    for (let passed = 0; passed < ms; passed++) {
      const room = pace.room();
      pace.left(room);
      left += room;
      pace.settled(room);
      clock.advance(1);
    }
    return left;
  }

  it('lets go no more than its rate', () => {
    const clock = fakeClock();
    const pace = throttle({ perSecond: 1000, clock });
    const left = leaves(pace, clock, 2000);
    assert.ok(left >= 1970 && left <= 2060, `${left}`);
    pace.left(pace.room());
    assert.equal(pace.room(), 0);
    assert.ok(pace.waitMs() >= 1);
  });

  it('lets go single messages where the rate is low', () => {
    const clock = fakeClock();
    const pace = throttle({ perSecond: 5, clock });
    const left = leaves(pace, clock, 2000);
    assert.ok(left >= 10 && left <= 11, `${left}`);
  });

  it('yields within moments while live data waits, never stops, and takes it back when there is room', () => {
    const clock = fakeClock();
    const pace = throttle({ clock });
    for (let looks = 0; looks < 30; looks++) pace.felt(5);
    assert.equal(pace.window, 8000);
    for (let looks = 0; looks < 5; looks++) pace.felt(100);
    assert.ok(pace.window <= 250, `${pace.window}`);
    for (let looks = 0; looks < 100; looks++) pace.felt(100);
    leaves(pace, clock, 100);
    const slow = leaves(pace, clock, 5000);
    assert.ok(slow >= 4800 && slow <= 5200, `${slow}`);
    for (let looks = 0; looks < 30; looks++) pace.felt(0);
    assert.equal(pace.window, 8000);
  });

  it('lets go no more than its window before something settles', () => {
    const clock = fakeClock();
    const pace = throttle({ clock });
    let left = 0;
    for (let ms = 0; ms < 1000; ms++) {
      const room = pace.room();
      pace.left(room);
      left += room;
      clock.advance(1);
    }
    assert.equal(left, pace.window);
    assert.equal(pace.waitMs(), 0);
  });
});
