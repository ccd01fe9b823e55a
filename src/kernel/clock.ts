// The two clocks: wall time for what is stored, a steady one for durations (a clock step must not stretch a window).

/** Source of time, handed in so that tests decide what time it is. */
export type Clock = {
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
  /** Steady clock, milliseconds since an arbitrary start; never steps. */
  steady(): number;
};

export const systemClock: Clock = { now: () => Date.now(), steady: () => performance.now() };

/** A clock that stands still until it is moved. `step` moves the wall clock alone, as an administrator or NTP would. */
export function fakeClock(
  startMs = Date.UTC(2026, 0, 1),
): Clock & { advance(ms: number): void; step(ms: number): void } {
  let wall = startMs;
  let steady = 0;
  return {
    now: () => wall,
    steady: () => steady,
    advance(ms) {
      wall += ms;
      steady += ms;
    },
    step(ms) {
      wall += ms;
    },
  };
}
