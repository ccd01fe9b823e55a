// How much of a message a dead letter keeps: all of it, but for what no table, list and text could hold any more.
import { digest } from '../kernel/bytes.ts';
import type { Reading } from './reading.ts';

/** Bytes. In hex, as it is shown and travels, twice as long; a text of 512 MB is the longest that there can be. */
export const LARGEST_LETTER = 128 << 20;
const PART_BYTES = 1 << 20;

/** `whole` is false where only the begin is kept; the reason says so then. */
export type LetterPart = { bytes: Uint8Array; reason: string; whole: boolean };

export function letterPart(bytes: Uint8Array, reason: string): LetterPart {
  if (bytes.length <= LARGEST_LETTER) return { bytes, reason, whole: true };
  const says = `only the first ${PART_BYTES} of ${bytes.length} bytes are kept (digest of all ${digest(bytes)}): a dead letter holds at most ${LARGEST_LETTER}`;
  return { bytes: bytes.subarray(0, PART_BYTES), reason: `${says}; ${reason}`, whole: false };
}

/** JSON of a reading without what belonged to this one delivery: the same reading refused again is the same letter. Throws for what JSON cannot hold. */
export function letterOfReading({
  metadata: { receipt: _receipt, entry: _entry, ...metadata },
  ...reading
}: Reading): Buffer {
  return Buffer.from(JSON.stringify({ ...reading, metadata }));
}
