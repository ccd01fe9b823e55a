// Score: one streaming judgement per point of a series, from its past alone: 1 is normal, below 0 is an anomaly.
import { accepted } from './accepted.ts';
import { codes } from './codes.ts';
import { counter, type Watched } from './counter.ts';
import { episode } from './episode.ts';
import { SLOTS } from './models.ts';
import { type Direction, panel } from './panel.ts';
import { rhythm } from './rhythm.ts';
import { pack, type State, unpack } from './state.ts';

export type Kind =
  | 'learning'
  | 'normal'
  | 'reset'
  | 'guarded'
  | 'stuck'
  | 'gap'
  | 'spike'
  | 'dip'
  | 'jump'
  | 'season'
  | 'range'
  | 'drift'
  | 'shift'
  | 'burst';

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
  /** A value while nobody wants to hear (maintenance): neither judged nor learned; no gap, no rate comes of it. */
  pass(time: number | undefined, value: number): Scored;
  /** The value last scored was normal: values like it, stretches and pauses so long are no anomalies from now on. */
  accept(): void;
  /** All it knows, at most 16 KB; always of the same length. */
  save(): Uint8Array;
  /** Takes over what `save` gave; false, and nothing changed, when it is of another version. */
  restore(saved: Uint8Array): boolean;
};

export type ScoreOptions = {
  /** False alarms to be expected in 10,000 points of steady noise. */
  falseAlarms?: number;
  direction?: Direction;
  /** A value so near to the expected one is never an anomaly, in units of the value … */
  nearUnits?: number;
  /** … or in percent of the expected one. */
  nearPercent?: number;
};

/** First byte of a saved state. Raised whenever the meaning of a state changes. */
const VERSION = 2;
/** Points before the first judgement. */
const LEARNING = 64;
// Surprise from which a point is an anomaly at one false alarm in 10,000 points, and how much more halves the alarms
// (by ln): measured on generated series (docs/anomaly.md).
const LIMIT = 9.7;
const PER_LN = 1.6;
// Young series are judged more mildly: their tails rest on few points.
const YOUNG = 30;
const STUCK_SCORE = -0.25;
const NEW_CODE_SCORE = -0.5;
const HALF_HOUR = 1_800_000;
// Squares of it stay finite; no sensor gives more.
const LARGEST = 1e140;

const bounded = (value: number): number => Math.min(LARGEST, Math.max(-LARGEST, value));
const decision = (surprise: number, limit: number): number => {
  const ratio = (surprise / limit) ** 2;
  return 1 - (2 * ratio) / (1 + ratio);
};

