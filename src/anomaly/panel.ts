// Panel: every model's opinion of a value, each measured by its own history, and what they say together.
import * as at from './cells.ts';
import { errorAt, errorLimit, isNews, learnError, mostSurprising } from './errors.ts';
import { beginFollow, follow, followError } from './follow.ts';
import { GRID, grainOf, rarePulse } from './grain.ts';
import { HIGH_MEAN, learnMean, OF_MEANS, surpriseByRange, surpriseByTail } from './means.ts';
import { drift, EXPECTED, jump, LN, LONG_EXPECTED, LONG_SCALE, outlier, RECENT, SCALE, season } from './models.ts';
import { learnPlainness, plainness } from './plain.ts';
import { beginSide, boundAt, isSharp, learnExtreme, limitOf, type Reach, surpriseBeyond } from './range.ts';
import { BEND, beginTail, deviationAt, FLOOR, GROWN, learnDeviation, MOST, SLOPE, surpriseOf } from './tail.ts';

// Models that agree add to each other: this share of what they have beyond a first doubt, and beyond what they have in
// this series as a rule (in plain noise all models see the same deviation, which is no news), measured where one is alert and
// none is far beyond that: a fault is no rule. In pure noise they agree as a rule, of which so much is left out.
const AGREEMENT = 0.2;
const DOUBT = 6;
const SHARED = 1.2;
const OF_PLAINNESS = 0.5;
const ALERT = 3;
const BEYOND_ALERT = 7;
const ALERT_RATE = 0.02;
// A value so surprising is a fault, of which tails and ranges learn nothing, so that the next one is found as well: but only
// one in so many values, and so many in a row. What comes more often is the manner of the series.
const FAULT = 12;
const BETWEEN_FAULTS = 500;
const MOST_FAULTS = 3;
// Values so many points apart are extremes of their own.
const APART = 24;
// A tail begins to learn when its model has settled a little; a mean of 24 values is one from then on.
const TAILS_FROM = 8;
const MEANS_FROM = 25;
/** In the order of their opinions and tails. */
const models = [jump, outlier, drift, season, follow];
const [BY_VALUES, BY_MEANS] = [at.MODELS, at.MODELS + 1];
const [HIGH, LOW] = [0, 1];
// A range of values knows their distances from each other, not from a mean: a machine that is on or off has no value near
// its mean.
const OF_VALUES: Reach = { trust: 1, usual: 0.03, least: 0.003, exponent: 5, growing: true, smallest: grainOrTail };
/** A tail that bends less is heavy: exponential ones and heavier. */
const HEAVY = 0.25;
/** What counts of a step beyond a range that ends sharply. */
const OF_LAST_STEP = 1 / 6;
/** Ten extremes of a heavy tail hardly ever tell a size that is so many times too small. */
const MISTOLD = 4;
const SURPRISE = LN + 1;
const [JUMPS, OUTLIERS, SEASONS, FOLLOWS] = [jump, outlier, season, follow].map(
  ({ opinion }) => opinion + SURPRISE,
) as [number, number, number, number];
/** An opinion that is so strong, or of so large a share of the strongest, is part of the name. */
const [NAMED, NAMED_SHARE] = [10, 0.5];

/** LEARNED: values. TOTAL: how surprised the panel was of the last one as a whole (−ln of a chance, about). BEYOND: by its lying beyond the range alone. GRAIN: the least step between two values so far. BEFORE: the last value. SPARE: how many faults may be left unlearned. */
export const [LEARNED, TOTAL, STRONGEST, MIDDLE, USUAL, BEYOND, GRAIN, BEFORE, SPARE] = at.places(at.PANEL);
// What the strongest opinion rests on: whose it is, its forecast and scale, and the cells of its tail and of its errors, of a
// range both sides'.
const [BY, FORECAST, SIZE, SHAPE] = at.places(at.EVIDENCE);
const OTHER_SHAPE = SHAPE + 3;

export function beginPanel({ cells, bins, pending }: at.Known): void {
  cells.fill(0, at.PANEL, at.DRIFT_RING + at.DRIFT_SPAN);
  cells.fill(0, at.HABIT);
  bins.fill(0);
  pending.fill(0);
  for (let model = 0; model < at.MODELS; model++) beginTail(cells, model);
  for (let side = 0; side < at.SIDES; side++) beginSide(cells, side);
  beginFollow(cells);
  cells[GRAIN] = Number.POSITIVE_INFINITY;
  cells[BEFORE] = Number.NaN;
}

