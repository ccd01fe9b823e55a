// Codes: a status register tells states by few small whole numbers; how far one is from another means nothing.
import type { State } from './state.ts';

const MOST_CODES = 6;
const LARGEST_CODE = 255;
// From then on a code that was never seen is news, if the register was seen to change at all.
const KNOWN_AFTER = 64;
/** Changes from which a register that stands still may be stuck; one that shows faults changes seldom. */
const LIVELY = 20;

export type Codes = {
  readonly state: State;
  /** True while nothing but codes came and the register changes too seldom to be called stuck. */
  readonly quiet: boolean;
  /** What a value is: a size, a code seen before, or a new one. */
  see(value: number): 'size' | 'known' | 'new';
};

export function codes(): Codes {
  const it = { known: new Float64Array(MOST_CODES), have: 0, points: 0, changes: 0, last: 0, sizes: false };

  return {
    state: it,
    get quiet() {
      return !it.sizes && it.changes < LIVELY;
    },
    see(value) {
      if (it.sizes) return 'size';
      it.points++;
      if (value !== it.last) it.changes++;
      it.last = value;
      for (let at = 0; at < it.have; at++) if (it.known[at] === value) return 'known';
      if (it.have === MOST_CODES || !Number.isInteger(value) || value < 0 || value > LARGEST_CODE) {
        it.sizes = true;
        return 'size';
      }
      it.known[it.have++] = value;
      return it.have > 2 && it.points > KNOWN_AFTER ? 'new' : 'known';
    },
  };
}
