// Accepted: values of which somebody said that they were normal.
import { ACCEPTED, ACCEPTED_VALUES, MOST_ACCEPTED } from './cells.ts';

/** A value is like an accepted one within this share of that one's distance from its forecast. */
const LIKE = 0.1;

/** Like one of the last few accepted values. */
export function isAccepted(cells: Float64Array, value: number): boolean {
  const have = Math.min(MOST_ACCEPTED, cells[ACCEPTED]!);
  for (let one = ACCEPTED_VALUES; one < ACCEPTED_VALUES + 2 * have; one += 2)
    if (value >= cells[one]! && value <= cells[one + 1]!) return true;
  return false;
}

/** Remembers a value as normal where `expected` was forecast; the oldest one is forgotten. */
export function acceptValue(cells: Float64Array, value: number, expected: number): void {
  const margin = LIKE * Math.abs(value - expected);
  const place = ACCEPTED_VALUES + 2 * (cells[ACCEPTED]!++ % MOST_ACCEPTED);
  cells[place] = value - margin;
  cells[place + 1] = value + margin;
}
