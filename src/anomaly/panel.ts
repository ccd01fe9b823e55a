// Panel: every model's opinion of a value, each measured by its own history, and what they say together.
import { follow } from './follow.ts';
import { drift, jump, type Model, type ModelKind, outlier, season } from './models.ts';
import { type Extremes, extremes } from './range.ts';
import type { State } from './state.ts';
import { type Tail, tail } from './tail.ts';

/** Which values may be anomalies: above what is expected, below it, or both. */
export type Direction = 'both' | 'up' | 'down';

export type Panel = {
  readonly state: State;
  /** Values learned. */
  readonly learned: number;
  /** What the strongest opinion rests on, and its forecast. `beyond`: the value is outside all that was seen. */
  readonly kind: ModelKind | 'range';
  readonly expected: number;
  readonly beyond: boolean;
  /** Looks at a value before it is learned; answers how surprised the panel is as a whole (−ln of a chance, about). */
  judge(value: number, slot: number, direction: Direction): number;
  /** Values that would have passed at this limit. */
  band(limit: number): readonly [low: number, high: number];
  /** Learns the value last judged. */
  learn(value: number, slot: number): void;
};

// Models that agree add to each other: this share of what they have beyond a first doubt, and beyond what they have in
// this series as a rule (in plain noise all models see the same deviation, which is no news), measured where one is alert.
const AGREEMENT = 0.2;
const DOUBT = 6;
const SHARED = 1.2;
const ALERT = 3;
const ALERT_RATE = 0.02;
/** No opinion is stronger, however small the usual deviation was. */
const MOST = 500;
// Values, and means of 24 values, so many points apart are extremes of their own.
const APART = 24;
const MEANS_APART = 48;
// A tail begins to learn when its model has settled a little; a mean of 24 values is one from then on.
const TAILS_FROM = 8;
const MEANS_FROM = 25;
/** Neighbouring means share their values: a run of surprises is nothing odd there. */
const GREAT_MEAN = 14;

/** `ln`: logarithm of the last deviation, NaN where the model had no forecast. */
type Judge = { readonly model: Model; readonly tail: Tail; ln: number; surprise: number };
type Side = { readonly above: Extremes; readonly below: Extremes };

export function panel(): Panel {
  const long = outlier();
  const means = drift(long);
  const judges: readonly Judge[] = [jump(long), long, means, season(long), follow(long)].map(model => ({
    model,
    tail: model === means ? tail(GREAT_MEAN) : tail(),
    ln: Number.NaN,
    surprise: 0,
  }));
  const values: Side = { above: extremes(APART), below: extremes(APART) };
  const recent: Side = { above: extremes(MEANS_APART), below: extremes(MEANS_APART) };
  const last = { learned: 0, total: 0, strongest: 0, middle: 0, usual: 0 };
  let strongest: Judge | Side = judges[0] as Judge;

  const consider = (one: Judge | Side, opinion: number): number => {
    const surprise = Math.min(MOST, opinion);
    if (surprise > last.strongest) {
      last.strongest = surprise;
      strongest = one;
    }
    return surprise;
  };
  const outside = ({ above, below }: Side, distance: number, direction: Direction): number => {
    if (distance > 0) return direction === 'down' ? 0 : above.surprise(distance);
    return direction === 'up' ? 0 : below.surprise(-distance);
  };
  const wanted = (deviation: number, direction: Direction): boolean =>
    direction === 'both' || deviation > 0 === (direction === 'up');

  return {
    state: { judges, values, recent, last },
    get learned() {
      return last.learned;
    },
    get kind() {
      return 'model' in strongest ? strongest.model.kind : strongest === values ? 'range' : 'drift';
    },
    get expected() {
      return 'model' in strongest ? strongest.model.expected : last.middle;
    },
    get beyond() {
      return strongest === values;
    },

    judge(value, slot, direction) {
      last.strongest = 0;
      strongest = judges[0] as Judge;
      let sum = 0;
      for (const judge of judges) {
        const { model } = judge;
        const deviation = model.judge(value, slot);
        judge.ln = deviation < 0 ? Number.NaN : Math.log(deviation);
        judge.surprise = deviation < 0 ? 0 : judge.tail.surprise(judge.ln);
        const at = model === means ? means.recent : value;
        if (wanted(at - model.expected, direction)) sum += consider(judge, judge.surprise);
      }
      last.middle = long.expected;
      sum += consider(values, outside(values, value - last.middle, direction));
      if (last.learned >= MEANS_FROM) sum += consider(recent, outside(recent, means.recent - last.middle, direction));
      const others = sum - last.strongest;
      last.total =
        last.strongest + AGREEMENT * Math.max(0, others - Math.max(DOUBT, SHARED * last.usual * last.strongest));
      if (last.strongest > ALERT) last.usual += ALERT_RATE * (others / last.strongest - last.usual);
      return last.total;
    },

    band(limit) {
      // The strongest opinion alone would have had to be so weak for the whole to pass.
      const share = last.total > 0 ? (limit * last.strongest) / last.total : limit;
      const { expected, scale } = 'model' in strongest ? strongest.model : long;
      if ('model' in strongest) {
        const width = strongest.tail.deviationAt(share) * scale;
        return [expected - width, expected + width];
      }
      return [last.middle - strongest.below.distanceAt(share), last.middle + strongest.above.distanceAt(share)];
    },

    learn(value, slot) {
      for (const { model, tail: history, ln, surprise } of judges) {
        if (last.learned >= TAILS_FROM && !Number.isNaN(ln)) history.learn(ln, surprise);
        model.learn(value, slot);
      }
      values.above.learn(value - last.middle);
      values.below.learn(last.middle - value);
      if (last.learned >= MEANS_FROM) {
        recent.above.learn(means.recent - last.middle);
        recent.below.learn(last.middle - means.recent);
      }
      last.learned++;
    },
  };
}
