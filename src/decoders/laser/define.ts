// What a laser frame decoder gives: one measurement, or why there is none.
import type { Metadata, Value } from '../../reading/reading.ts';

export type DecodedFrame =
  | { telemetry: Record<string, Value>; deviceModel: string; metadata: Metadata; quality?: Record<string, string> }
  | { rejected: string };

/** `disto-inclination` and `disto-unit` are characteristics of a DISTO beside that of the distance. */
export const laserKinds = ['glm', 'glm100', 'disto', 'disto-inclination', 'disto-unit'] as const;
export type LaserKind = (typeof laserKinds)[number];

export type LaserMetric = 'value_mm' | 'area_m2' | 'volume_m3' | 'angle_deg';

/** Beyond any hand-held laser meter; what claims more is damaged. */
export const FARTHEST_METRES = 300;

/**
 * Metres to mm, rounded to 0.01 mm: the meters resolve 0.05 mm at best, and a float32 of metres carries noise from the
 * fourth decimal of a mm on (2.45 m arrives as 2.4500000477).
 */
export function millimetres(metres: number): number {
  return Math.round(metres * 100_000) / 100;
}

/** Why a distance cannot be one, or undefined. */
export function distanceFault(metres: number): string | undefined {
  if (!Number.isFinite(metres)) return 'distance is not a number';
  if (metres <= 0) return 'distance is not above 0';
  if (metres > FARTHEST_METRES) return `distance is more than ${FARTHEST_METRES} m`;
  return undefined;
}

/** What a sum of distances, an area or a volume of them cannot reach, in m, m², m³ and degrees. */
const farthest: Readonly<Record<LaserMetric, number>> = {
  value_mm: 10_000,
  area_m2: 1e7,
  volume_m3: 1e9,
  angle_deg: 360,
};

/** Why a calculated result cannot be one, or undefined. A sum may well be negative. */
export function resultFault(metric: LaserMetric, result: number): string | undefined {
  if (!Number.isFinite(result)) return 'result is not a number';
  return Math.abs(result) > farthest[metric] ? `result is beyond ${farthest[metric]}` : undefined;
}

/** A result in the unit of its metric. */
export function resultOf(metric: LaserMetric, result: number): number {
  return (metric === 'value_mm' ? millimetres(result) : short(result)) + 0;
}

/** Seven digits are what a float32 carries. */
export function short(value: number): number {
  return Number(value.toPrecision(7));
}
