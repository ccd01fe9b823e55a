// Score: one streaming judgement per point of a series, from its past alone: 1 is normal, below 0 is an anomaly.
import { isAccepted, MEAN } from './accepted.ts';
import type { Severity } from '../reading/reading.ts';
import { type AlarmOptions, alarming, endAlarm, heardSince, lastSeverity, severityOf, worstOf } from './alarm.ts';
import { emptyBlock, type Known, places, SCORE, SLOT, SLOTS, VALUE } from './cells.ts';
import { type Role, roleOf } from './codes.ts';
import { beginCounter, isCounter, WATCHED, watch } from './counter.ts';
import { beginEpisodes, heard, mannerOf, sinceOf, toldOf } from './episode.ts';
import { baseLimit, decision, limitOf, limitOfRuns } from './limit.ts';
import {
  beginPanel,
  endBeyond,
  forecastOf,
  hearValueAlone,
  isAbove,
  judge,
  kindOf,
  LEARNED,
  meanAt,
  MIDDLE,
  outlook,
  surpriseAlone,
  tellOfValue,
  TOTAL,
} from './panel.ts';
import { learnJudged } from './returned.ts';
import { nearBySteps } from './steps.ts';
import { tame, wasFirstWild } from './wild.ts';
import { beginWeek, lookBack, onceBefore, rememberSurprise } from './week.ts';
import { beginRhythm, gapBefore, secondsBefore, silentSince, type Unheard } from './rhythm.ts';
import { beginStillness, standingSince, stillness } from './stillness.ts';
import { beginRuns, breakRun, endedSince, endedValue, endOfRun } from './runs.ts';

const KINDS = [
  ...['learning', 'normal', 'reset', 'guarded', 'stuck', 'gap', 'spike', 'dip'],
  ...['jump', 'season', 'range', 'drift', 'pulse', 'shift', 'burst'],
] as const;
export type Kind = (typeof KINDS)[number];

export type Scored = {
  /** 1 normal, 0 at the limit, towards −1 the more surprising. Always finite. */
  score: number;
  kind: Kind;
  /** Forecast, and the values that would have passed; absent while learning. For a counter: of its rate per second. */
  expected?: number;
  band?: readonly [low: number, high: number];
  /** What the band is of, where it is not the value: of a counter its rate, where the last 24 values alarmed their mean. */
  judged?: number;
  isMean?: true;
  /** Milliseconds since the epoch at which the episode, the silence or the standing still began, while it lasts. */
  since?: number;
  /** How grave the value is, be it reported or part of what was; absent when it is neither. */
  severity?: Severity;
  /** While the series is in alarm: the worst of the episode, and since when (ms), where times are known. */
  alarm?: { severity: Severity; kind: Kind; since?: number };
};

/** Which values may be anomalies: above what is expected, below it, or both. */
export type Direction = 'both' | 'up' | 'down';

export type ScoreOptions = AlarmOptions & {
  /** False alarms to be expected in 10,000 points of steady noise. */
  falseAlarms?: number;
  direction?: Direction;
  /** A value so near to the expected one is never an anomaly, in units of the value … */
  nearUnits?: number;
  /** … or in percent of the expected one. */
  nearPercent?: number;
};

/** Scores any number of series, each with a memory of its own (`begin`). */
export type Scoring = {
  /**
   * Scores a finite value and learns it. `time` in ms since the epoch; it may be unknown (NaN), repeat, go back or run
   * ahead. `unheard`: pauses in which nobody listened are no gaps. Allocates nothing.
   */
  score(series: Known, time: number, value: number, unheard?: Unheard): number;
  /** A value while nobody wants to hear (maintenance): neither judged nor learned; no gap, no rate comes of it. */
  pass(series: Known, time: number, value: number): void;
};

/** Points before the first judgement. */
const LEARNING = 64;
const STUCK_SCORE = -0.25;
const RARE_CODE_SCORE = -0.5;
const HALF_HOUR = 1_800_000;
// Squares of it stay finite; no sensor gives more.
const LARGEST = 1e140;

// What was last said: SCORED, KIND (by its place), the limit of the models (0 where they were not asked), the watched value.
// STUCK: the value stands still. GRAVITY: the score before anything was taken from it because
// it was told before.
const [SCORED, KIND, JUDGED_BY, WATCH, STUCK, GRAVITY] = places(SCORE);

const bounded = (value: number): number => Math.min(LARGEST, Math.max(-LARGEST, value));

/** How far from the expected value nothing is an anomaly. */
const nearness = (expected: number, { nearUnits = 0, nearPercent = 0 }: ScoreOptions): number =>
  Math.max(nearUnits, (nearPercent / 100) * Math.abs(expected));

/** Score of what is so many times too long. */
const overdue = (times: number): number => -0.1 - 0.8 * (1 - 1 / times);

