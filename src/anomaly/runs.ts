// Runs: how long a series of two states (on and off, open and shut) stays in each; tells a run that ended far too soon.
import { acceptedReach, RUN_OFF, RUN_ON } from './accepted.ts';
import { RUN_LENGTHS, RUNS, RUNS_ASIDE, places, STATE_CELLS } from './cells.ts';

/** Shortest runs that are remembered of a state. */
const SHORTEST = 8;
// Levels of a state are those that values keep near to: nearer, on average, than this share of their distance from each other.
const KEPT = 0.1;
/** A value so near to a level, in that distance, is of its state; what is in between or beyond changes nothing. */
const NEAR = 0.3;
/** Weight of a value in the level of its state, and in how near to it values keep. */
const WEIGHT = 0.05;
/** So many values far beyond both levels, of which one in 50 values near them is forgotten, are a level of their own. */
const STRAYS = 12;
const FORGOTTEN = 0.02;
/** A level that hardly any of so many values were near to was none. */
const UNUSED = 2048;
const HARDLY = 0.9;
/** Runs of a state before one of them can be too short. */
const ENOUGH = 10;
// How much the lengths of a state scatter, as the mean of ln(eighth shortest / shorter), is believed to be this (runs that may
// end at any time have 1) as firmly as so many runs say it.
const USUAL_SCATTER = 1;
const BELIEF = 1.5;
/** Surprise is counted by points, of which there are more than runs: so many times, at least. */
const POINTS = 8;
/**
 * A run so surprising is no run: the one that it broke goes on. It is learned as one of less surprise, unless there were more
 * such than one in so many runs: then it is the manner of the series.
 */
const BROKEN = 9;
const LEARNED_AS = 6;
const BETWEEN = 30;
const MOST_BROKEN = 2;

// STATE: 0 the lower level, 1 the upper, −1 unknown. LENGTH: values of the run that lasts, NaN where its beginning was not
// seen; SINCE: its first time (ms). BEFORE: length of the run before it, 0: unknown; it is learned when this one has proved
// to be none. VALUES: since levels were last looked over. STRAY: how many were near to neither. SPARE: how many runs may be broken.
// LAST: the last value.
const [STATE, LENGTH, SINCE, BEFORE, BEFORE_SINCE, VALUES, STRAY, SPARE, LAST] = places(RUNS);
// The run that ended with the last value: its surprise, length, first time (ms) and last value.
const [ENDED, ENDED_LENGTH, ENDED_SINCE, ENDED_VALUE] = places(RUNS + 9);

// Of each state: its level, how near values keep to it (share of the distance between levels), how many runs were learned,
// and the shortest lengths, least first.
const [LEVEL, SPREAD, COUNT, TOP] = places(0);
const stateOf = (state: number): number => RUN_LENGTHS + STATE_CELLS * state;
const [OFF, ON] = [stateOf(0), stateOf(1)];

export function beginRuns(cells: Float64Array): void {
  cells.fill(0, RUNS, RUNS + 13);
  cells.fill(0, OFF, ON + TOP + SHORTEST);
  cells[OFF + LEVEL] = Number.NaN;
  forgetLevels(cells);
}

function forgetLevels(cells: Float64Array): void {
  for (const at of [OFF, ON]) {
    cells[at + SPREAD] = 1;
    cells[at + COUNT] = 0;
  }
  cells[VALUES] = 0;
  cells[STRAY] = 0;
  breakRun(cells);
}

// What is known of both states can be put aside, to be known later as it was.
export const putRunsAside = (cells: Float64Array): unknown =>
  cells.copyWithin(RUNS_ASIDE, RUN_LENGTHS, RUN_LENGTHS + 2 * STATE_CELLS);

/** Both states are again what was put aside. */
export function takeUpRuns(cells: Float64Array): void {
  cells.copyWithin(RUN_LENGTHS, RUNS_ASIDE, RUNS_ASIDE + 2 * STATE_CELLS);
  cells[STRAY] = 0;
  breakRun(cells);
}

/** Values were not seen: how long the run that lasts is will not be known. */
export function breakRun(cells: Float64Array): void {
  cells[STATE] = -1;
  cells[LENGTH] = Number.NaN;
  cells[BEFORE] = 0;
}

/**
 * Takes the next value, of this time (ms, NaN: unknown), and answers how surprising it is that a run ended with it, by its
 * being so short: −ln of a chance, 0 as a rule.
 */
export function endOfRun(cells: Float64Array, time: number, value: number): number {
  cells[ENDED] = 0;
  const state = nearest(cells, value);
  if (state >= 0) {
    if (cells[STATE]! < 0) cells[STATE] = state;
    else if (state === cells[STATE]) cells[LENGTH]!++;
    else change(cells, state, time);
  }
  cells[LAST] = value;
  return cells[ENDED];
}

/** The state that a value is of, −1 where it is of none; its level learns it. */
function nearest(cells: Float64Array, value: number): number {
  const [off, on] = [cells[OFF + LEVEL]!, cells[ON + LEVEL]!];
  const gap = on - off;
  const state = value - off > on - value ? 1 : 0;
  const at = stateOf(state);
  const away = value - cells[at + LEVEL]!;
  const share = Math.abs(away) / gap;
  if (share < 1) {
    if (++cells[VALUES]! >= UNUSED) dropUnused(cells);
    cells[STRAY] = Math.max(0, cells[STRAY]! - FORGOTTEN);
    cells[at + LEVEL]! += WEIGHT * away;
    cells[at + SPREAD]! += WEIGHT * (share - cells[at + SPREAD]!);
    return share < NEAR ? state : -1;
  }
  if (away === 0 || (isOfTwo(cells) && ++cells[STRAY]! < STRAYS)) return -1;
  // The first value, or one beyond what was taken for a level.
  if (Number.isNaN(off)) cells[OFF + LEVEL] = cells[ON + LEVEL] = value;
  else cells[at + LEVEL] = value;
  forgetLevels(cells);
  return -1;
}

