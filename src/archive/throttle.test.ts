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
    const left = leaves(pace, clock, 10_000);
    assert.ok(left >= 9500 && left <= 10_500, `${left}`);
    pace.left(pace.room());
    assert.equal(pace.room(), 0);
    assert.ok(pace.waitMs() >= 1);
  });

  for (const perSecond of [0.1, 1, 5])
    it(`lets single messages go at ${perSecond} a second`, () => {
      const clock = fakeClock();
      const left = leaves(throttle({ perSecond, clock }), clock, 20_000);
      assert.ok(left >= 20 * perSecond && left <= 20 * perSecond + 4, `${left}`);
    });

  it('takes all there is without live data, and yields at once when some waits', () => {
    const clock = fakeClock();
    const pace = throttle({ clock });
    for (let looks = 0; looks < 5; looks++) pace.felt(0);
    assert.equal(pace.window, 8000);
    pace.felt(100);
    assert.equal(pace.window, 1000);
    pace.felt(100);
    assert.equal(pace.window, 250);
  });

  it('never stops, but sends a few together now and then, and takes it back slowly when nothing waits', () => {
    const clock = fakeClock();
    const pace = throttle({ clock });
    for (let looks = 0; looks < 100; looks++) pace.felt(1000);
    leaves(pace, clock, 1000);
    const slow = leaves(pace, clock, 10_000);
    assert.ok(slow >= 4500 && slow <= 5500, `${slow}`);
    for (let looks = 0; looks < 20; looks++) pace.felt(5);
    assert.ok(pace.window > 200 && pace.window < 400, `${pace.window}`);
    for (let looks = 0; looks < 50; looks++) pace.felt(5);
    assert.equal(pace.window, 1000);
  });

  it('lets go no more than its window before something settles', () => {
    const clock = fakeClock();
    const pace = throttle({ clock });
    for (let looks = 0; looks < 5; looks++) pace.felt(0);
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
