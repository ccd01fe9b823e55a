// What waits for the journal's next commit.
import type { Fault } from '../kernel/fault.ts';
import type { Writes } from './journal-worker.ts';

/** What the next commit holds, and whom to tell of it. */
export type Queued = { writes: Writes; blobs: Uint8Array[]; done: (() => void)[]; failed: ((fault: Fault) => void)[] };
export const emptyQueue = (): Queued => ({
  writes: { newReaders: [], acks: [], appends: [], blobs: new Uint8Array(), drops: [], notes: [] },
  blobs: [],
  done: [],
  failed: [],
});
export const isEmpty = ({ writes: w }: Queued): boolean =>
  w.newReaders.length + w.acks.length + w.appends.length + w.drops.length + w.notes.length === 0;

export function joined(blobs: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(blobs.reduce((sum, blob) => sum + blob.length, 0));
  let at = 0;
  for (const blob of blobs) {
    bytes.set(blob, at);
    at += blob.length;
  }
  return bytes;
}
