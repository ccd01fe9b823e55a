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
  /** How long a write of live data takes just now, in milliseconds; 0 where there is no live data. Told every LOOK_MS. */
  felt(ms: number): void;
  /** Messages that may leave in LOOK_MS, and be on their way at once unless a burst is more. */
  readonly window: number;
};

export const LOOK_MS = 100;
/** A live message waits for about four writes (its own and the one before, archive and table): a quarter of 200 ms, and some room. */
const TARGET_MS = 30;
// A quarter after one look, doubled after eight: of thirty looks one may find that live data waits.
const SHRINK = 0.25;
const GROW = 1.09;
/** 500 messages a second where they settle at once: about a twentieth of a core, which no live data notices. */
const LEAST = 50;
/** A write of so many holds the rows of its devices for some 30 ms: live data of the same devices waits for them. */
const BESIDE_LIVE = 1000;
/** Writes of some thousand rows cost half of what those of some hundred do. */
const MOST = 8000;
const START = 500;
/** So much of a second leaves together, up to what may hold live data up: few large writes cost it less than many small ones. */
const BURST_S = 0.5;

export function throttle({ perSecond = Infinity, clock = systemClock }: ThrottleOptions = {}): Throttle {
  let window = START;
  let open = 0;
  let tokens = Infinity;
  let filledAt = clock.steady();
  const rate = (): number => Math.min(perSecond, (window * 1000) / LOOK_MS);
  const burst = (): number => Math.max(1, Math.min(BESIDE_LIVE, rate() * BURST_S));

  function fill(): void {
    const now = clock.steady();
    tokens = Math.min(burst(), tokens + ((now - filledAt) / 1000) * rate());
    filledAt = now;
  }
  /** Tokens until half of a burst may leave, which never is less than a message. */
  const missing = (): number => Math.max(1, burst() / 2) - tokens;

  return {
    room() {
      fill();
      return missing() > 0 ? 0 : Math.max(0, Math.floor(Math.min(Math.max(window, burst()) - open, tokens)));
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
      const most = ms > 0 ? BESIDE_LIVE : MOST;
      const wanted = ms === 0 ? window * 2 : window * (ms > TARGET_MS ? SHRINK : GROW);
      window = Math.min(most, Math.max(LEAST, wanted));
    },
    get window() {
      return Math.floor(window);
    },
  };
}
