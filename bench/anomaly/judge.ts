// Judge: which planted faults a scorer found, and how often it cried without one.
import { type DeviceSeries, type FaultKind, FAULTS } from './devices.ts';

/** A fault counts as found within so many points after its end. */
const LATE = 10;
/** Alarms are counted from this point on, and not within so many points after a fault. */
const FIRST = 600;
const AFTER = 400;

export type Finds = {
  found: Map<FaultKind, { found: number; planted: number }>;
  falseAlarms: number;
  /** Points at which an alarm would have been a false one. */
  quietPoints: number;
};

export const noFinds = (): Finds => ({ found: new Map(), falseAlarms: 0, quietPoints: 0 });

/** Whether `scores` (below 0 = alarm) found a fault. */
export const isFound = ({ from, to }: DeviceSeries['faults'][number], scores: readonly number[]): boolean =>
  scores.slice(from, to + LATE).some(score => score < 0);

/** Adds what `scores` (below 0 = alarm) found of the series' faults to `finds`. */
export function judge({ faults }: DeviceSeries, scores: readonly number[], finds: Finds): Finds {
  for (const fault of faults) {
    const tally = finds.found.get(fault.kind) ?? { found: 0, planted: 0 };
    tally.planted++;
    if (isFound(fault, scores)) tally.found++;
    finds.found.set(fault.kind, tally);
  }
  for (let at = FIRST; at < scores.length; at++) {
    if (faults.some(({ from, to }) => at >= from && at < to + AFTER)) continue;
    finds.quietPoints++;
    if ((scores[at] as number) < 0) finds.falseAlarms++;
  }
  return finds;
}

export const perTenThousand = ({ falseAlarms, quietPoints }: Finds): number => (1e4 * falseAlarms) / quietPoints;

/** Cells of a table: what was found of each kind, in percent with so many digits, and false alarms in 10,000 points. */
export const cellsOf = (finds: Finds, digits = 0): string[] => [
  ...FAULTS.map(kind => finds.found.get(kind)).map(tally =>
    tally === undefined ? '–' : `${((100 * tally.found) / tally.planted).toFixed(digits)} %`,
  ),
  perTenThousand(finds).toFixed(2),
];
