// Trial: what settings would have said of values that are already there, to be looked at before they are used.
import { rhythmOf } from './device.ts';
import { begin, explain, type Scored, type ScoreOptions, scoring, watchedOf } from './score.ts';
import { why } from './why.ts';

/** `time` in ms since the epoch. */
export type Point = { readonly time: number; readonly value: number };
/** `watched`: what was judged of the value; `why`: the reason in words, of an anomaly. */
export type Told = Point &
  Pick<Scored, 'score' | 'kind' | 'expected' | 'band' | 'severity'> & {
    readonly watched: number;
    readonly why?: string;
  };

export type Trial = {
  /** The series is a counter: rates per second were judged. */
  readonly isRate: boolean;
  /** The last points, in order; of a counter those since it was known to be one. */
  readonly shown: readonly Told[];
  /** The last anomalies, newest first. */
  readonly anomalies: readonly Told[];
  readonly scored: number;
  /** Of these the first, which only taught. */
  readonly learning: number;
  /** Anomalies of all points. */
  readonly found: number;
  /** Points a day: what comes in bursts, or not at night, has fewer than its usual pause would make. */
  readonly pointsADay: number;
  readonly days: number;
};

const ANOMALIES = 20;
const DAY = 86_400_000;
const MANY = 10;

/** Scores points in order from their own past alone, as a node with these options would have. */
export function trial(points: readonly Point[], metric: string, options: ScoreOptions, shown: number): Trial {
  const { score } = scoring(options);
  const series = begin();
  let isRate = false;
  let sameSince = 0;
  const told = points.map(({ time, value }, at): Told => {
    score(series, rhythmOf(metric, time), value);
    const watched = watchedOf(series);
    if (watched.isRate !== isRate) sameSince = at + 1;
    isRate = watched.isRate;
    const said = explain(series, options);
    const { score: scored, kind, expected, band, severity } = said;
    const reason = scored < 0 ? { why: why(series, said, metric, value) } : {};
    return { time, value, watched: watched.value, score: scored, kind, expected, band, severity, ...reason };
  });
  const anomalies = told.filter(({ score: scored }) => scored < 0);
  return {
    isRate,
    shown: told.slice(Math.max(sameSince, told.length - shown)),
    anomalies: anomalies.slice(-ANOMALIES).reverse(),
    scored: points.length,
    learning: told.filter(({ kind }) => kind === 'learning').length,
    found: anomalies.length,
    pointsADay: pointsADay(points),
    days: points.length < 2 ? 0 : (points.at(-1)!.time - points[0]!.time) / DAY,
  };
}

function pointsADay(points: readonly Point[]): number {
  const pauses = points.slice(1).map(({ time }, at) => time - points[at]!.time);
  const usual = pauses.sort((one, other) => one - other)[pauses.length >> 1] ?? 0;
  // A month without values tells nothing of the days with some.
  const most = Math.max(DAY, MANY * usual);
  const all = pauses.reduce((sum, pause) => sum + Math.min(pause, most), 0);
  return all > 0 ? (DAY * pauses.length) / all : 0;
}
