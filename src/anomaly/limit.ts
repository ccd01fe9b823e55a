// Limit: the surprise from which on a value of this series is an anomaly.
import { wearinessOf } from './episode.ts';
import { LEARNED } from './panel.ts';
import { plainness, wasPlain } from './plain.ts';
import { daysKnown } from './rhythm.ts';

// At one false alarm in 10,000 points, and how much more halves the alarms (by ln): measured on generated series
// (docs/anomaly.md).
const LIMIT = 9.65;
const PER_LN = 1.6;
// Of many alarms each raises the limit, and hides what is no worse: from 10 on it takes more, and more than 50 are not reached.
const MANY = 10;
const MOST = 50;
const PER_LN_OF_MANY = 2.6;
// Young series are judged more mildly: their tails rest on few points, and who has seen no two days knows no day.
const YOUNG_POINTS = 30;
const YOUNG_DAYS = 2;
const OF_YOUTH = 0.2;
/** What series of pure noise must do more; as they have no day, their youth ends with that, and no fault brings it back. */
const OF_PLAINNESS = 0.05;

/** For so many false alarms to be expected in 10,000 points. */
export function baseLimit(falseAlarms: number): number {
  const few = Math.min(falseAlarms, MANY);
  const beyond = Math.min(falseAlarms, MOST) / few;
  return LIMIT - PER_LN * Math.log(few) - PER_LN_OF_MANY * Math.log(Math.max(1, beyond));
}

/** `time`: of the point that is judged (ms, NaN: unknown). */
export function limitOf(cells: Float64Array, base: number, time: number): number {
  const youth = 1 - Math.min(1, daysKnown(cells, time) / YOUNG_DAYS);
  const plain = plainness(cells);
  const doubt = OF_YOUTH * youth * (1 - wasPlain(cells)) + OF_PLAINNESS * plain;
  return limitOfRuns(cells, base) * (1 + doubt);
}

/** For how long a state lasted, of which many were seen before one is judged. */
export const limitOfRuns = (cells: Float64Array, base: number): number =>
  base * (1 + YOUNG_POINTS / (cells[LEARNED]! + 1)) * wearinessOf(cells);

/** The score of a surprise. */
export const decision = (surprise: number, limit: number): number => {
  const ratio = (surprise / limit) ** 2;
  return 1 - (2 * ratio) / (1 + ratio);
};
