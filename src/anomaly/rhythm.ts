// Rhythm: when values come and whether they move; tells gaps and stuck sensors.

/** A pause counts as a gap when it is this many usual intervals long and twice the longest pause so far. */
const GAP_INTERVALS = 5;
const KNOWN_INTERVALS = 20;
// −ln of the chance of a run of equal values at which the sensor counts as stuck, and the shortest such run.
const STUCK_SURPRISE = 15;
const STUCK_RUN = 12;

// A reading that comes late does not turn the clock back; so many in a row do.
const CLOCK_SET_BACK = 3;

export type Rhythm = {
  /** Takes the time (ms) of the next point and answers how many times too long the pause before it was; above 1 it is a gap. */
  gap(time: number): number;
  /** Seconds between the last two points; 0 for a point that is late or repeats a time, undefined for the first. */
  readonly seconds: number | undefined;
  /** How many times too long this value has stood still; from 1 on it is stuck. */
  stuck(value: number): number;
};

export function rhythm(): Rhythm {
  let last: number | undefined;
  let seconds: number | undefined;
  let behind = 0;
  let intervals = 0;
  let usual = 0;
  let longest = 0;

  let value = Number.NaN;
  let run = 0;
  let longestRun = 0;
  let steps = 0;
  let repeats = 0;
  let runLimit = Number.POSITIVE_INFINITY;

  const endRun = () => {
    longestRun = Math.max(longestRun, run);
    const chance = (repeats + 1) / (steps + 2);
    runLimit = Math.max(STUCK_RUN, 3 * longestRun, STUCK_SURPRISE / -Math.log(chance));
    run = 0;
  };

  return {
    gap(time) {
      const pause = last === undefined ? undefined : time - last;
      seconds = pause === undefined ? undefined : Math.max(0, pause) / 1000;
      behind = pause !== undefined && pause < 0 ? behind + 1 : 0;
      if (pause === undefined || pause > 0 || behind >= CLOCK_SET_BACK) last = time;
      if (pause === undefined || pause <= 0) return 0;
      const excess = intervals >= KNOWN_INTERVALS ? pause / Math.max(GAP_INTERVALS * usual, 2 * longest) : 0;
      // A far-ahead time or a week without power must not become the usual pause.
      const learned = intervals < 3 ? pause : Math.min(pause, 4 * GAP_INTERVALS * usual);
      longest = Math.max(0.999 * longest, learned);
      intervals++;
      usual +=
        Math.max(1 / intervals, 0.02) * (Math.min(learned, intervals < 3 ? learned : GAP_INTERVALS * usual) - usual);
      return excess;
    },
    get seconds() {
      return seconds;
    },
    stuck(next) {
      steps++;
      if (next !== value) {
        endRun();
        value = next;
        return 0;
      }
      repeats++;
      run++;
      // Nothing flows, nothing shines: 0 may stand for as long as it likes.
      return next === 0 ? 0 : run / runLimit;
    },
  };
}
