// Feedback: what somebody says was normal is no anomaly from then on.
import { acceptValue } from './accepted.ts';
import { endAlarm } from './alarm.ts';
import type { Known } from './cells.ts';
import { forecastOf } from './panel.ts';
import { acceptRhythm, usualPause } from './rhythm.ts';
import { acceptRun, endedLength } from './runs.ts';
import { kindSaid, watchedOf } from './score.ts';

/** A value of which somebody says that it was normal, as it was explained: of a counter its rate; `pause` (ms) before it. */
export type Accepted = {
  readonly kind: string;
  readonly value: number;
  readonly expected?: number;
  readonly pause?: number;
};

/** Values like this one, the one last scored where none is given, stretches and pauses so long are no anomalies from now on. */
export function accept(known: Known, given?: Accepted): void {
  const { cells } = known;
  const { kind, value, expected, pause } = given ?? { kind: kindSaid(known), value: watchedOf(known).value };
  endAlarm(cells);
  if (kind === 'gap' || kind === 'stuck') acceptRhythm(cells, pause);
  else if (kind === 'pulse')
    acceptRun(cells, value, pause === undefined ? endedLength(cells) : pause / usualPause(cells));
  else acceptValue(cells, value, expected ?? forecastOf(cells));
}
