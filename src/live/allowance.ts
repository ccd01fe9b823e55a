// An allowance of actions per second with a burst, for one client.
import type { Clock } from '../kernel/clock.ts';

/** `take` says whether one more action is allowed now; `overdrawn` counts refusals since the last one that was allowed. */
export type Allowance = { take(): boolean; readonly overdrawn: number };

export function allowance(perSecond: number, burst: number, clock: Clock): Allowance {
  let left = burst;
  let at = clock.steady();
  let overdrawn = 0;
  return {
    take() {
      const now = clock.steady();
      left = Math.min(burst, left + ((now - at) / 1000) * perSecond);
      at = now;
      if (left < 1) {
        overdrawn++;
        return false;
      }
      left--;
      overdrawn = 0;
      return true;
    },
    get overdrawn() {
      return overdrawn;
    },
  };
}
