// Counter: a series that only ever rises is watched by its rate, not by its value.

// So many values without a fall, more than half of them rising, make a counter.
const EVIDENCE = 100;

/** What to judge; `changed`: from now on the series is watched in another way; `reset`: a counter began anew; `late`: tells nothing of the rate. */
export type Watched = { watch: number } | 'changed' | 'reset' | 'late';

export type Counter = {
  /** `seconds` since the point before: 0 for one that came late, undefined where no times are known. */
  watch(seconds: number | undefined, value: number): Watched;
};

export function counter(): Counter {
  let isCounter = false;
  let values = 0;
  let rises = 0;
  let falls = 0;
  let last = Number.NaN;

  return {
    watch(seconds, value) {
      if (seconds === 0) return isCounter ? 'late' : { watch: value };
      const step = value - last;
      const before = last;
      last = value;
      values++;
      if (step > 0) rises++;
      if (step < 0) falls++;
      if (isCounter && step < 0) {
        // A meter that was replaced or rolled over falls far; a value that merely falls was no counter.
        if (value < before / 2) return 'reset';
        isCounter = false;
        return 'changed';
      }
      if (!isCounter && values === EVIDENCE && falls === 0 && rises > EVIDENCE / 2) {
        isCounter = true;
        return 'changed';
      }
      if (!isCounter) return { watch: value };
      return { watch: seconds === undefined ? step : step / seconds };
    },
  };
}
