// Trial: what settings would have said of values that are already there, to be looked at before they are used.
import { setImmediate as breath } from 'node:timers/promises';
import type { Severity } from '../reading/reading.ts';
import { isWatched, watchedOf } from './counter.ts';
import { rhythmOf } from './device.ts';
import type { Unheard } from './rhythm.ts';
import { alarmOf, begin, explain, type Scored, type ScoreOptions, scoring } from './score.ts';
import { isSlow, SECONDS_AN_HOUR, UNKNOWN, why } from './why.ts';

/** `time` in ms since the epoch; `guarded`: of maintenance, which is neither judged nor learned. */
export type Point = { readonly time: number; readonly value: number; readonly guarded?: boolean };
/**
 * `at`: its place among all. `watched`: what was judged of the value, undefined of a counter that began anew; of a counter it, `expected` and `band` are by the
 * second or hour (`Trial.per`). `why`: the reason in words, of an anomaly. `alarm`: of the series, while it is in one.
 */
export type Told = Point &
  Pick<Scored, 'score' | 'kind' | 'expected' | 'band' | 'severity'> & {
    readonly at: number;
    readonly watched?: number | undefined;
    readonly why?: string | undefined;
    readonly alarm?: Severity | undefined;
  };

export type Trial = {
  /** The series is a counter: its rises were judged, told by the second or hour as the sentences do. */
  readonly per?: 's' | 'h';
  /** The last points, in order; of a counter those since it was known to be one. */
  readonly shown: readonly Told[];
  /** The last anomalies, newest first. */
  readonly anomalies: readonly Told[];
  readonly scored: number;
  /** Of these the first, which only taught. */
  readonly learning: number;
  /** Anomalies of all points, and alarms. */
  readonly found: number;
  readonly alarms: number;
  /** Points a day: what comes in bursts, or not at night, has fewer than its usual pause would make. */
  readonly pointsADay: number;
  readonly days: number;
};

/** `unit`: of a metric outside the vocabulary, where it is known. `unheard`: when nobody listened. */
export type TrialOptions = ScoreOptions & {
  readonly unit?: string | undefined;
  readonly unheard?: Unheard | undefined;
};

/** Values that a trial goes through, for dialog and dashboard to say the same. */
export const TRIED = 5000;
const ANOMALIES = 20;
const DAY = 86_400_000;
const MANY = 10;
const AT_ONCE = 500;

/** Scores points in order from their own past alone, as a node with these options would have. Others get their turn in between. */
export async function trial(
  points: readonly Point[],
  metric: string,
  options: TrialOptions,
  shown: number,
): Promise<Trial> {
  const { score, pass } = scoring(options);
  const { unit, unheard } = options;
  const series = begin();
  const told: Told[] = [];
  let isRate = false;
  let sameSince = 0;
  let alarms = 0;
  let isAlarm = false;
  let learning = 0;
  for (const [at, { time, value, guarded = false }] of points.entries()) {
    if (at % AT_ONCE === AT_ONCE - 1) await breath();
    const when = rhythmOf(metric, time);
    if (guarded) pass(series, when, value);
    const scored = guarded ? 1 : score(series, when, value, unheard);
    const watched = watchedOf(series);
    if (watched.isRate !== isRate) sameSince = at + 1;
    isRate = watched.isRate;
    const alarm = alarmOf(series.cells);
    if (alarm !== undefined && !isAlarm) alarms++;
    isAlarm = alarm !== undefined;
    const isShown = at >= points.length - shown;
    // The band is dear.
    if (!isShown && scored >= 0 && scored !== 1) continue;
    const said = explain(series, options);
    const { kind, expected, band, severity } = said;
    if (kind === 'learning') learning++;
    if (!isShown && scored >= 0) continue;
    const reason = scored < 0 ? why(series, said, metric, value, unit) : undefined;
    const judged = isWatched(series.cells) ? watched.value : undefined;
    told.push({
      at,
      time,
      value,
      watched: judged,
      score: scored,
      kind,
      expected,
      band,
      severity,
      alarm: alarm?.severity,
      why: reason,
    });
  }
  const anomalies = told.filter(({ score: scored }) => scored < 0);
  const last = told.filter(({ at }) => at >= Math.max(sameSince, points.length - shown));
  const isHourly = isRate && 2 * last.filter(one => isSlow(one, one.watched ?? 0)).length > last.length;
  return {
    ...(isRate ? { per: isHourly ? 'h' : 's' } : {}),
    shown: isHourly ? last.map(byTheHour) : last,
    anomalies: anomalies.slice(-ANOMALIES).reverse(),
    scored: points.length,
    learning,
    found: anomalies.length,
    alarms,
    pointsADay: pointsADay(points),
    days: points.length < 2 ? 0 : (points.at(-1)!.time - points[0]!.time) / DAY,
  };
}

function byTheHour({ watched, expected, band, ...told }: Told): Told {
  const rise = (one: number) => (Math.abs(one) < UNKNOWN ? SECONDS_AN_HOUR * one : one);
  return {
    ...told,
    watched: watched === undefined ? watched : rise(watched),
    expected: expected === undefined ? expected : rise(expected),
    band: band === undefined ? band : [rise(band[0]), rise(band[1])],
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
