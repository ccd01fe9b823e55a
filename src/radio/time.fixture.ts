// For tests: a clock whose timers fire when it is moved, in order of time.
import { fakeClock } from '../kernel/clock.ts';
import type { After } from './timing.ts';

export type FakeTime = ReturnType<typeof fakeClock> & { after: After; pass(ms: number): void; waiting(): number };

export function fakeTime(): FakeTime {
  const clock = fakeClock(0);
  const timers = new Set<{ at: number; then: () => void }>();
  return Object.assign(clock, {
    after: (ms: number, then: () => void) => {
      const timer = { at: clock.steady() + ms, then };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    pass(ms: number) {
      const end = clock.steady() + ms;
      for (;;) {
        const next = [...timers].sort((a, b) => a.at - b.at)[0];
        if (next === undefined || next.at > end) break;
        timers.delete(next);
        clock.advance(next.at - clock.steady());
        next.then();
      }
      clock.advance(end - clock.steady());
    },
    waiting: () => timers.size,
  });
}
