// Values that nothing in the world has: a damaged frame or an unused field, not a measurement.

export type Range = readonly [low: number, high: number];

const PERCENT: Range = [0, 100];

/**
 * By metric, in the units of the vocabulary. The hottest probes end below 2000 °C. Humidity sensors tell somewhat more
 * than 100 % in saturated air; bytes that are all ones come to 127, 255 or 655 %.
 */
const ranges: ReadonlyMap<string, Range> = new Map<string, Range>([
  ['battery', PERCENT],
  ['moisture', PERCENT],
  ['humidity', [-10, 120]],
  ['temperature', [-273.15, 2000]],
]);

/** `temperature_2`, `humidity_probe_1` and the like are one of several. */
const NUMBERED = /^(?:[a-z_]+_)?(battery|moisture|humidity|temperature)(?:_probe)?_\d{1,3}$/;

/** Why a number cannot be of this metric, or undefined. `own`: ranges that the layout of the decoder documents itself. */
export function implausible(metric: string, value: number, own?: Readonly<Record<string, Range>>): string | undefined {
  const range = own?.[metric] ?? ranges.get(metric) ?? numbered(metric);
  if (range === undefined || !Number.isFinite(value) || (value >= range[0] && value <= range[1])) return undefined;
  return value < range[0] ? `below ${range[0]}` : `above ${range[1]}`;
}

/** Most names end in a letter: they are told apart without the expression. */
function numbered(metric: string): Range | undefined {
  const last = metric.charCodeAt(metric.length - 1);
  return last >= 0x30 && last <= 0x39 ? ranges.get(NUMBERED.exec(metric)?.[1] ?? '') : undefined;
}