export function series(options: ScoreOptions = {}): Series {
  const { falseAlarms = 1, direction = 'both', nearUnits = 0, nearPercent = 0 } = options;
  const base = Math.max(6, LIMIT - PER_LN * Math.log(falseAlarms));
  const meter = counter();
  const beat = rhythm();
  const register = codes();
  const normal = accepted();
  const seen = { low: 0, high: 0, stuck: false, gap: false, watch: 0, expected: 0 };
  let models = panel();
  let story = episode();

  const state = (): State => [
    ...[meter.state, beat.pauses, beat.values, register.state, normal.state, seen],
    ...[models.state, story.state],
  ];

  const startOver = () => {
    models = panel();
    story = episode();
  };

  // One wild value (an uninitialised 1e38) must not blind the models: at most three ranges beyond the range so far are
  // learned of it. A true new level is reached within a few points all the same.
  const tamed = (value: number): number => {
    if (models.learned === 0) {
      seen.low = value;
      seen.high = value;
    }
    const reach = 3 * Math.max(seen.high - seen.low, Math.abs(seen.high), Math.abs(seen.low));
    const kept = reach > 0 ? Math.min(seen.high + reach, Math.max(seen.low - reach, value)) : value;
    seen.low = Math.min(seen.low, kept);
    seen.high = Math.max(seen.high, kept);
    return kept;
  };

  /** Kind of a value that is, or might be, an anomaly. */
  const kindOf = (value: number, expected: number): Kind => {
    const { kind } = models;
    if (story.manner !== undefined) return story.manner;
    return kind === 'outlier' ? (value > expected ? 'spike' : 'dip') : kind;
  };

  const isNear = (value: number, expected: number): boolean =>
    Math.abs(value - expected) <= Math.max(nearUnits, (nearPercent / 100) * Math.abs(expected)) || normal.has(value);

  /** Judgement of one watched value by the models, then they learn it. `role`: see `codes`. */
  const judged = (watch: number, time: number | undefined, role: 'size' | 'known' | 'new'): Scored => {
    const slot = time === undefined ? -1 : Math.floor(time / HALF_HOUR) % SLOTS;
    const together = models.judge(watch, slot, direction);
    const { expected } = models;
    seen.watch = watch;
    seen.expected = expected;
    if (models.learned < LEARNING || role !== 'size') {
      const kind = models.learned < LEARNING ? 'learning' : 'normal';
      models.learn(tamed(watch), slot);
      return role === 'new' && !normal.has(watch) ? { score: NEW_CODE_SCORE, kind: 'range' } : { score: 1, kind };
    }
    const limit = base * (1 + YOUNG / (models.learned + 1)) * story.factor;
    const surprise = story.heard(isNear(watch, expected) ? 0 : together, limit, time, watch > expected);
    const [low, high] = models.band(limit);
    const scored: Scored = {
      score: decision(surprise, limit),
      kind: surprise > limit / 2 ? kindOf(watch, expected) : 'normal',
      expected,
      band: [bounded(low), bounded(high)],
    };
    models.learn(tamed(watch), slot);
    return scored;
  };

  /** Judgement of a value; a counter that begins anew or a late reading of one is no sign of anything. */
  const judgedWatch = (watched: Watched, time: number | undefined, role: 'size' | 'known' | 'new'): Scored => {
    if (watched === 'changed') startOver();
    if (watched === 'changed' || (typeof watched === 'string' && models.learned < LEARNING))
      return { score: 1, kind: 'learning' };
    if (watched === 'reset') return { score: 1, kind: 'reset' };
    if (watched === 'late') return { score: 1, kind: 'normal' };
    return judged(watched, time, role);
  };

  const pauseBefore = (time: number | undefined): number => (time === undefined ? 0 : beat.gap(time));
  const watched = (time: number | undefined, value: number): Watched =>
    meter.watch(time === undefined ? undefined : beat.seconds, value);

  return {
    score(time, given) {
      const value = bounded(given);
      const pause = pauseBefore(time);
      const role = register.see(value);
      const standing = beat.stuck(value) >= 1 && !register.quiet;
      const scored = judgedWatch(watched(time, value), time, role);
      seen.gap = pause > 1;
      if (scored.kind === 'learning') return scored;
      if (standing) {
        if (!seen.stuck) scored.score = Math.min(scored.score, STUCK_SCORE);
        story.begin(time);
        scored.kind = 'stuck';
      }
      seen.stuck = standing;
      if (pause > 1) {
        scored.score = Math.min(scored.score, -0.1 - 0.8 * (1 - 1 / pause));
        scored.kind = 'gap';
      }
      const { since } = story;
      if (since !== undefined) scored.since = since;
      return scored;
    },

    pass(time, given) {
      pauseBefore(time);
      if (watched(time, bounded(given)) === 'changed') startOver();
      return { score: 1, kind: 'guarded' };
    },

    accept() {
      if (seen.gap || seen.stuck) beat.accept();
      else normal.add(seen.watch, seen.expected);
    },

    save() {
      const packed = pack(state());
      const saved = new Uint8Array(packed.length + 1);
      saved[0] = VERSION;
      saved.set(packed, 1);
      return saved;
    },
    restore: saved => saved[0] === VERSION && unpack(state(), saved.subarray(1)),
  };
}