/** A series that has seen nothing. */
export function begin(): Known {
  const known = emptyBlock();
  beginRhythm(known.cells);
  beginStillness(known.cells);
  beginCounter(known.cells);
  startOver(known);
  return known;
}

function startOver(known: Known): void {
  beginPanel(known);
  beginEpisodes(known.cells);
  beginRuns(known.cells);
  beginWeek(known);
  endAlarm(known.cells);
}

function say(cells: Float64Array, score: number, kind: Kind): void {
  cells[SCORED] = score;
  cells[KIND] = KINDS.indexOf(kind);
}

export function scoring(options: ScoreOptions = {}): Scoring {
  const { falseAlarms = 1, direction = 'both' } = options;
  const base = baseLimit(falseAlarms);
  const track = alarming(options, KINDS.indexOf('shift'));

  /** Most values surprise nobody: then steps are not looked at, which is dear. */
  const reach = (cells: Float64Array, mean?: typeof MEAN): number =>
    Math.max(nearness(forecastOf(cells), options), cells[TOTAL]! > base / 2 ? nearBySteps(cells, mean) : 0);
  const isWithin = (cells: Float64Array, value: number, mean?: typeof MEAN): boolean =>
    Math.abs(value - forecastOf(cells)) <= reach(cells, mean) || isAccepted(cells, value, mean);

  /** Whether it is to be ignored, for its value or, where that is not odd by itself, for the mean that it moved. */
  const isNear = (cells: Float64Array, limit: number): boolean => {
    if (isWithin(cells, cells[VALUE]!)) return true;
    const mean = meanAt(cells, limit);
    if (mean === undefined || !isWithin(cells, mean, MEAN)) return false;
    if (surpriseAlone(cells) <= limit) return true;
    // The value is odd all the same: then it is what is told of.
    hearValueAlone(cells);
    return isWithin(cells, cells[VALUE]!);
  };

  /** Whether a person called it normal: then it is part of what was, however it goes on. */
  const isTaken = (cells: Float64Array, limit: number): boolean =>
    isAccepted(cells, cells[VALUE]!) || isAccepted(cells, meanAt(cells, limit) ?? Number.NaN, MEAN);

  /** What the models say of the value in VALUE. */
  const ask = (known: Known, time: number): void => {
    const { cells } = known;
    const limit = limitOf(cells, base, time);
    const near = isNear(cells, limit);
    const above = isAbove(cells);
    const unwanted = near ? isTaken(cells, limit) : direction !== 'both' && above !== (direction === 'up');
    lookBack(known, time);
    const side = unwanted ? 'unwanted' : near ? 'near' : above ? 'above' : 'below';
    // A person sees a value that is odd by itself, not the mean that it moved, if on the same side.
    const isOdd = meanAt(cells, limit) !== undefined && surpriseAlone(cells) > limit;
    if (isOdd && cells[VALUE]! > cells[MIDDLE]! === above) tellOfValue(cells);
    const kind = kindOf(cells);
    // What follows a wild value is not itself off only because the mean of the last 24 still is.
    const isOff = surpriseAlone(cells) > limit / 2;
    const surprise = heard(cells, cells[TOTAL]!, limit, time, side, endBeyond(cells, limit), isOff);
    rememberSurprise(cells, toldOf(cells));
    const outlying = kind === 'outlier' ? (above ? 'spike' : 'dip') : kind;
    const manner = isOff ? mannerOf(cells) : undefined;
    say(cells, decision(surprise, limit), surprise > limit / 2 ? (manner ?? outlying) : 'normal');
    cells[JUDGED_BY] = limit;
    cells[GRAVITY] = unwanted || near ? 1 : decision(toldOf(cells), limit);
  };

  /** Of two states one was left too soon, which shows when it is: said once, unless the values themselves were alarmed. */
  const judgeRun = (cells: Float64Array, time: number): void => {
    const value = cells[VALUE]!;
    const surprise = endOfRun(cells, time, value);
    if (surprise === 0) return;
    const score = decision(surprise, limitOfRuns(cells, base));
    const was = endedValue(cells);
    const unwanted = direction !== 'both' && was > value !== (direction === 'up');
    if (score >= 0 || unwanted || Math.abs(was - value) <= nearness(value, options) || isAccepted(cells, was)) return;
    say(cells, heardSince(cells) === undefined ? Math.min(cells[SCORED]!, score) : cells[SCORED]!, 'pulse');
    cells[GRAVITY] = Math.min(cells[GRAVITY]!, score);
  };

  /** Judges the watched value, then it is learned. */
  const judgeWatched = (known: Known, time: number, role: Role): void => {
    const { cells } = known;
    const value = cells[WATCHED]!;
    cells[WATCH] = value;
    cells[VALUE] = value;
    cells[SLOT] = Number.isNaN(time) ? -1 : Math.floor(time / HALF_HOUR) % SLOTS;
    judge(cells);
    if (cells[LEARNED]! < LEARNING) say(cells, 1, 'learning');
    else if (role === 'size') ask(known, time);
    else say(cells, 1, 'normal');
    if (role === 'rare' && !isAccepted(cells, value)) {
      say(cells, RARE_CODE_SCORE, 'range');
      cells[GRAVITY] = RARE_CODE_SCORE;
    }
    if (tame(cells, onceBefore(cells) <= cells[JUDGED_BY]!)) learnJudged(known, cells[SCORED]! < 0);
    if (wasFirstWild(cells)) startOver(known);
    judgeRun(cells, time);
  };

  return {
    score(known, time, given, unheard) {
      const { cells } = known;
      const value = bounded(given);
      const pause = gapBefore(cells, time, unheard);
      if (pause > 1) breakRun(cells);
      const role = roleOf(cells, value);
      const still = stillness(cells, time, value);
      const standing = still >= 1;
      const watched = watch(cells, secondsBefore(cells, time), value);
      cells[JUDGED_BY] = 0;
      cells[GRAVITY] = 1;
      // A counter that begins anew or a late reading of one is no sign of anything.
      if (watched === 'changed') startOver(known);
      if (watched === 'size') judgeWatched(known, time, role);
      else if (cells[LEARNED]! < LEARNING) say(cells, 1, 'learning');
      else say(cells, 1, watched === 'reset' ? 'reset' : 'normal');
      const kind = KINDS[cells[KIND]!];
      if (kind === 'learning') return 1;
      if (standing) {
        say(cells, cells[STUCK] === 1 ? cells[SCORED]! : Math.min(cells[SCORED]!, STUCK_SCORE), 'stuck');
        cells[GRAVITY] = Math.min(cells[GRAVITY]!, overdue(still));
      }
      cells[STUCK] = standing ? 1 : 0;
      if (pause > 1) {
        say(cells, Math.min(cells[SCORED]!, overdue(pause)), 'gap');
        cells[GRAVITY] = Math.min(cells[GRAVITY]!, cells[SCORED]!);
      }
      track(cells, cells[SCORED]!, cells[GRAVITY]!, cells[KIND]!, time);
      return cells[SCORED]!;
    },

    pass(known, time, given) {
      const { cells } = known;
      gapBefore(cells, time);
      if (watch(cells, secondsBefore(cells, time), bounded(given)) === 'changed') startOver(known);
      breakRun(cells);
      cells[JUDGED_BY] = 0;
      say(cells, 1, 'guarded');
      endAlarm(cells);
    },
  };
}

