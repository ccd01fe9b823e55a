// What became of a reading in its table: travels with it from the sink to those who tell others of its rows.
import type { Reading } from './reading.ts';

/** Columns of the rows that the reading itself does not show. */
export type Stored = {
  /** Where the table gives its rows one. */
  id?: number;
  /** 32 hex digits. */
  digest: string;
  /** JSON, null where the column is. */
  metadata: string | null;
};

// A symbol: no JSON and no table ever shows it; clones of a message keep it.
const STORED = Symbol('fieldline.stored');
type Marked = Reading['metadata'] & { [STORED]?: Stored };

export function noteStored({ metadata }: Reading, stored: Stored): void {
  (metadata as Marked)[STORED] = stored;
}

/** Undefined where no sink of this process has stored it. */
export function storedOf({ metadata }: Reading): Stored | undefined {
  return (metadata as Marked)[STORED];
}
