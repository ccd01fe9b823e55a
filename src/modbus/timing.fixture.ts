// A clock whose timers fire only when a test moves it.
import { fakeClock } from '../kernel/clock.ts';
import type { Timing } from './timing.ts';

export type FakeTiming = Timing & {
  clock: ReturnType<typeof fakeClock>;
  /** Timers that have not fired. */
  readonly waiting: number;
  /** Milliseconds by which timers fire before their time. */
  early: number;
  /** Moves on in steps; due timers fire at the end of their step, as in a process that is busy meanwhile. */
  advance(ms: number, step: number): Promise<void>;
  /** Moves the clock while nothing runs. */
  hold(ms: number): void;
};

export function fakeTiming(): FakeTiming {
  const clock = fakeClock();
  const timers = new Set<{ at: number; run: () => void }>();
  const turn = () => new Promise(resolve => setImmediate(resolve));
  const timing: FakeTiming = {
    clock,
    early: 0,
    get waiting() {
      return timers.size;
    },
    after(ms, run) {
      const timer = { at: clock.steady() + ms, run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms, step) {
      const end = clock.steady() + ms;
      await fireDue();
      while (clock.steady() < end) {
        clock.advance(Math.min(step, end - clock.steady()));
        await fireDue();
      }
    },
    hold: clock.advance,
  };

  async function fireDue(): Promise<void> {
    for (const timer of [...timers].sort((a, b) => a.at - b.at))
      if (timer.at - timing.early <= clock.steady() && timers.delete(timer)) {
        timer.run();
        await turn();
      }
  }
  return timing;
}