const isOfMeans = (cells: Float64Array): boolean => cells[BY] === at.MEANS || cells[BY] === BY_MEANS;
const abruptness = (cells: Float64Array): number => Math.max(cells[JUMPS]!, cells[FOLLOWS]!);

/** How surprising the value last judged is by itself, whatever those before it add up to. */
export const surpriseAlone = (cells: Float64Array): number =>
  Math.max(abruptness(cells), cells[OUTLIERS]!, cells[SEASONS]!, cells[BEYOND]!);

/**
 * What the value last judged is. `outlier`: came at once and is no usual value; `range`: is no value ever seen, and was
 * come near to before; `jump`: came at once, a usual value otherwise; `season`: is neither; `drift`: the last 24 together.
 */
export function kindOf(cells: Float64Array): 'outlier' | 'range' | 'jump' | 'season' | 'drift' {
  if (isOfMeans(cells)) return 'drift';
  const enough = Math.min(NAMED, NAMED_SHARE * cells[STRONGEST]!);
  const isAbrupt = abruptness(cells) >= enough;
  if (Math.max(cells[OUTLIERS]!, cells[BEYOND]!) >= enough)
    return isAbrupt || cells[BEYOND] === 0 ? 'outlier' : 'range';
  return isAbrupt ? 'jump' : 'season';
}
/** The forecast of the strongest opinion. */
export const forecastOf = (cells: Float64Array): number => cells[FORECAST]!;

/** Looks at the value in VALUE and SLOT before it is learned; leaves in TOTAL how surprised it is. */
export function judge(cells: Float64Array): void {
  const value = cells[at.VALUE]!;
  const pulse = rarePulse(cells);
  let [sum, strongest, by] = [0, 0, 0];
  for (let model = 0; model < at.MODELS; model++) {
    const { opinion, judge: look, isTrusted } = models[model]!;
    look(cells);
    const ln = cells[opinion + LN]!;
    const isSilent = Number.isNaN(ln) || isTrusted?.(cells) === false;
    let surprise = isSilent
      ? 0
      : surpriseOf(cells, at.tailOf(model), ln, grainOf(pulse, model, cells[opinion + SCALE]!));
    if (surprise > ALERT && model !== at.MEANS)
      surprise = Math.min(surprise, mostSurprising(cells, model, Math.abs(value - cells[opinion + EXPECTED]!)));
    cells[opinion + SURPRISE] = surprise;
    // Means are heard behind all values.
    if (model === at.MEANS) continue;
    sum += Math.min(MOST, surprise);
    if (surprise > strongest) [strongest, by] = [Math.min(MOST, surprise), model];
  }
  cells[MIDDLE] = cells[LONG_EXPECTED]!;
  const beyond = Math.min(
    MOST,
    Math.max(surpriseBeyond(cells, HIGH, OF_VALUES, value), surpriseBeyond(cells, LOW, OF_VALUES, -value)),
  );
  cells[BEYOND] = beyond;
  sum += beyond;
  if (beyond > strongest) [strongest, by] = [beyond, BY_VALUES];
  const mean = surpriseByTail(cells, strongest);
  const meanBeyond = surpriseByRange(cells, strongest);
  sum += mean + meanBeyond;
  if (mean > strongest) [strongest, by] = [mean, at.MEANS];
  if (meanBeyond > strongest) [strongest, by] = [meanBeyond, BY_MEANS];
  const others = sum - strongest;
  cells[STRONGEST] = strongest;
  const agreed = Math.max(0, others - Math.max(DOUBT, SHARED * cells[USUAL]! * strongest));
  cells[TOTAL] = strongest + AGREEMENT * (1 - OF_PLAINNESS * plainness(cells)) * agreed;
  if (strongest > ALERT && strongest < BEYOND_ALERT) cells[USUAL]! += ALERT_RATE * (others / strongest - cells[USUAL]!);
  keepEvidence(cells, by);
}