/** One wild value is no level for ever. */
function dropUnused(cells: Float64Array): void {
  cells[VALUES] = 0;
  const [unused, used] = cells[OFF + SPREAD]! > cells[ON + SPREAD]! ? [OFF, ON] : [ON, OFF];
  if (cells[unused + SPREAD]! < HARDLY) return;
  cells[unused + LEVEL] = cells[used + LEVEL]!;
  forgetLevels(cells);
}

/** Whether values keep near to two levels. */
export const isOfTwo = (cells: Float64Array): boolean => cells[OFF + SPREAD]! < KEPT && cells[ON + SPREAD]! < KEPT;

function change(cells: Float64Array, state: number, time: number): void {
  const length = cells[LENGTH]!;
  const surprise = length > 0 && isOfTwo(cells) ? surpriseOf(cells, 1 - state, length) : 0;
  cells[ENDED] = surprise;
  cells[ENDED_SINCE] = cells[SINCE]!;
  cells[ENDED_VALUE] = cells[LAST]!;
  cells[ENDED_LENGTH] = length;
  cells[STATE] = state;
  cells[SPARE] = Math.min(MOST_BROKEN, cells[SPARE]! + 1 / BETWEEN);
  if (surprise > BROKEN && cells[SPARE] >= 1) {
    cells[SPARE]--;
    learnLength(cells, 1 - state, lengthOf(cells, 1 - state, LEARNED_AS));
    cells[LENGTH] = cells[BEFORE]! > 0 ? cells[BEFORE]! + length + 1 : Number.NaN;
    cells[SINCE] = cells[BEFORE_SINCE]!;
    cells[BEFORE] = 0;
    return;
  }
  if (cells[BEFORE]! > 0) learnLength(cells, state, cells[BEFORE]!);
  cells[BEFORE] = length > 0 ? length : 0;
  cells[BEFORE_SINCE] = cells[SINCE]!;
  cells[LENGTH] = 1;
  cells[SINCE] = time;
}

// The eighth shortest run was about eight of all; those shorter still thin out by a power law, whose exponent the eight
// tell (Hill's estimator), drawn towards 1, that of runs that may end at any time, of which none is too short.

/** Exponent of the power law. */
function exponentOf(cells: Float64Array, at: number): number {
  const eighth = cells[at + TOP + SHORTEST - 1]!;
  let sum = BELIEF * USUAL_SCATTER;
  for (let one = 0; one < SHORTEST; one++) sum += Math.log(eighth / cells[at + TOP + one]!);
  return (BELIEF + SHORTEST) / sum;
}

/** Surprise of a run as long as the eighth shortest. */
const surpriseOfEighth = (cells: Float64Array, at: number): number =>
  Math.log((POINTS * cells[at + COUNT]!) / SHORTEST);

function surpriseOf(cells: Float64Array, state: number, length: number): number {
  const at = stateOf(state);
  const shorter = Math.log(cells[at + TOP + SHORTEST - 1]! / length);
  if (cells[at + COUNT]! < ENOUGH || !(shorter > 0)) return 0;
  if (1 / length <= acceptedReach(cells, state === 1 ? RUN_ON : RUN_OFF)) return 0;
  return Math.max(0, surpriseOfEighth(cells, at) + exponentOf(cells, at) * shorter);
}

/** The length that has this surprise. */
function lengthOf(cells: Float64Array, state: number, surprise: number): number {
  const at = stateOf(state);
  const beyond = Math.max(0, surprise - surpriseOfEighth(cells, at));
  return cells[at + TOP + SHORTEST - 1]! * Math.exp(-beyond / exponentOf(cells, at));
}

function learnLength(cells: Float64Array, state: number, length: number): void {
  const at = stateOf(state);
  const have = Math.min(SHORTEST, cells[at + COUNT]!++);
  let place = have;
  for (; place > 0 && cells[at + TOP + place - 1]! > length; place--)
    if (place < SHORTEST) cells[at + TOP + place] = cells[at + TOP + place - 1]!;
  if (place < SHORTEST) cells[at + TOP + place] = length;
}

/** The run that ended with the last value: since when (ms, NaN: unknown), how many values, the last of them. */
export const endedSince = (cells: Float64Array): number => cells[ENDED_SINCE]!;
export const endedLength = (cells: Float64Array): number => cells[ENDED_LENGTH]!;
export const endedValue = (cells: Float64Array): number => cells[ENDED_VALUE]!;

/** For how many values the series usually stays at least where it was before the last value. */
export const usualLength = (cells: Float64Array): number =>
  Math.round(cells[stateOf(1 - cells[STATE]!) + TOP + SHORTEST / 2]!);

/** What a run of the state that `value`, the one after it, is not of is among what was accepted: a shorter one reaches farther. */
export const runBefore = (cells: Float64Array, value: number): number =>
  value - cells[OFF + LEVEL]! > cells[ON + LEVEL]! - value ? RUN_OFF : RUN_ON;
