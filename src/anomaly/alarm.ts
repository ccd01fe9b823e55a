// Alarm: what an alert rule goes by. How grave a decision is, and one alarm for the whole of an episode, which does not flap.
import type { Severity } from '../reading/reading.ts';
import { ALARM, places } from './cells.ts';

export type AlarmOptions = {
  /** The least severity with which an alarm begins. */
  alarmFrom?: Severity;
  /** A value that scores above this counts as normal … */
  alarmLeave?: number;
  /** … and so many of them in a row end the alarm. */
  alarmNormal?: number;
};

// From which score down a decision is a warning, or critical. What is just beyond the limit is often chance; −0.3 is one and a
// half times the surprise of the limit, −0.65 about three times.
const WARNING = -0.3;
const CRITICAL = -0.65;

// HEARD: a decision was below 0, and the series has not been normal for long enough since. GRAVITY: of the last value.
// ON: the alarm. SINCE: of HEARD (ms, NaN: unknown). CALM: normal values in a row. WORST: lowest score of the episode; NAME:
// its kind (by number), or how the episode lasts, where that is known.
const [HEARD, GRAVITY, ON, SINCE, CALM, WORST, NAME] = places(ALARM);

export function severityOf(score: number): Severity | undefined {
  if (score >= 0) return undefined;
  return score > WARNING ? 'info' : score > CRITICAL ? 'warning' : 'critical';
}

const LEVELS: Readonly<Record<Severity, number>> = { info: 0, warning: WARNING, critical: CRITICAL };

export function endAlarm(cells: Float64Array): void {
  cells.fill(0, ALARM, NAME + 1);
}

/** Takes each decision in turn, given the settings. Kinds from `lasting` on tell how an episode lasts. */
export function alarming(options: AlarmOptions, lasting = Number.POSITIVE_INFINITY) {
  const { alarmFrom = 'info', alarmLeave = 0.5, alarmNormal = 5 } = options;
  const level = LEVELS[alarmFrom];
  /**
   * `score`: as it was reported; `gravity`: the score before anything was taken from it because it was told before;
   * `kind`: by number.
   */
  return (cells: Float64Array, score: number, gravity: number, kind: number, time: number): void => {
    cells[GRAVITY] = gravity;
    if (score < 0 && cells[HEARD] === 0) {
      cells[HEARD] = 1;
      cells[SINCE] = time;
    }
    if (cells[HEARD] === 0) return;
    if (kind >= lasting || (gravity < cells[WORST]! && cells[NAME]! < lasting)) cells[NAME] = kind;
    cells[WORST] = Math.min(cells[WORST]!, gravity);
    if (gravity < 0 && gravity <= level) cells[ON] = 1;
    cells[CALM] = gravity > alarmLeave ? cells[CALM]! + 1 : 0;
    if (cells[CALM]! >= alarmNormal) endAlarm(cells);
  };
}

/** How grave the last value was; undefined when it was no anomaly, neither for the first time nor as part of one that lasts. */
export const lastSeverity = (cells: Float64Array): Severity | undefined =>
  cells[HEARD] === 1 ? severityOf(cells[GRAVITY]!) : undefined;

/** When the episode began (ms, NaN: unknown); undefined while none lasts. */
export const heardSince = (cells: Float64Array): number | undefined => (cells[HEARD] === 1 ? cells[SINCE] : undefined);

/** The lowest score of the alarm that lasts, and the kind of it by number; undefined without one. */
export const worstOf = (cells: Float64Array): readonly [score: number, kind: number] | undefined =>
  cells[ON] === 1 ? [cells[WORST]!, cells[NAME]!] : undefined;
