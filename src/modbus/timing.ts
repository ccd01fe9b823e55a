// Waiting, handed in together with the clock so that tests decide when a timer fires.
import { type Clock, systemClock } from '../kernel/clock.ts';

/** Runs `run` once after `ms` milliseconds; the returned function takes it back. */
export type After = (ms: number, run: () => void) => () => void;
export type Timing = { clock: Clock; after: After };

export const systemTiming: Timing = {
  clock: systemClock,
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
