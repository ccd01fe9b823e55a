// Clock set: a wall clock that is set on (by NTP after a start without a battery, or behind a suspended machine) makes a pause that nobody was silent for.
import { type Clock, systemClock } from '../kernel/clock.ts';

/** What is less makes no pause that anybody would call long; a clock that NTP trims never comes to it between two looks. */
const LEAST_MS = 1000;

type Span = readonly [from: number, to: number];

/** Answers a look at the clock, which adds to the times (ms) in which nobody listened what it was set on since the last one. */
export function clockSet({ now, steady }: Clock = systemClock): (unheard: Span[]) => void {
  let [wall, passed] = [now(), steady()];
  return unheard => {
    const [before, passedBefore] = [wall, passed];
    [wall, passed] = [now(), steady()];
    const by = wall - before - (passed - passedBefore);
    if (by >= LEAST_MS) unheard.push([before, wall]);
    if (by > -LEAST_MS) return;
    // Set back: what lies ahead of it has not been yet, and devices may be silent then.
    const then = wall - (passed - passedBefore);
    const been = unheard.filter(([from]) => from < then).map(([from, to]): Span => [from, Math.min(to, then)]);
    unheard.splice(0, unheard.length, ...been);
  };
}
