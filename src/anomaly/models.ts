// Models: what a series usually does, seen five ways (one of them in `follow.ts`); each forecasts the next value from the
// past alone. A model looks at the point in VALUE and SLOT and leaves its opinion of it in cells of its own.
import * as at from './cells.ts';

export type Model = {
  /** Where its opinion stands. */
  readonly opinion: number;
  /** Whether it has seen enough for its opinion to count; always, where this is not asked. */
  isTrusted?(cells: Float64Array): boolean;
  /** Looks at a value before it is learned. */
  judge(cells: Float64Array): void;
  /** Learns the value last judged. */
  learn(cells: Float64Array): void;
};

const { VALUE, SLOT } = at;

/** Cells of an opinion: the forecast, the size of a usual deviation from it, and ln of the deviation in such sizes, NaN without a forecast. */
export const [EXPECTED, SCALE, LN] = [0, 1, 2];

// A series that never moved has no scale; the least one is a billionth of its level. A series that stands still every night
// has one all the same: a hundredth of its long-run scale.
export const least = (level: number): number => 1e-9 * Math.abs(level) + 1e-12;

/** Says how far `value` is from the forecast, or that there is none yet. */
export function deviate(cells: Float64Array, opinion: number, value: number, known: boolean): void {
  const deviation = Math.abs(value - cells[opinion + EXPECTED]!) / cells[opinion + SCALE]!;
  cells[opinion + LN] = known ? Math.log(deviation) : Number.NaN;
}

const LONG = at.opinionOf(1);
export const LONG_EXPECTED = LONG + EXPECTED;
export const LONG_SCALE = LONG + SCALE;
const [LONG_VARIANCE, LONG_COUNT] = at.places(at.OUTLIER);
// Of a deviation from the mean only so many scales are learned: a fault that ends leaves mean and scale where they were. But a
// series that stood still has no scale, and would never come to a new level: so large a part of a deviation is learned at least.
const MOST_DEVIATION = 1.5;
const LEAST_PART = 0.01;
const TRUSTED_AFTER = 500;

/** Far from the mean of about the last 500 values. */
export const outlier: Model = {
  opinion: LONG,
  judge(cells) {
    cells[LONG_SCALE] = Math.sqrt(cells[LONG_VARIANCE]!) + least(cells[LONG_EXPECTED]!);
    deviate(cells, LONG, cells[VALUE]!, cells[LONG_COUNT]! >= 2);
  },
  learn(cells) {
    const count = ++cells[LONG_COUNT]!;
    const weight = Math.max(1 / count, 1 / 500);
    const off = cells[VALUE]! - cells[LONG_EXPECTED]!;
    const most = Math.max(MOST_DEVIATION * cells[LONG_SCALE]!, LEAST_PART * Math.abs(off));
    const deviation = count > TRUSTED_AFTER ? within(most, off) : off;
    cells[LONG_EXPECTED]! += weight * deviation;
    cells[LONG_VARIANCE] = (1 - weight) * (cells[LONG_VARIANCE]! + weight * deviation * deviation);
  },
};

const DRIFT = at.opinionOf(at.MEANS);
const DRIFT_EXPECTED = DRIFT + EXPECTED;
const SPAN = at.DRIFT_SPAN;
/** Of a deviation of means so many scales are learned: a drift is not its own yardstick. */
const MOST_OF_A_MEAN = 2;
const RING = at.DRIFT_RING;
/** RECENT: the mean of the last 24 values, the one last judged included. */
export const [RECENT, SUM, DRIFT_COUNT, DRIFT_VARIANCE] = at.places(at.DRIFT);

/** The mean of the last 24 values is far from the long-run mean. */
export const drift: Model = {
  opinion: DRIFT,
  judge(cells) {
    const count = cells[DRIFT_COUNT]!;
    const leaving = count >= SPAN ? cells[RING + (count % SPAN)]! : 0;
    cells[DRIFT_EXPECTED] = cells[LONG_EXPECTED]!;
    cells[DRIFT + SCALE] = Math.sqrt(cells[DRIFT_VARIANCE]!) + 0.05 * cells[LONG_SCALE]!;
    cells[RECENT] = (cells[SUM]! - leaving + cells[VALUE]!) / Math.min(count + 1, SPAN);
    deviate(cells, DRIFT, cells[RECENT]!, count >= 2);
  },
  learn(cells) {
    const place = cells[DRIFT_COUNT]! % SPAN;
    if (cells[DRIFT_COUNT]! >= SPAN) cells[SUM]! -= cells[RING + place]!;
    cells[RING + place] = cells[VALUE]!;
    cells[SUM]! += cells[VALUE]!;
    // Summed afresh once a round, so that rounding does not add up.
    if (place === SPAN - 1) {
      cells[SUM] = 0;
      for (let one = 0; one < SPAN; one++) cells[SUM]! += cells[RING + one]!;
    }
    const count = ++cells[DRIFT_COUNT]!;
    const off = cells[SUM]! / Math.min(count, SPAN) - cells[DRIFT_EXPECTED]!;
    const deviation = count > TRUSTED_AFTER ? within(MOST_OF_A_MEAN * cells[DRIFT + SCALE]!, off) : off;
    cells[DRIFT_VARIANCE]! += Math.max(1 / count, 1 / 500) * (deviation * deviation - cells[DRIFT_VARIANCE]!);
  },
};

