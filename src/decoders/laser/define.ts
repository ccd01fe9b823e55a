// What a laser frame decoder gives: one measurement, or why there is none.
import type { Metadata, Value } from '../../reading/reading.ts';

export type DecodedFrame =
  | { telemetry: Record<string, Value>; deviceModel: string; metadata: Metadata; quality?: Record<string, string> }
  | { rejected: string };

export const laserKinds = ['glm', 'glm100', 'disto'] as const;
export type LaserKind = (typeof laserKinds)[number];

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
