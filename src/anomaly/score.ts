// Score: one streaming judgement per point of a series, from its past alone: 1 is normal, below 0 is an anomaly.
import { counter, type Watched } from './counter.ts';
import { drift, jump, type Model, type ModelKind, outlier, SLOTS, season } from './models.ts';
import { rhythm } from './rhythm.ts';
import { type Tail, tail } from './tail.ts';

export type Kind = 'learning' | 'normal' | 'reset' | 'stuck' | 'gap' | ModelKind;

export type Scored = {
  /** 1 normal, 0 at the limit, towards −1 the more surprising. Always finite. */
  score: number;
  kind: Kind;
  /** Forecast, and the values that would have passed; absent while learning. For a counter: of its rate per second. */
  expected?: number;
  band?: readonly [low: number, high: number];
  /** Milliseconds since the epoch at which the episode began, while one lasts. */
  since?: number;
};

export type Series = {
  /** Scores a finite value. `time` in ms since the epoch; it may be missing, repeat, go back or run ahead. */
  score(time: number | undefined, value: number): Scored;
};

export type ScoreOptions = {
  /** Surprise (−ln of a chance) from which a point is an anomaly; 10 gives far less than one false alarm in 10,000 points of plain noise. */
  limit?: number;
};

/** Points before the first judgement. */
const LEARNING = 64;
// Models that agree add to each other: this share of what they have beyond a first doubt.
const AGREEMENT = 0.2;
const DOUBT = 6;
// An episode alarms once, and again only when it becomes so much worse than its record, which fades by a factor a point.
const FADE = 0.998;
const WORSE = 1.3;
const QUIET_POINTS = 12;
const STUCK_SCORE = -0.25;
const HALF_HOUR = 1_800_000;
// Squares of it stay finite; no sensor gives more.
const LARGEST = 1e140;

/** `ln`: logarithm of the last deviation, NaN where the model had no forecast. */
type Judge = { model: Model; tail: Tail; ln: number; surprise: number };

function judges(): readonly Judge[] {
  const long = outlier();
  return [jump(), long, drift(long), season()].map(model => ({ model, tail: tail(), ln: Number.NaN, surprise: 0 }));
}

const decision = (surprise: number, limit: number): number => {
  const ratio = (surprise / limit) ** 2;
  return 1 - (2 * ratio) / (1 + ratio);
};

export function series({ limit: base = 10 }: ScoreOptions = {}): Series {
  const meter = counter();
  const beat = rhythm();
  let panel = judges();
  const state = { learned: 0, low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY, record: 0, quiet: 0 };
  let since: number | undefined;
  let stuck = false;

  const startOver = () => {
    panel = judges();
    state.learned = 0;
    state.record = 0;
    since = undefined;
    state.low = Number.POSITIVE_INFINITY;
    state.high = Number.NEGATIVE_INFINITY;
  };

  /** The strongest judge; fills in what each one thinks. */
  const judgeAll = (value: number, slot: number): Judge => {
    let worst = panel[0] as Judge;
    for (const judge of panel) {
      const deviation = judge.model.judge(value, slot);
      judge.ln = deviation < 0 ? Number.NaN : Math.log(deviation);
      judge.surprise = deviation < 0 ? 0 : judge.tail.surprise(judge.ln);
      if (judge.surprise > worst.surprise) worst = judge;
    }
    return worst;
  };

  // One wild value (an uninitialised 1e38) must not blind the models: at most three ranges beyond the range so far are
  // learned of it. A true new level is reached within a few points all the same.
  const tamed = (value: number): number => {
    const reach = 3 * Math.max(state.high - state.low, Math.abs(state.high), Math.abs(state.low));
    const kept =
      reach > 0 && state.learned > 0 ? Math.min(state.high + reach, Math.max(state.low - reach, value)) : value;
    state.low = Math.min(state.low, kept);
    state.high = Math.max(state.high, kept);
    return kept;
  };

  const learnAll = (value: number, slot: number) => {
    const kept = tamed(value);
    for (const { model, tail: history, ln } of panel) {
      if (state.learned >= 8 && !Number.isNaN(ln)) history.learn(ln);
      model.learn(kept, slot);
    }
    state.learned++;
  };

  /** Surprise of a panel as a whole. */
  const together = (worst: Judge): number => {
    let sum = -worst.surprise;
    for (const { surprise } of panel) sum += surprise;
    return worst.surprise + AGREEMENT * Math.max(0, sum - DOUBT);
  };

  const episode = (surprise: number, limit: number, time: number | undefined): number => {
    const repeated = surprise <= (state.record >= limit ? WORSE * state.record : state.record);
    state.record = Math.max(state.record * FADE, surprise > limit / 2 ? surprise : 0);
    if (surprise >= limit) since ??= time;
    state.quiet = surprise > limit / 2 ? 0 : state.quiet + 1;
    if (state.quiet >= QUIET_POINTS) since = undefined;
    return repeated ? Math.min(surprise, 0.9 * limit) : surprise;
  };

  /** Judgement of one watched value by the models, then they learn it. */
  const judged = (watch: number, time: number | undefined): Scored => {
    const slot = time === undefined ? -1 : Math.floor(time / HALF_HOUR) % SLOTS;
    const worst = judgeAll(watch, slot);
    const ready = state.learned >= LEARNING;
    // Young series are judged more mildly: their tails rest on few points.
    const limit = base * (1 + 20 / (state.learned + 1));
    const surprise = ready ? episode(together(worst), limit, time) : 0;
    const { expected, scale } = worst.model;
    const width = worst.tail.deviationAt(limit) * scale;
    learnAll(watch, slot);
    if (!ready) return { score: 1, kind: 'learning' };
    return {
      score: decision(surprise, limit),
      kind: surprise > limit / 2 ? worst.model.kind : 'normal',
      expected,
      band: [expected - width, expected + width],
    };
  };

  /** Judgement of a value; a counter that begins anew or a late reading of one is no sign of anything. */
  const judgedWatch = (watched: Watched, time: number | undefined): Scored => {
    if (watched === 'changed') startOver();
    if (watched === 'changed' || (typeof watched === 'string' && state.learned < LEARNING))
      return { score: 1, kind: 'learning' };
    if (watched === 'reset') return { score: 1, kind: 'reset' };
    if (watched === 'late') return { score: 1, kind: 'normal' };
    return judged(watched, time);
  };

  return {
    score(time, given) {
      const value = Math.min(LARGEST, Math.max(-LARGEST, given));
      const pause = time === undefined ? 0 : beat.gap(time);
      const standing = beat.stuck(value) >= 1;
      const scored = judgedWatch(meter.watch(time === undefined ? undefined : beat.seconds, value), time);
      if (scored.kind === 'learning') return scored;
      if (standing) {
        if (!stuck) scored.score = Math.min(scored.score, STUCK_SCORE);
        since ??= time;
        scored.kind = 'stuck';
      }
      stuck = standing;
      if (pause > 1) {
        scored.score = Math.min(scored.score, -0.1 - 0.8 * (1 - 1 / pause));
        scored.kind = 'gap';
      }
      if (since !== undefined) scored.since = since;
      return scored;
    },
  };
}
