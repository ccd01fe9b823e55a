// What the mode of a Bosch GLM message says of its result: metric and name, or that there is none yet.
import type { LaserMetric } from './define.ts';

export type GlmMode = { name: string; metric: LaserMetric };

/** The three numbers of a message: metres, m², m³ or degrees by its mode. */
export type GlmValues = { result: number; first: number; second: number };

type Dispute = (values: GlmValues) => GlmMode | { part: string };

const mode = (name: string, metric: LaserMetric): GlmMode => ({ name, metric });

/** Modes on which all sources agree, or which only one names. */
const plain: ReadonlyMap<number, GlmMode> = new Map([
  [1, mode('single', 'value_mm')],
  [2, mode('continuous', 'value_mm')],
  [7, mode('volume', 'volume_m3')],
  [8, mode('angle', 'angle_deg')],
  [9, mode('continuous-angle', 'angle_deg')],
  [10, mode('indirect-height', 'value_mm')],
  [11, mode('indirect-length', 'value_mm')],
  [16, mode('sum', 'value_mm')],
  [17, mode('difference', 'value_mm')],
  [18, mode('area-sum', 'area_m2')],
  [19, mode('area-difference', 'area_m2')],
  [20, mode('volume-sum', 'volume_m3')],
  [21, mode('volume-difference', 'volume_m3')],
  [22, mode('level', 'angle_deg')],
  [23, mode('continuous-level', 'angle_deg')],
  [26, mode('trapezoid', 'value_mm')],
]);

/**
 * Modes that the two public numberings give another meaning: that of Bosch's own protocol library (area, volume and
 * double indirect in parts, with the distance of the part as first component), and that of a shorter list.
 */
const disputed: ReadonlyMap<number, Dispute> = new Map<number, Dispute>([
  [3, ({ result }) => (result === 0 ? { part: 'an area' } : mode('min-max', 'value_mm'))],
  [4, values => (isProduct(values) ? mode('area', 'area_m2') : mode('add-subtract', 'value_mm'))],
  [5, ({ result }) => (result === 0 ? { part: 'a volume' } : mode('area', 'area_m2'))],
  [6, ({ result }) => (result === 0 ? { part: 'a volume' } : mode('volume', 'volume_m3'))],
  [12, ({ result }) => (result === 0 ? { part: 'a double indirect distance' } : mode('double-indirect', 'value_mm'))],
  [13, ({ first }) => (first > 0 ? mode('double-indirect', 'value_mm') : mode('partial-area', 'area_m2'))],
  [14, ({ result }) => (result === 0 ? { part: 'a wall area' } : mode('stake-out', 'value_mm'))],
  [15, ({ first }) => (first > 0 ? mode('wall-area', 'area_m2') : mode('angle', 'angle_deg'))],
  [24, () => ({ part: 'a trapezoid' })],
  [25, () => ({ part: 'a trapezoid' })],
]);

/** The mode, or the reason why the message gives no measurement. */
export function glmModeOf(number: number, values: GlmValues): GlmMode | { rejected: string } {
  // 0 no action; 57 to 63 are settings, lists and errors.
  if (number === 0 || number >= 57) return { rejected: `status message (mode ${number}), no measurement` };
  const found = plain.get(number) ?? disputed.get(number)?.(values);
  if (found === undefined) return { rejected: `mode ${number} is not known` };
  return 'part' in found ? { rejected: `part of ${found.part}, no result yet` } : found;
}

/** The area of two distances: nothing else gives a result so near to their product. */
function isProduct({ result, first, second }: GlmValues): boolean {
  return first > 0 && second > 0 && Math.abs(result - first * second) <= 0.001 * result;
}
