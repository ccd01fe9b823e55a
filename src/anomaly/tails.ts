// Tails: the last stored values of a series are not learned before it is known what comes again. Of what was on its way to the
// database when the process was killed some may be stored and what was sent before it not: that comes now, and is judged first.
import type { Known } from './cells.ts';

/** A value that is stored, with its time (ms). */
export type Point = {
  readonly time: number;
  readonly metric: string;
  readonly value: number;
  readonly guarded: boolean;
};

/** Of one series so many may be on their way together. */
const LONGEST = 256;

export type Tails = {
  /** The next stored value of a series, in the order of their times. */
  put(series: Known, point: Point): void;
  /** Learns those of a series that were before a time (ms). */
  release(series: Known, time?: number): void;
};

export function tails(learn: (series: Known, point: Point) => void): Tails {
  const held = new Map<Known, Point[]>();
  return {
    put(series, point) {
      const tail = held.get(series) ?? [];
      held.set(series, tail);
      if (tail.push(point) > LONGEST) learn(series, tail.shift()!);
    },
    release(series, time = Number.POSITIVE_INFINITY) {
      // As a rule there are none.
      const tail = held.size === 0 ? undefined : held.get(series);
      if (tail === undefined) return;
      while (tail.length > 0 && !(tail[0]!.time >= time)) learn(series, tail.shift()!);
      if (tail.length === 0) held.delete(series);
    },
  };
}
