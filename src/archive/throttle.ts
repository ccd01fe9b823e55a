// Throttle of a replay: a rate that it must not exceed, and a window that shrinks as soon as live data has to wait because of it.
import { type Clock, systemClock } from '../kernel/clock.ts';

export type ThrottleOptions = {
  /** Most messages per second; undefined: as many as live data leaves room for. */
  perSecond?: number | undefined;
  clock?: Clock;
};

export type Throttle = {
  /** Messages that may leave now. */
  room(): number;
  /** Milliseconds until the rate gives room again; 0 where only settling does. */
  waitMs(): number;
  left(count: number): void;
  settled(count: number): void;
  /** How long a write of live data takes just now, in milliseconds; 0 where there is none. Told every LOOK_MS. */
  felt(ms: number): void;
  /** Messages that may be on their way at once; at most so many leave in LOOK_MS. */
  readonly window: number;
};

export const LOOK_MS = 100;
/** A live message waits for about four writes at worst (one that is under way and its own, archive and table): 200 ms. */
const TARGET_MS = 40;
// Halved in one look, doubled in four: live data gets its room back at once, the replay when it is sure to be free.
const SHRINK = 0.5;
const GROW = 1.2;
/** 1,000 messages a second where they settle at once: about a tenth of a core, which no live data notices. */
const LEAST = 100;
/** Writes of some thousand rows cost half of what those of some hundred do. */
const MOST = 8000;
const START = 1000;
/** What the rate lets go at once, in seconds of it; and half of that at least, so that no message travels alone. */
const BURST_S = 0.05;

export function throttle({ perSecond = Infinity, clock = systemClock }: ThrottleOptions = {}): Throttle {
  let window = START;
  let open = 0;
  let tokens = Infinity;
  let filledAt = clock.steady();
  const rate = (): number => Math.min(perSecond, (window * 1000) / LOOK_MS);
  const burst = (): number => Math.max(1, rate() * BURST_S);

  function fill(): void {
    const now = clock.steady();
    tokens = Math.min(burst(), tokens + ((now - filledAt) / 1000) * rate());
    filledAt = now;
  }
  const missing = (): number => Math.max(1, burst() / 2) - tokens;

  return {
    room() {
      fill();
      return missing() > 0 ? 0 : Math.max(0, Math.floor(Math.min(window - open, tokens)));
    },
    waitMs() {
      fill();
      return Math.max(0, Math.ceil((missing() / rate()) * 1000));
    },
    left(count) {
      open += count;
      tokens -= count;
    },
    settled(count) {
      open -= count;
    },
    felt(ms) {
      window = Math.min(MOST, Math.max(LEAST, window * (ms > TARGET_MS ? SHRINK : GROW)));
    },
    get window() {
      return Math.floor(window);
    },
  };
}
