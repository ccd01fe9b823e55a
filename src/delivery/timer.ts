// Timers as the parts of this room take them, so that a test can bring a clock of its own.

/** Calls back after a time, at the end of this turn where there is none; returns the way to call it off. */
export type After = (ms: number, run: () => void) => () => void;

export const timer: After = (ms, run) => {
  if (ms <= 0) {
    const turn = setImmediate(run);
    return () => clearImmediate(turn);
  }
  const timeout = setTimeout(run, ms);
  return () => clearTimeout(timeout);
};
