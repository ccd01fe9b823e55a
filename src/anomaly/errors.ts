// Errors: how far each forecast of a value was ever wrong, in values. An error as large as ten before it is hardly news, however
// small the usual one has become of late: what comes in bouts (taps, machines, clouds) is calm in between.
import { MEANS } from './cells.ts';
import { boundAt, isKnownAt, learnExtreme, limitOf, type Reach, rarityAt, surpriseBeyond } from './range.ts';

/** The sides of ranges before those of errors are of values and means. */
const FIRST_SIDE = 4;
/** Errors so many points apart are extremes of their own. */
const APART = 24;
const OF_ERRORS: Reach = { trust: 1, usual: 0.03, least: 0.003, exponent: 5, growing: true, smallest: () => 0 };
/** An opinion may be by so much stronger than the range of its errors tells: inside it, and beyond. */
const [INSIDE, BEYOND] = [1, 4];

/** Means have a range of their own. */
const sideOf = (model: number): number => FIRST_SIDE + (model < MEANS ? model : model - 1);

/** Where the cells stand that `errorAt` looks at. */
export const errorLimit = (model: number): number => limitOf(sideOf(model));

/** The surprise that an error of this forecast can be at most. */
export function mostSurprising(cells: Float64Array, model: number, error: number): number {
  const side = sideOf(model);
  if (!isKnownAt(cells, limitOf(side))) return Number.POSITIVE_INFINITY;
  const beyond = surpriseBeyond(cells, side, OF_ERRORS, error);
  return beyond > 0 ? beyond + BEYOND : rarityAt(cells, limitOf(side)) + INSIDE;
}

/** Whether an error of this surprise is greater than ten of those that were made before, as far as ten are known. */
export function isNews(cells: Float64Array, model: number, surprise: number): boolean {
  const limit = errorLimit(model);
  return !isKnownAt(cells, limit) || surprise > rarityAt(cells, limit) + INSIDE;
}

/** Up to which error none has this surprise, by the cells from `limit` on. */
export function errorAt(cells: Float64Array, limit: number, surprise: number): number {
  if (!isKnownAt(cells, limit) || surprise < rarityAt(cells, limit) + INSIDE) return 0;
  return boundAt(cells, limit, OF_ERRORS, surprise - BEYOND);
}

/** Learns an error of a series of this scale. */
export function learnError(cells: Float64Array, model: number, error: number, scale: number): void {
  learnExtreme(cells, sideOf(model), OF_ERRORS, error, scale, APART);
}
