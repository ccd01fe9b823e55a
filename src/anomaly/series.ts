// Series: one series by itself, for a file or a test; a gateway holds the memories of many (`device.ts`).
import { accept } from './feedback.ts';
import { save, restore } from './state.ts';
import { begin, explain, type Scored, type ScoreOptions, scoring } from './score.ts';
import { why } from './why.ts';

export type Series = {
  /** Scores a finite value. `time` in ms since the epoch; it may be missing, repeat, go back or run ahead. */
  score(time: number | undefined, value: number): Scored;
  /** A value while nobody wants to hear (maintenance): neither judged nor learned; no gap, no rate comes of it. */
  pass(time: number | undefined, value: number): Scored;
  /** The value last scored was normal: values like it, stretches and pauses so long are no anomalies from now on. */
  accept(): void;
  /** Why the value last scored, of this metric, was said to be what it is. */
  why(metric: string, value: number): string;
  /** All it knows, at most 16 KB; always of the same length. */
  save(): Uint8Array;
  /** Takes over what `save` gave; false, and nothing changed, when it is of another version. */
  restore(saved: Uint8Array): boolean;
};

export function series(options: ScoreOptions = {}): Series {
  const { score, pass } = scoring(options);
  const known = begin();
  return {
    score(time = Number.NaN, value) {
      score(known, time, value);
      return explain(known, options);
    },
    pass(time = Number.NaN, value) {
      pass(known, time, value);
      return explain(known, options);
    },
    why: (metric, value) => why(known, explain(known, options), metric, value),
    accept: () => accept(known),
    save: () => save(known),
    restore: saved => restore(known, saved),
  };
}
