// Plain: a series whose values tell nothing of the next one (pure noise, of whatever tail). All models see the same there,
// so that they agree is hardly news.
import { PLAIN, places } from './cells.ts';

/** Values over which both means go. */
const SPAN = 1000;
/** One wild value counts as so many scales in them. */
const MOST = 8;
// The share of its spread that the best forecast leaves over: from FROM on a series is plain, from SURE on for sure. Much
// above 1 the forecast is misled, which tells nothing.
const FROM = 0.985;
const SURE = 0.998;
const MISLED_FROM = 1.1;
const MISLED = 1.15;
/** Values before it can be told, and until it is. The first ones are left out: forecasts go wild while they settle. */
const SETTLED = 100;
const YOUNG = 300;
const GROWN = 1000;

// Mean distance from the mean, and from the forecast. KEPT: how plain the series was at its plainest, of late.
const [SPREAD, LEFT, COUNT, KEPT] = places(PLAIN);

const between = (low: number, high: number, value: number): number =>
  Math.min(1, Math.max(0, (value - low) / (high - low)));

/** A fault makes noise look as if values told of the next; how plain the series was before is kept in mind for so many. */
const MEMORY = 4000;

/** Learns how far a value was from the long-run mean, of which `scale` is the usual distance, and from the best forecast. */
export function learnPlainness(cells: Float64Array, fromMean: number, fromForecast: number, scale: number): void {
  const count = ++cells[COUNT]! - SETTLED;
  if (count <= 0) return;
  const weight = Math.max(1 / count, 1 / SPAN);
  const most = MOST * scale;
  cells[SPREAD]! += weight * (Math.min(most, Math.abs(fromMean)) - cells[SPREAD]!);
  cells[LEFT]! += weight * (Math.min(most, Math.abs(fromForecast)) - cells[LEFT]!);
  cells[KEPT] = Math.max(cells[KEPT]! - 1 / MEMORY, plainness(cells));
}

/** From 0, each value tells of the next, to 1, none does. */
export function plainness(cells: Float64Array): number {
  if (!(cells[SPREAD]! > 0)) return 0;
  const left = cells[LEFT]! / cells[SPREAD]!;
  const age = between(YOUNG, GROWN, cells[COUNT]!);
  return age * between(FROM, SURE, left) * (1 - between(MISLED_FROM, MISLED, left));
}

/** The same of late, whatever fault has been since. */
export const wasPlain = (cells: Float64Array): number => Math.max(0, cells[KEPT]!);