/** How far that mean is off without the value that moved it most; below 0, it would be off to the other side. */
export function offWithoutFarthest(cells: Float64Array): number {
  const mean = cells[LONG_EXPECTED]!;
  const off = cells[RECENT]! - mean;
  const side = Math.sign(off);
  const leaving = cells[DRIFT_COUNT]! % SPAN;
  let most = side * (cells[VALUE]! - mean);
  for (let one = 0; one < SPAN; one++) if (one !== leaving) most = Math.max(most, side * (cells[RING + one]! - mean));
  return Math.abs(off) - most / SPAN;
}

const JUMP = at.opinionOf(0);
const JUMP_EXPECTED = JUMP + EXPECTED;
const HABIT = at.HABIT;
const [LEVEL, JUMP_USUAL, JUMP_COUNT] = at.places(at.JUMP);
// Of a deviation from a habit, or from what other days brought, only so many usual ones are learned: a fault must not come
// back a day later as the forecast.
const MOST_OF_A_DAY = 3;

const within = (most: number, deviation: number): number => Math.min(most, Math.max(-most, deviation));

/** Far from a quickly following level plus the habit of the time of day (additive Holt-Winters without trend). */
export const jump: Model = {
  opinion: JUMP,
  judge(cells) {
    if (cells[JUMP_COUNT] === 0) cells[LEVEL] = cells[VALUE]!;
    const slot = cells[SLOT]!;
    cells[JUMP_EXPECTED] = cells[LEVEL]! + (slot < 0 ? 0 : cells[HABIT + slot]!);
    cells[JUMP + SCALE] = cells[JUMP_USUAL]! + 0.01 * cells[LONG_SCALE]! + least(cells[LEVEL]!);
    deviate(cells, JUMP, cells[VALUE]!, cells[JUMP_COUNT]! >= 2);
  },
  learn(cells) {
    const deviation = cells[VALUE]! - cells[JUMP_EXPECTED]!;
    const slot = cells[SLOT]!;
    const count = ++cells[JUMP_COUNT]!;
    cells[LEVEL]! += 0.1 * deviation;
    cells[JUMP_USUAL]! += Math.max(1 / count, 1 / 200) * (Math.abs(deviation) - cells[JUMP_USUAL]!);
    if (slot >= 0) cells[HABIT + slot]! += 0.18 * within(MOST_OF_A_DAY * cells[JUMP + SCALE]!, deviation);
  },
};

const SEASON = at.opinionOf(3);
const SEASON_EXPECTED = SEASON + EXPECTED;
// TODAY: the half hour that lasts, TODAY_SUM and TODAY_VALUES of what it brought. KNOWN: values that had a forecast; COMPARED:
// half hours that had one.
const [SEASON_USUAL, TODAY, TODAY_SUM, TODAY_VALUES, KNOWN, COMPARED] = at.places(at.SEASON);
const [MEANS, DAYS] = [at.SEASON_MEANS, at.SEASON_DAYS];
/** Weight of the last day in the mean of a half hour, once there are more days. */
const OF_A_DAY = 0.25;
/** Two days must have been compared over so many half hours before what one of them brought tells of the other. */
const COMPARED_ENOUGH = 24;

/** Far from what the same half hour brought on other days. */
export const season: Model = {
  opinion: SEASON,
  isTrusted: cells => cells[COMPARED]! >= COMPARED_ENOUGH,
  judge(cells) {
    const slot = cells[SLOT]!;
    if (slot < 0 || cells[DAYS + slot] === 0) {
      cells[SEASON + LN] = Number.NaN;
      return;
    }
    cells[SEASON_EXPECTED] = cells[MEANS + slot]!;
    cells[SEASON + SCALE] = cells[SEASON_USUAL]! + 0.01 * cells[LONG_SCALE]! + least(cells[SEASON_EXPECTED]!);
    deviate(cells, SEASON, cells[VALUE]!, cells[KNOWN]! >= 8);
  },
  learn(cells) {
    const slot = cells[SLOT]!;
    if (slot < 0) return;
    if (slot !== cells[TODAY]) endHalfHour(cells, slot);
    cells[TODAY_VALUES]!++;
    const mean = cells[MEANS + slot]!;
    const deviation = cells[VALUE]! - mean;
    const isJudged = cells[DAYS + slot]! > 0;
    const isTamed = isJudged && cells[KNOWN]! >= COMPARED_ENOUGH;
    cells[TODAY_SUM]! += mean + (isTamed ? within(MOST_OF_A_DAY * cells[SEASON + SCALE]!, deviation) : deviation);
    if (isJudged)
      cells[SEASON_USUAL]! += Math.max(1 / ++cells[KNOWN]!, 1 / 200) * (Math.abs(deviation) - cells[SEASON_USUAL]!);
  },
};

/** What the half hour that has passed brought today becomes one day of its mean. */
function endHalfHour(cells: Float64Array, next: number): void {
  const slot = cells[TODAY]!;
  if (cells[TODAY_VALUES]! > 0) {
    const days = ++cells[DAYS + slot]!;
    if (days > 1) cells[COMPARED]!++;
    const today = cells[TODAY_SUM]! / cells[TODAY_VALUES]!;
    cells[MEANS + slot]! += Math.max(1 / days, OF_A_DAY) * (today - cells[MEANS + slot]!);
  }
  cells[TODAY] = next;
  cells[TODAY_SUM] = 0;
  cells[TODAY_VALUES] = 0;
}
