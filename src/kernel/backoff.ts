// Backoff: jittered, capped waits between attempts, so that many clients do not return in one herd.

export type Backoff = {
  /** Milliseconds to wait before the next attempt. */
  next(): number;
  /** The peer answered: start from the beginning. */
  reset(): void;
  /** Attempts since the last success. */
  readonly attempts: number;
};

/** Exponential backoff with full jitter in the upper half: wait in [½, 1] of min(capMs, firstMs·2ⁿ). */
export function backoff(firstMs = 200, capMs = 5000, random: () => number = Math.random): Backoff {
  let attempts = 0;
  return {
    next() {
      const ceiling = Math.min(capMs, firstMs * 2 ** Math.min(attempts, 30));
      attempts++;
      return ceiling * (0.5 + 0.5 * random());
    },
    reset() {
      attempts = 0;
    },
    get attempts() {
      return attempts;
    },
  };
}
