// The journal's mark: a small file beside it that tells how far its commits went, so that a write-ahead log that is gone is noticed.
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';

/** After the newest commit. `seq`: newest number; `entries`: how many somebody still waited for; `notes`: some of them. */
export type Mark = { seq: number; entries: number; notes: Readonly<Record<string, string>> };

export type MarkFile = {
  /** What an earlier process has left. */
  readonly found: Mark | undefined;
  /** Without fsync: after a power cut it may be behind the journal, never ahead of it. */
  keep(mark: Mark): void;
  close(): void;
};

/** Overwritten in place: needs no room on a full disk, and no kill can leave half of it. */
const LENGTH = 512;

/** A journal works without its mark, too. */
export function openMark(file: string): MarkFile {
  const found = readMark(file);
  let handle: number | undefined;
  try {
    handle = openSync(file, found === undefined ? 'w' : 'r+', 0o600);
  } catch {
    // Said by the journal itself, which needs more than this of its folder.
  }
  return {
    found,
    keep(mark) {
      const text = Buffer.from(JSON.stringify(mark).padEnd(LENGTH));
      if (handle === undefined || text.length !== LENGTH) return;
      try {
        writeSync(handle, text, 0, LENGTH, 0);
      } catch {
        // The commit stands; the next one writes the mark.
      }
    },
    close() {
      if (handle !== undefined) closeSync(handle);
      handle = undefined;
    },
  };
}

/** Undefined where there is none, or half of one. */
export function readMark(file: string): Mark | undefined {
  try {
    const mark = JSON.parse(readFileSync(file, 'utf8')) as Mark;
    const isWhole = Number.isSafeInteger(mark.seq) && Number.isSafeInteger(mark.entries);
    return isWhole && typeof mark.notes === 'object' ? mark : undefined;
  } catch {
    return undefined;
  }
}