// What lies on a grid may go one step beyond its range any day, though hardly where its range has ended with the same value ten
// times: a machine of four speeds has no fifth. And where even the least extreme is part of a heavy tail, ten
// values alone often miss how heavy: the tail as a whole, of a hundred or more, knows. Ten that lie close together are no part
// of one, though: of a pump that is seldom on, the tail is the way from off to on.
function grainOrTail(cells: Float64Array, side: number, extreme: number, size: number): number {
  const scale = cells[LONG_SCALE]!;
  const step = cells[GRAIN]! < GRID * scale ? cells[GRAIN]! : rarePulse(cells);
  const grain = isSharp(cells, side) ? OF_LAST_STEP * step : step;
  const off = extreme + (side === HIGH ? -1 : 1) * cells[MIDDLE]!;
  const tail = at.tailOf(at.VALUES);
  const isHeavy = cells[tail + BEND]! < HEAVY && off > Math.exp(cells[tail + FLOOR]!) * scale;
  return isHeavy ? Math.max(grain, Math.min(MISTOLD * size, cells[tail + SLOPE]! * off)) : grain;
}

// The models learn at once, so what the opinion rested on is put aside: an explanation is asked for later, and seldom.
function keepEvidence(cells: Float64Array, by: number): void {
  cells[BY] = by;
  if (by < at.MODELS) {
    const { opinion } = models[by]!;
    cells[FORECAST] = cells[opinion + EXPECTED]!;
    cells[SIZE] = cells[opinion + SCALE]!;
    for (let one = 0; one < 3; one++) {
      cells[SHAPE + one] = cells[at.tailOf(by) + one]!;
      cells[OTHER_SHAPE + one] = cells[errorLimit(by) + one]!;
    }
    return;
  }
  const side = by === BY_VALUES ? HIGH : HIGH_MEAN;
  // Behind a fault that was taken back the mean is still out of the range; of few values both ends may be those of the other.
  const [least, most] = [-cells[limitOf(LOW)]!, cells[limitOf(HIGH)]!];
  const isRange = by === BY_VALUES && least < most;
  cells[FORECAST] = isRange ? Math.min(most, Math.max(least, cells[MIDDLE]!)) : cells[MIDDLE]!;
  for (let one = 0; one < 3; one++) {
    cells[SHAPE + one] = cells[limitOf(side) + one]!;
    cells[OTHER_SHAPE + one] = cells[limitOf(side + 1) + one]!;
  }
}

/** Whether the value, or the mean of the last 24 that the strongest opinion is of, is above the forecast. */
export function isAbove(cells: Float64Array): boolean {
  return cells[isOfMeans(cells) ? RECENT : at.VALUE]! > cells[FORECAST]!;
}

/** The end of the range beyond which, by more than this surprise, the value last judged lies: 1 the upper, -1 the lower, 0 none. */
export const endBeyond = (cells: Float64Array, surprise: number): number =>
  cells[BEYOND]! <= surprise ? 0 : cells[at.VALUE]! > cells[limitOf(HIGH)]! ? 1 : -1;

/** The mean of the last 24 values, where it was they that alarmed at this limit. */
export const meanAt = (cells: Float64Array, limit: number): number | undefined =>
  isOfMeans(cells) && cells[TOTAL]! > limit ? cells[RECENT] : undefined;

/** What is told of the value last judged rests on the strongest opinion of it alone, however much the means were surprised. */
export function tellOfValue(cells: Float64Array): void {
  const surprise = surpriseAlone(cells);
  const by = models.findIndex(({ opinion }, model) => model !== at.MEANS && cells[opinion + SURPRISE] === surprise);
  cells[STRONGEST] = Math.min(MOST, surprise);
  keepEvidence(cells, by < 0 ? BY_VALUES : by);
}

/** Takes the word from the means altogether. */
export function hearValueAlone(cells: Float64Array): void {
  tellOfValue(cells);
  cells[TOTAL] = cells[STRONGEST]!;
}

/**
 * Values that would have passed at this limit instead of the one last judged, and which of them was expected; those of the
 * means where it was they that alarmed.
 */
