// Codes: a status register tells states by few small whole numbers; how far one is from another means nothing.
import { CODES, KNOWN_CODES, MOST_CODES, places } from './cells.ts';

const LARGEST_CODE = 255;
// From then on a code that was never seen is news, if the register was seen to change at all.
const KNOWN_AFTER = 64;

const [SIZES, HAVE, POINTS] = places(CODES);

/** What a value is: a size, a code seen before, or a new one. */
export type Role = 'size' | 'known' | 'new';

export function roleOf(cells: Float64Array, value: number): Role {
  if (cells[SIZES] === 1) return 'size';
  const points = ++cells[POINTS]!;
  const have = cells[HAVE]!;
  for (let one = 0; one < have; one++) if (cells[KNOWN_CODES + one] === value) return 'known';
  if (have === MOST_CODES || !Number.isInteger(value) || value < 0 || value > LARGEST_CODE) {
    cells[SIZES] = 1;
    return 'size';
  }
  cells[KNOWN_CODES + have] = value;
  cells[HAVE] = have + 1;
  return have + 1 > 2 && points > KNOWN_AFTER ? 'new' : 'known';
}
