// Wild: what one value that nobody can believe (an uninitialised 1e38, a power-up 65535) may teach.
import { places, VALUE, WILD } from './cells.ts';
import { LEARNED } from './panel.ts';

// LOW, HIGH: the range so far. LATER_LOW, LATER_HIGH: that of the first few values without the very first. SPARE: how many wild
// values may be left unlearned.
const [LOW, HIGH, LATER_LOW, LATER_HIGH, SPARE] = places(WILD);

/** A value so many ranges beyond the range so far is wild. */
const REACH = 4;
/** So many values tell of a range. */
const FEW = 8;
// So many glitches in a row teach nothing; what comes more often than once in so many values is the manner of the series.
const MOST_SPARE = 2;
const BETWEEN = 1000;

/**
 * A wild value must not blind the models. False: nothing is to be learned of it, as it came alone and is news (nothing like it
 * came at its time a day or a week ago). True: VALUE is to be learned, of a wild one only so much as is not wild. So a true new
 * level is reached within a few points all the same.
 */
export function tame(cells: Float64Array, isNews: boolean): boolean {
  const [value, learned] = [cells[VALUE]!, cells[LEARNED]!];
  if (learned === 0) {
    cells[LOW] = value;
    cells[HIGH] = value;
    cells[SPARE] = MOST_SPARE;
  }
  const [low, high] = [cells[LOW]!, cells[HIGH]!];
  const isKnown = learned >= FEW && high > low;
  const reach = REACH * (isKnown ? high - low : Math.max(high - low, Math.abs(high), Math.abs(low)));
  const kept = reach > 0 ? Math.min(high + reach, Math.max(low - reach, value)) : value;
  cells[VALUE] = kept;
  cells[SPARE] = Math.min(MOST_SPARE, cells[SPARE]! + 1 / BETWEEN);
  if (isNews && isKnown && kept !== value && cells[SPARE] >= 1) {
    cells[SPARE]--;
    return false;
  }
  cells[LOW] = Math.min(low, kept);
  cells[HIGH] = Math.max(high, kept);
  return true;
}

/** The range of the values so far. */
export const spanOf = (cells: Float64Array): number => cells[HIGH]! - cells[LOW]!;

/** The first few values tell of the very first, if they keep so many times nearer to each other than to it. */
const FAR = 20;

/** After each value that was learned: true, once, where the very first one was wild. Nothing was known of it when it came. */
export function wasFirstWild(cells: Float64Array): boolean {
  const [value, learned] = [cells[VALUE]!, cells[LEARNED]!];
  if (learned > FEW || learned < 2) return false;
  cells[LATER_LOW] = learned === 2 ? value : Math.min(cells[LATER_LOW]!, value);
  cells[LATER_HIGH] = learned === 2 ? value : Math.max(cells[LATER_HIGH]!, value);
  const off = Math.max(cells[LATER_LOW]! - cells[LOW]!, cells[HIGH]! - cells[LATER_HIGH]!);
  return learned === FEW && off > FAR * (cells[LATER_HIGH]! - cells[LATER_LOW]!);
}
