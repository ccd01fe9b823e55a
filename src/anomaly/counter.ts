// Counter: a series that only ever rises is watched by its rate, not by its value.
import type { State } from './state.ts';

// So many values without a fall, more than half of them rising, make a counter.
const EVIDENCE = 100;

/** What to judge; `changed`: from now on the series is watched in another way; `reset`: a counter began anew; `late`: tells nothing of the rate. */
export type Watched = number | 'changed' | 'reset' | 'late';

export type Counter = {
  /** All it knows. */
  readonly state: State;
  /** `seconds` since the point before: 0 for one that came late, undefined where no times are known. */
  watch(seconds: number | undefined, value: number): Watched;
};

export function counter(): Counter {
  const state = { isCounter: false, values: 0, rises: 0, falls: 0, last: Number.NaN };

  return {
    state,
    watch(seconds, value) {
      if (seconds === 0) return state.isCounter ? 'late' : value;
      const before = state.last;
      const step = value - before;
      state.last = value;
      state.values++;
      if (step > 0) state.rises++;
      if (step < 0) state.falls++;
      if (state.isCounter && step < 0) {
        // A meter that was replaced or rolled over falls far; a value that merely falls was no counter.
        if (value < before / 2) return 'reset';
        state.isCounter = false;
        return 'changed';
      }
      if (state.values === EVIDENCE && state.falls === 0 && state.rises > EVIDENCE / 2) {
        state.isCounter = true;
        return 'changed';
      }
      if (!state.isCounter) return value;
      return seconds === undefined ? step : step / seconds;
    },
  };
}
