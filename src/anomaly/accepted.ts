// Accepted: values of which somebody said that they were normal.
import type { State } from './state.ts';

const REMEMBERED = 8;
/** A value is like an accepted one within this share of that one's distance from its forecast. */
const LIKE = 0.1;

export type Accepted = {
  readonly state: State;
  has(value: number): boolean;
  add(value: number, expected: number): void;
};

/** The last few of them; older ones are forgotten. */
export function accepted(): Accepted {
  const it = {
    low: new Float64Array(REMEMBERED).fill(Number.NaN),
    high: new Float64Array(REMEMBERED).fill(Number.NaN),
    added: 0,
  };
  return {
    state: it,
    has(value) {
      if (it.added === 0) return false;
      for (let at = 0; at < REMEMBERED; at++)
        if (value >= (it.low[at] as number) && value <= (it.high[at] as number)) return true;
      return false;
    },
    add(value, expected) {
      const margin = LIKE * Math.abs(value - expected);
      it.low[it.added % REMEMBERED] = value - margin;
      it.high[it.added++ % REMEMBERED] = value + margin;
    },
  };
}
