// Accepted: what somebody said was normal of a series, the last few of it, until it is taken back.
import { ACCEPTED, ACCEPTED_ENTRIES, MOST_ACCEPTED, places } from './cells.ts';

/** What was accepted: a value, a pause, a stretch of equal values, one of zeros, a run of the lower of two states, one of the upper, a mean of the last 24 values, a stretch of 0 in one of two states. */
export const [VALUE, PAUSE, STRETCH, ZEROS, RUN_OFF, RUN_ON, MEAN, ZERO_STRETCH] = [1, 2, 3, 4, 5, 6, 7, 8] as const;

/** `about`: a value, or a time in ms, by which it can be told from others of its kind; `reach`: how far it goes, in what the kind is judged by. */
export type Entry = { readonly what: number; readonly about: number; readonly reach: number };

const [WHAT, ABOUT, REACH] = places(0);
const SIZE = 3;

/** Like an accepted value, or mean. */
export function isAccepted(cells: Float64Array, value: number, what: typeof VALUE | typeof MEAN = VALUE): boolean {
  const end = endOf(cells);
  for (let at = ACCEPTED_ENTRIES; at < end; at += SIZE)
    if (cells[at + WHAT] === what && Math.abs(value - cells[at + ABOUT]!) <= cells[at + REACH]!) return true;
  return false;
}

/** How far the entries of a kind reach, 0: there is none. */
export function acceptedReach(cells: Float64Array, what: number): number {
  let reach = 0;
  const end = endOf(cells);
  for (let at = ACCEPTED_ENTRIES; at < end; at += SIZE)
    if (cells[at + WHAT] === what) reach = Math.max(reach, cells[at + REACH]!);
  return reach;
}

/** Where there are too many, the oldest one is forgotten. */
export function addAccepted(cells: Float64Array, { what, about, reach }: Entry): void {
  if (cells[ACCEPTED] === MOST_ACCEPTED) removeAt(cells, ACCEPTED_ENTRIES);
  cells.set([what, about, reach], endOf(cells));
  cells[ACCEPTED]!++;
}

/** Forgets the entries of a kind about the same, and answers how far they went; undefined where there was none. */
export function removeAccepted(cells: Float64Array, what: number, about: number): number | undefined {
  let reach: number | undefined;
  for (let at = endOf(cells) - SIZE; at >= ACCEPTED_ENTRIES; at -= SIZE) {
    if (cells[at + WHAT] !== what || cells[at + ABOUT] !== about) continue;
    reach = Math.max(reach ?? 0, cells[at + REACH]!);
    removeAt(cells, at);
  }
  return reach;
}

const endOf = (cells: Float64Array): number => ACCEPTED_ENTRIES + SIZE * cells[ACCEPTED]!;

function removeAt(cells: Float64Array, at: number): void {
  cells.copyWithin(at, at + SIZE, endOf(cells));
  cells[ACCEPTED]!--;
}
