// Random: repeatable draws, so that a seed names a series.

export type Draw = {
  /** From 0 up to, not including, 1. */
  uniform(): number;
  gauss(): number;
  /** Student's t with 3 degrees of freedom: heavy tails on both sides. */
  student3(): number;
  between(low: number, high: number): number;
  /** Whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number;
  sign(): 1 | -1;
  pick<One>(from: readonly One[]): One;
};

/** mulberry32. */
export function draws(seed: number): Draw {
  let state = seed | 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const gauss = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  const whole = (low: number, high: number) => low + Math.floor((high - low + 1) * uniform());
  return {
    uniform,
    gauss,
    student3: () => gauss() / Math.sqrt((gauss() ** 2 + gauss() ** 2 + gauss() ** 2) / 3),
    between: (low, high) => low + (high - low) * uniform(),
    whole,
    pick: from => from[whole(0, from.length - 1)]!,
    sign: () => (uniform() < 0.5 ? -1 : 1),
  };
}
