// Feedback: what somebody says was normal is no anomaly from then on, until it is taken back.
import { addAccepted, MEAN, PAUSE, removeAccepted, STRETCH, VALUE, ZERO_STRETCH, ZEROS } from './accepted.ts';
import { endAlarm } from './alarm.ts';
import type { Known } from './cells.ts';
import { watchedOf } from './counter.ts';
import { forecastOf } from './panel.ts';
import { lastPause, usualPause } from './rhythm.ts';
import { endedLength, runBefore } from './runs.ts';
import { explain } from './score.ts';
import { standing } from './stillness.ts';
import { acceptZeros, retractZeros } from './zeros.ts';

/** A value of which somebody says that it was normal, as it was explained: of a counter its rate; `mean` of the last 24 where it was that; `low` and `high`: what would have passed; `pause` (ms) before it. */
export type Accepted = {
  readonly kind: string;
  readonly value: number;
  readonly mean?: number | undefined;
  readonly expected?: number | undefined;
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  readonly pause?: number | undefined;
};

/** A value is like an accepted one within this share of that one's distance from its forecast, and by as much as would have passed; a pause, if it is longer by no more. */
const LIKE = 0.1;
/** An accepted stretch of equal values mostly still lasts, and a drift goes on: both are told as soon as they show. */
const LASTS = 3;

/** Values like this one, the one last scored where none is given, stretches and pauses so long are no anomalies from now on. */
export function accept(known: Known, given?: Accepted): void {
  const { cells } = known;
  const said = given ?? lastSaid(known);
  endAlarm(cells);
  for (const [what, about] of namesOf(cells, said))
    for (const one of alike(what)) {
      // Said again: it reaches no less than before.
      const before = removeAccepted(cells, one, about) ?? 0;
      addAccepted(cells, { what: one, about, reach: Math.max(before, reachOf(cells, one, said)) });
    }
}

/** 0 that stood still did so at an odd time or for too long, which is not told apart. */
const alike = (what: number): readonly number[] => (what === ZEROS ? [ZEROS, ZERO_STRETCH] : [what]);

/** Takes that back; false where it is not, or no longer, among what was accepted. */
export function retract(known: Known, given?: Accepted): boolean {
  const { cells } = known;
  let isFound = false;
  for (const [what, about] of namesOf(cells, given ?? lastSaid(known))) {
    const reaches = alike(what).map(one => removeAccepted(cells, one, about));
    if (what === ZEROS && reaches[0] !== undefined) retractZeros(cells, reaches[0]);
    isFound ||= reaches.some(reach => reach !== undefined);
  }
  return isFound;
}

function lastSaid(known: Known): Accepted {
  const { kind, isMean, judged, expected, band: [low, high] = [] } = explain(known, {});
  return { kind, value: watchedOf(known).value, mean: isMean && judged, expected, low, high };
}

type Name = readonly [what: number, about: number];

/** What was meant, by which it is found again: a pause, a stretch or a run may have come with a value that is odd besides. */
function namesOf(cells: Float64Array, said: Accepted): readonly Name[] {
  const { kind, value, mean, low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY, pause = 0 } = said;
  const judged: Name = mean === undefined ? [VALUE, value] : [MEAN, mean];
  const besides = judged[1] < low || judged[1] > high ? [judged] : [];
  if (kind === 'gap') return [[PAUSE, pause], ...besides];
  if (kind === 'stuck') return [[value === 0 ? ZEROS : STRETCH, pause], ...besides];
  if (kind === 'pulse') return [[runBefore(cells, value), pause], ...besides];
  return [judged];
}

function reachOf(
  cells: Float64Array,
  what: number,
  { value, mean = value, expected = forecastOf(cells), low = expected, high = expected, pause }: Accepted,
): number {
  /** In values. */
  const length = pause === undefined ? undefined : Math.max(1, Math.round(pause / usualPause(cells)));
  if (what === VALUE) {
    const off = Math.abs(value - expected);
    // The next one varies as values of this series do.
    const usual = value > expected ? high - expected : expected - low;
    return Math.max(LIKE * off, Math.min(usual, off / 2));
  }
  if (what === MEAN) return (LASTS - 1) * Math.abs(mean - expected);
  if (what === PAUSE) return (1 + LIKE) * (pause ?? lastPause(cells));
  if (what === STRETCH || what === ZERO_STRETCH) return LASTS * (length ?? standing(cells)[0]);
  if (what === ZEROS) return acceptZeros(cells);
  return 1 / (length ?? endedLength(cells));
}
