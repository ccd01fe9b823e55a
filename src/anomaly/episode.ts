// Episode: an anomaly that lasts is reported once, and a series that is always at it must do more to be heard.
import type { State } from './state.ts';

export type Episode = {
  readonly state: State;
  /** When it began (ms), while one lasts and times are known. */
  readonly since: number | undefined;
  /** How much higher than usual the limit of this series is, as a factor. */
  readonly factor: number;
  /** What is left of a surprise after all that was reported of the same episode; below `limit` it is no alarm. */
  heard(surprise: number, limit: number, time: number | undefined, above: boolean): number;
  /** An episode of another kind (a stuck sensor) began, if none lasts. */
  begin(time: number | undefined): void;
  /** What lasts: values stay on one side, or leap to both; undefined at the beginning. */
  readonly manner: 'shift' | 'burst' | undefined;
};

// A value counts when it exceeds a record that fades by a factor a point; where it has alarmed, it must become that much worse.
const FADE = 0.997;
const WORSE = 1.3;
const QUIET_POINTS = 12;
// Each alarm raises the limit by this share; half of it is forgotten in about 7,000 points.
const WEARY = 0.05;
const REST = 0.9999;
const LASTING_POINTS = 8;

export function episode(): Episode {
  const it = { record: 0, quiet: 0, weary: 0, since: Number.NaN, lasts: false, points: 0, aboveIt: 0 };

  return {
    state: it,
    get since() {
      return Number.isNaN(it.since) ? undefined : it.since;
    },
    get factor() {
      return 1 + it.weary;
    },
    get manner() {
      if (!it.lasts || it.points < LASTING_POINTS) return undefined;
      return Math.abs(2 * it.aboveIt - it.points) > 0.7 * it.points ? 'shift' : 'burst';
    },

    begin(time) {
      if (time !== undefined && Number.isNaN(it.since)) it.since = time;
    },

    heard(surprise, limit, time, above) {
      it.weary *= REST;
      // Beyond the limit by logarithm, so that the record of a wild value fades before the next fault.
      const told = surprise > limit ? limit * (1 + Math.log(surprise / limit)) : surprise;
      const repeated = told <= (it.record >= limit ? WORSE * it.record : it.record);
      const near = told > limit / 2;
      it.record = Math.max(it.record * FADE, near ? told : 0);
      if (told >= limit) {
        it.lasts = true;
        if (time !== undefined && Number.isNaN(it.since)) it.since = time;
      }
      if (it.lasts && near) {
        it.points++;
        if (above) it.aboveIt++;
      }
      it.quiet = near ? 0 : it.quiet + 1;
      if (it.quiet >= QUIET_POINTS) {
        it.lasts = false;
        it.since = Number.NaN;
        it.points = 0;
        it.aboveIt = 0;
      }
      if (repeated) return Math.min(told, 0.9 * limit);
      if (told > limit) it.weary += WEARY;
      return told;
    },
  };
}