export function outlook(cells: Float64Array, limit: number): readonly [low: number, high: number, expected: number] {
  const total = cells[TOTAL]!;
  const by = cells[BY]!;
  // The strongest opinion alone would have had to be so weak for the whole to pass.
  const own = evidentBand(cells, total > 0 ? (limit * cells[STRONGEST]!) / total : limit);
  if (meanAt(cells, limit) !== undefined) return [...own, cells[FORECAST]!];
  let [low, high] = isOfMeans(cells) ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] : own;
  const pulse = rarePulse(cells);
  // Of what alarms the one that was alarmed tells what it expected, else the one that knows best.
  let expected = cells[FORECAST]!;
  let least = total > limit ? 0 : by < at.MODELS && !isOfMeans(cells) ? (high - low) / 2 : Number.POSITIVE_INFINITY;
  for (let model = 0; model < at.MODELS; model++) {
    const { opinion } = models[model]!;
    if (model === by || model === at.MEANS || Number.isNaN(cells[opinion + LN])) continue;
    const forecast = cells[opinion + EXPECTED]!;
    const width = Math.max(
      deviationAt(cells, at.tailOf(model), limit, grainOf(pulse, model, cells[opinion + SCALE]!)) *
        cells[opinion + SCALE]!,
      errorAt(cells, errorLimit(model), limit),
    );
    if (width < least) [least, expected] = [width, forecast];
    low = Math.max(low, forecast - width);
    high = Math.min(high, forecast + width);
  }
  if (by !== BY_VALUES) {
    low = Math.max(low, -boundAt(cells, limitOf(LOW), OF_VALUES, limit));
    high = Math.min(high, boundAt(cells, limitOf(HIGH), OF_VALUES, limit));
  }
  // Forecasts that contradict each other, as behind a wild value, leave nothing that all would have let pass.
  const isSound = low < high && (total <= limit || (low <= expected && expected <= high));
  return isSound ? [low, high, Math.min(high, Math.max(low, expected))] : [...own, cells[FORECAST]!];
}

/** Values with which the strongest opinion would have been no stronger than `surprise`. */
function evidentBand(cells: Float64Array, surprise: number): readonly [low: number, high: number] {
  const forecast = cells[FORECAST]!;
  if (cells[BY]! >= at.MODELS) {
    const reach = cells[BY] === BY_VALUES ? OF_VALUES : OF_MEANS;
    const [up, down] = [SHAPE, OTHER_SHAPE].map(shape => boundAt(cells, shape, reach, surprise)) as [number, number];
    if (reach === OF_VALUES) return [Math.min(forecast, -down), Math.max(forecast, up)];
    return [forecast - Math.exp(down), forecast + Math.exp(up)];
  }
  const ofTail =
    deviationAt(cells, SHAPE, surprise, grainOf(rarePulse(cells), cells[BY]!, cells[SIZE]!)) * cells[SIZE]!;
  const width = cells[BY] === at.MEANS ? ofTail : Math.max(ofTail, errorAt(cells, OTHER_SHAPE, surprise));
  return [forecast - width, forecast + width];
}

/** Learns the value in VALUE, which was judged (or a tamer one in its place). */
export function learn(known: at.Known): void {
  const { cells } = known;
  const learned = cells[LEARNED]!;
  cells[SPARE] = Math.min(MOST_FAULTS, cells[SPARE]! + 1 / BETWEEN_FAULTS);
  const isFault = cells[TOTAL]! > FAULT && learned > GROWN && cells[SPARE]! >= 1;
  if (isFault) cells[SPARE]!--;
  const value = cells[at.VALUE]!;
  const scale = cells[LONG_SCALE]!;
  for (let model = 0; model < at.MODELS; model++) {
    const { opinion, learn: take } = models[model]!;
    const ln = cells[opinion + LN]!;
    if (!isFault && learned >= TAILS_FROM && !Number.isNaN(ln)) {
      const surprise = cells[opinion + SURPRISE]!;
      const isMean = model === at.MEANS;
      learnDeviation(known, model, ln, surprise, isMean || (surprise > ALERT && isNews(cells, model, surprise)));
      if (!isMean) learnError(cells, model, Math.abs(value - cells[opinion + EXPECTED]!), scale);
    }
    take(cells);
  }
  const step = Math.abs(value - cells[BEFORE]!);
  if (step > 0 && step < cells[GRAIN]!) cells[GRAIN] = step;
  cells[BEFORE] = value;
  learnPlainness(cells, value - cells[MIDDLE]!, followError(cells), scale);
  if (!isFault) {
    learnExtreme(cells, HIGH, OF_VALUES, value, scale, APART);
    learnExtreme(cells, LOW, OF_VALUES, -value, scale, APART);
  }
  if (learned >= MEANS_FROM) learnMean(cells, cells[RECENT]! - cells[MIDDLE]!);
  cells[LEARNED] = learned + 1;
}
