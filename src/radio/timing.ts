// Waiting that tests can take into their own hands.

/** Calls `then` after so many milliseconds; returns the way to call it off. */
export type After = (ms: number, then: () => void) => () => void;

/** Does not keep the process alive. */
export const after: After = (ms, then) => {
  const timer = setTimeout(then, ms).unref();
  return () => clearTimeout(timer);
};
