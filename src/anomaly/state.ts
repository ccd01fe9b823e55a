// State: what a series knows as bytes, and back; the score after is the score without.
import { BLOCK_BYTES, type Known } from './cells.ts';

/** First byte of a saved state. Raised whenever a cell changes its meaning. */
const VERSION = 21;
const SIZE = BLOCK_BYTES + 1;

/** The block of a series behind its version, numbers little endian as on every machine that Node.js runs on. */
export function save({ cells }: Known): Uint8Array {
  const saved = new Uint8Array(SIZE);
  saved[0] = VERSION;
  saved.set(new Uint8Array(cells.buffer), 1);
  return saved;
}

/** Whether bytes are what `save` gives in this version. */
export const isState = (saved: Uint8Array): boolean => saved[0] === VERSION && saved.length === SIZE;

/** Fills a series with what `save` gave; false, and nothing changed, when it is of another version or length. */
export function restore({ cells }: Known, saved: Uint8Array): boolean {
  if (!isState(saved)) return false;
  new Uint8Array(cells.buffer).set(saved.subarray(1));
  return true;
}
