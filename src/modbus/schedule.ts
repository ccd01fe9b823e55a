// A poll's timetable: start + n periods on the steady clock, without drift, without a queue.
import type { Timing } from './timing.ts';

export type Schedule = { stop(): void };

/**
 * Runs `run` at once and then at every full period. A slot that comes while the run before it is not over, or that
 * passed while the process was held up, is left out and told to `onOverrun`; the slots after it keep their times.
 */
export function schedule(
  periodMs: number,
  run: () => Promise<void>,
  onOverrun: (slots: number) => void,
  { clock, after }: Timing,
): Schedule {
  const start = clock.steady();
  let next = 0;
  let busy = false;
  const arm = () => after(Math.max(0, start + next * periodMs - clock.steady()), tick);
  const tick = () => {
    const slot = Math.floor((clock.steady() - start) / periodMs);
    // A timer may fire a fraction of a millisecond early.
    if (slot >= next) {
      const missed = slot - next + (busy ? 1 : 0);
      if (missed > 0) onOverrun(missed);
      next = slot + 1;
      if (!busy) {
        busy = true;
        run().finally(() => {
          busy = false;
        });
      }
    }
    cancel = arm();
  };
  let cancel = arm();
  return { stop: () => cancel() };
}
