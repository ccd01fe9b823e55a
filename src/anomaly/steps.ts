// Steps: a coarse sensor gives its values in round steps, or in halves of halves as its converter does. One that lies a step or two from what was expected is nothing odd,
// however still the series stood before.
import type { MEAN } from './accepted.ts';
import { VALUE } from './cells.ts';
import { isCounter } from './counter.ts';
import { BEFORE, GRAIN } from './panel.ts';
import { usualRange } from './range.ts';
import { isLively } from './stillness.ts';
import { spanOf } from './wild.ts';

/** So many steps from the expected value nothing is odd; means of many values come in finer ones. */
const [NEAR, NEAR_MEAN] = [2, 1];
/** A step is one of so many units of the last decimal place at most. */
const MOST_UNITS = 5;
const MOST_DECIMALS = 6;
/** Steps of converters that halve: of a degree, a volt, a percent. */
const HALVED = [1 / 4, 1 / 8, 1 / 16, 1 / 32];
/** On and off are no steps: one of them is 0, and the other not so many from it. */
const LEAST_SPAN = 2.5;
/** Of rounding. */
const EXACT = 1e-6;

/** How far from the expected value a value, or mean, of a coarse sensor is nothing odd; 0 of all others. */
export function nearBySteps(cells: Float64Array, mean?: typeof MEAN): number {
  if (isCounter(cells)) return 0;
  const value = cells[VALUE]!;
  const step = Math.min(cells[GRAIN]!, Math.abs(value - cells[BEFORE]!) || Number.POSITIVE_INFINITY);
  if (!isCoarse(step, value) || isSwitch(cells, step)) return 0;
  return (mean === undefined ? NEAR : NEAR_MEAN) * step * (1 + EXACT);
}

/** Whether a series that moves is on and off by such a step; a fault or two that it showed beside make it no sensor. */
function isSwitch(cells: Float64Array, step: number): boolean {
  if (!isLively(cells)) return false;
  const usual = usualRange(cells);
  if (usual === undefined) return spanOf(cells) < LEAST_SPAN * step;
  const [low, high] = usual;
  return (low === 0 || high === 0) && high - low < LEAST_SPAN * step;
}

/** Whether so large a step is one of a coarse sensor that gave this value. */
const isCoarse = (step: number, value: number): boolean =>
  (step <= MOST_UNITS * unitOf(value) * (1 + EXACT) && isRound(step)) ||
  HALVED.some(one => Math.abs(step - one) < EXACT && isWhole(value / one));

const isWhole = (value: number): boolean => Math.abs(value - Math.round(value)) < EXACT;

/** One in the last decimal place of a value; 0 where it has too many. */
function unitOf(value: number): number {
  for (let decimals = 0; decimals <= MOST_DECIMALS; decimals++)
    if (isWhole(value * 10 ** decimals)) return 10 ** -decimals;
  return 0;
}

/** Whether a step is one, two or five of a decimal place. */
function isRound(step: number): boolean {
  const leading = step / 10 ** Math.floor(Math.log10(step * (1 + EXACT)));
  return [1, 2, 5].some(one => Math.abs(leading - one) < EXACT);
}
