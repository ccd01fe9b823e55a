// Cells: everything a series knows is numbers in one block of memory; this is its map. What every point touches stands
// together at the front, tables of which a point touches one place behind it: so a point costs few cache lines, and to save
// a series is to copy the block.

export type Known = {
  /** All numbers but the histograms. */
  readonly cells: Float64Array;
  /** The histograms of the tails, one after the other, and the surprises of the week. */
  readonly bins: Float32Array;
  /** What is not yet in the histograms: of each tail so many points. */
  readonly pending: Uint8Array;
};

/** Forecasts, and the tails that measure them. */
export const MODELS = 5;
/** Those among them that judge values by their mean, and means of values. */
export const VALUES = 1;
export const MEANS = 2;
/** Bins of the histogram of one tail. */
export const BINS = 128;
/** Points that are put into it together. */
export const PENDING = 32;
/** So many means are kept back, so that a slow drift is not its own yardstick. */
export const HELD_BACK = 96;
/** Half hours of a day. */
export const SLOTS = 48;
/** Half hours of a week. */
export const WEEK_SLOTS = 7 * SLOTS;
/** Values of which the mean is watched for drift. */
export const DRIFT_SPAN = 24;
export const MOST_CODES = 6;
export const MOST_ACCEPTED = 8;
/** Pauses that were too long; two weeks of two a day, but for weekends. */
export const MOST_PAUSES = 24;
/** Largest and smallest values, largest and smallest means, largest errors of each forecast of a value. */
export const SIDES = 8;
export const EXTREMES_OF_A_SIDE = 10;
/** Of on, and of off. */
export const STATE_CELLS = 12;
export const SIDE_CELLS = EXTREMES_OF_A_SIDE + 8;

let taken = 0;
const take = (count: number): number => {
  const first = taken;
  taken += count;
  return first;
};

/** The value as it is watched, and its half hour of the day (−1: time unknown). */
export const [VALUE, SLOT] = [take(1), take(1)];
export const SCORE = take(6);
export const WILD = take(5);
export const EPISODE = take(9);
export const ALARM = take(7);
export const WEEK = take(5);
export const RHYTHM = take(8);
export const STILL = take(13);
export const COUNTER = take(10);
export const RUNS = take(13);
export const ZEROS = take(4);
export const CODES = take(5);
export const ACCEPTED = take(1);
export const PANEL = take(9);
export const PLAIN = take(4);
export const EVIDENCE = take(9);
const OPINIONS = take(4 * MODELS);
export const OUTLIER = take(2);
export const DRIFT = take(4);
export const JUMP = take(3);
export const SEASON = take(6);
export const FOLLOW = take(24);
const TAILS = take(8 * MODELS);
const EXTREMES = take(SIDE_CELLS * SIDES);
export const RETURNED = take(7);
export const DRIFT_RING = take(DRIFT_SPAN);
export const RUN_LENGTHS = take(2 * STATE_CELLS);
export const KNOWN_CODES = take(3 * MOST_CODES);
export const ACCEPTED_ENTRIES = take(3 * MOST_ACCEPTED);
export const ZERO_DAYS = take(SLOTS);
export const HABIT = take(SLOTS);
export const SEASON_MEANS = take(SLOTS);
export const SEASON_DAYS = take(SLOTS);
export const PAUSES_KEPT = take(3 * MOST_PAUSES);
export const RANGE_ASIDE = take(2 * SIDE_CELLS);
export const RUNS_ASIDE = take(2 * STATE_CELLS);
const CELLS = taken;

/** Where the opinion, the tail, the histogram (among the bins) of a model, what is to come into it (among the pending) stand, and the extremes of a side. */
export const opinionOf = (model: number): number => OPINIONS + 4 * model;
export const tailOf = (model: number): number => TAILS + 8 * model;
export const binsOf = (model: number): number => BINS * model;
export const pendingOf = (model: number): number => PENDING * model + (model > MEANS ? HELD_BACK : 0);
export const extremesOf = (side: number): number => EXTREMES + SIDE_CELLS * side;

type Places = readonly [
  ...[number, number, number, number, number, number],
  ...[number, number, number, number, number, number],
];
/** The cells from `first` on, to be given names. */
export const places = (first: number): Places => Array.from({ length: 12 }, (_, at) => first + at) as unknown as Places;

const ALL_PENDING = PENDING * MODELS + HELD_BACK;
const [AFTER_CELLS, AFTER_PENDING] = [8 * CELLS, 8 * CELLS + ALL_PENDING];
/** Where the week stands among the bins. */
export const WEEK_BINS = BINS * MODELS;
export const BLOCK_BYTES = AFTER_PENDING + 4 * (WEEK_BINS + 2 * WEEK_SLOTS);

/** A block of zeros; each part sets what begins with another number. */
export function emptyBlock(): Known {
  const block = new ArrayBuffer(BLOCK_BYTES);
  return {
    cells: new Float64Array(block, 0, CELLS),
    pending: new Uint8Array(block, AFTER_CELLS, ALL_PENDING),
    bins: new Float32Array(block, AFTER_PENDING),
  };
}