/** What was last said of a series, with its reasons; `options`: those it was scored with. */
export function explain({ cells }: Known, options: ScoreOptions): Scored {
  const scored: Scored = { score: cells[SCORED]!, kind: KINDS[cells[KIND]!]! };
  const limit = cells[JUDGED_BY]!;
  if (limit > 0) {
    const [low, high, expected] = outlook(cells, limit);
    const mean = meanAt(cells, limit);
    const near = Math.max(nearness(expected, options), nearBySteps(cells, mean === undefined ? undefined : MEAN));
    // A counter does not run backwards, whatever a forecast of its rate makes of it. The side nobody asked for passes.
    const least = isCounter(cells) && high > 0 ? 0 : -LARGEST;
    scored.expected = Math.max(least, expected);
    const [from, to] = [Math.min(low, expected - near), Math.max(high, expected + near)];
    const { direction } = options;
    scored.band = [direction === 'up' ? least : Math.max(least, from), direction === 'down' ? LARGEST : bounded(to)];
    if (mean !== undefined) scored.isMean = true;
    if (mean !== undefined || isCounter(cells)) scored.judged = mean ?? cells[WATCHED]!;
  }
  const since = beganOf(cells, scored.kind);
  if (isTime(since)) scored.since = since;
  const severity = lastSeverity(cells);
  if (severity !== undefined) scored.severity = severity;
  const alarm = alarmOf(cells);
  if (alarm !== undefined) scored.alarm = alarm;
  return scored;
}

function beganOf(cells: Float64Array, kind: Kind): number | undefined {
  if (kind === 'learning' || kind === 'guarded') return undefined;
  if (kind === 'gap') return silentSince(cells);
  if (kind === 'pulse') return endedSince(cells);
  return kind === 'stuck' ? standingSince(cells) : sinceOf(cells);
}

const isTime = (time: number | undefined): time is number => time !== undefined && !Number.isNaN(time);

/** The alarm a series is in. */
export function alarmOf(cells: Float64Array): Scored['alarm'] {
  const worst = worstOf(cells);
  if (worst === undefined) return undefined;
  const [score, kind] = worst;
  const told = { severity: severityOf(score) ?? 'info', kind: KINDS[kind]! };
  const since = heardSince(cells);
  return isTime(since) ? { ...told, since } : told;
}
