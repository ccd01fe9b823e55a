// Throttle of a replay: a rate that it must not exceed, and a window that shrinks as soon as others have to wait because of it.
import { type Clock, systemClock } from '../kernel/clock.ts';

export type ThrottleOptions = {
  /** Most messages per second; undefined: as many as the delay allows. */
  perSecond?: number;
  clock?: Clock;
};

export type Throttle = {
  /** Messages that may leave now. */
  room(): number;
  /** Milliseconds until the rate gives room again; 0 where only settling does. */
  waitMs(): number;
  left(count: number): void;
  /** Some have settled, this long after they left. */
  settled(count: number, delayMs: number): void;
  /** Messages that may be on their way at once. */
  readonly window: number;
};

// Window control of LEDBAT (RFC 6817 §2.4): a background transport takes what is free and yields when the delay that it
// causes, above the least delay of late, reaches a target. Live data waits about as long at the database, on bad moments
// several times as long. Above the target the window shrinks by a share of itself, by half at most in the time that a
// message takes (as LEDBAT++ does): small steps down from a large one would take seconds.
const TARGET_MS = 50;
const STEP = 200;
const SHRINK = 0.25;
const MOST_SHRINK = 0.5;
const LEAST = 100;
const MOST = 4000;
const START = 1000;
/** The least delay is that of this and the last period: a database that has become slower must not count as crowded. */
const PERIOD_MS = 30_000;
/** What a rate lets go at once, in seconds of it. */
const BURST_S = 0.05;

export function throttle({ perSecond, clock = systemClock }: ThrottleOptions = {}): Throttle {
  let window = START;
  let open = 0;
  const burst = perSecond === undefined ? Infinity : Math.max(1, perSecond * BURST_S);
  let tokens = burst;
  let filledAt = clock.steady();
  let least = Infinity;
  let leastBefore = Infinity;
  let periodFrom = clock.steady();

  function fill(): void {
    if (perSecond === undefined) return;
    const now = clock.steady();
    tokens = Math.min(burst, tokens + ((now - filledAt) / 1000) * perSecond);
    filledAt = now;
  }

  return {
    room() {
      fill();
      return Math.max(0, Math.floor(Math.min(window - open, tokens)));
    },
    waitMs() {
      fill();
      return perSecond === undefined || tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / perSecond) * 1000);
    },
    left(count) {
      open += count;
      tokens -= count;
    },
    settled(count, delayMs) {
      const now = clock.steady();
      if (now - periodFrom >= PERIOD_MS) {
        leastBefore = least;
        least = Infinity;
        periodFrom = now;
      }
      least = Math.min(least, delayMs);
      const caused = delayMs - Math.min(least, leastBefore);
      const offTarget = (TARGET_MS - caused) / TARGET_MS;
      // A window that was not used has proved nothing.
      const used = open >= window / 2;
      open -= count;
      if (offTarget > 0 && !used) return;
      const change = offTarget > 0 ? (offTarget * STEP) / window : -Math.min(MOST_SHRINK, -offTarget * SHRINK);
      window = Math.min(MOST, Math.max(LEAST, window + change * count));
    },
    get window() {
      return Math.floor(window);
    },
  };
}
