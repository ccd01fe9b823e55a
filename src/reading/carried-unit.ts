// Carried unit: in what a metric outside the vocabulary is measured, where its message says so or its register map does.
import { boundedMap } from '../kernel/bounded.ts';
import type { Reading } from './reading.ts';

/** `m³/h`, `l/min`, `kvarh`: what looks like a unit. Where `unit` is a place or a number, none is better than that. */
const UNIT = /^[\p{L}%‰°µ]{1,6}[²³23]?([/·][\p{L}]{1,6}[²³23]?){0,2}$/u;
const MOST_MAPS = 1000;

/** By name of the map, the units of its metrics. */
const maps = boundedMap<string, ReadonlyMap<string, string>>(MOST_MAPS);

/** `units`: metric → unit, of what this map reads. */
export function noteUnits(map: string, units: ReadonlyMap<string, string>): void {
  maps.set(map, units);
}

/** Of this metric by its own field (`flow_unit`, `units.flow`), or by `unit` where the reading has no other number. */
export function carriedUnit(
  { telemetry, metadata }: Pick<Reading, 'telemetry' | 'metadata'>,
  metric: string,
): string | undefined {
  const { parser, extra } = metadata;
  const { units, unit } = (extra ?? {}) as { units?: unknown; unit?: unknown };
  const own = units !== null && typeof units === 'object' && Object.hasOwn(units, metric);
  const isAlone = Object.values(telemetry).filter(value => typeof value === 'number').length === 1;
  return [
    telemetry[`${metric}_unit`],
    own ? (units as Record<string, unknown>)[metric] : undefined,
    ...(isAlone ? [telemetry['unit'], telemetry['units'], unit, units] : []),
    parser === undefined ? undefined : maps.get(parser)?.get(metric),
  ].find((text): text is string => typeof text === 'string' && UNIT.test(text));
}
