// Rhythm: when values come and whether they move; tells gaps and stuck sensors.
import type { State } from './state.ts';

/** A pause counts as a gap when it is this many usual intervals long and twice the longest pause so far. */
const GAP_INTERVALS = 5;
const KNOWN_INTERVALS = 20;
// −ln of the chance of a run of equal values at which the sensor counts as stuck, and the shortest such run.
const STUCK_SURPRISE = 15;
const STUCK_RUN = 12;

// A reading that comes late does not turn the clock back; so many in a row do.
const CLOCK_SET_BACK = 3;

export type Rhythm = {
  /** All it knows. */
  readonly pauses: State;
  readonly values: State;
  /** Takes the time (ms) of the next point and answers how many times too long the pause before it was; above 1 it is a gap. */
  gap(time: number): number;
  /** Seconds between the last two points; 0 for a point that is late or repeats a time, undefined for the first. */
  readonly seconds: number | undefined;
  /** The last pause and the stretch of equal values that lasts are usual. */
  accept(): void;
  /** How many times too long this value has stood still; from 1 on it is stuck. */
  stuck(value: number): number;
};

export function rhythm(): Rhythm {
  const pauses = { before: 0, last: Number.NaN, seconds: Number.NaN, usual: 0, longest: 0, behind: 0, count: 0 };
  const values = { last: Number.NaN, run: 0, longestRun: 0, runLimit: 0, steps: 0, repeats: 0 };

  return {
    pauses,
    values,
    gap(time) {
      const pause = time - pauses.last;
      pauses.before = Math.max(0, pause) || 0;
      pauses.seconds = Math.max(0, pause) / 1000;
      pauses.behind = pause < 0 ? pauses.behind + 1 : 0;
      if (!(pause <= 0) || pauses.behind >= CLOCK_SET_BACK) pauses.last = time;
      if (!(pause > 0)) return 0;
      const { usual, longest } = pauses;
      const excess = pauses.count >= KNOWN_INTERVALS ? pause / Math.max(GAP_INTERVALS * usual, 2 * longest) : 0;
      // A far-ahead time or a week without power must not become the usual pause.
      const most = pauses.count < 3 ? pause : GAP_INTERVALS * usual;
      pauses.longest = Math.max(0.999 * longest, Math.min(pause, 4 * most));
      pauses.count++;
      pauses.usual += Math.max(1 / pauses.count, 0.02) * (Math.min(pause, most) - usual);
      return excess;
    },
    accept() {
      pauses.longest = Math.max(pauses.longest, pauses.before);
      values.longestRun = Math.max(values.longestRun, values.run);
      values.runLimit = Math.max(values.runLimit, 3 * values.run);
    },
    get seconds() {
      return Number.isNaN(pauses.seconds) ? undefined : pauses.seconds;
    },
    stuck(value) {
      values.steps++;
      if (value !== values.last) {
        values.last = value;
        values.longestRun = Math.max(values.longestRun, values.run);
        values.run = 0;
        const chance = (values.repeats + 1) / (values.steps + 2);
        values.runLimit = Math.max(STUCK_RUN, 3 * values.longestRun, STUCK_SURPRISE / -Math.log(chance));
        return 0;
      }
      values.repeats++;
      values.run++;
      // Nothing flows, nothing shines: 0 may stand for as long as it likes.
      return value === 0 ? 0 : values.run / values.runLimit;
    },
  };
}
