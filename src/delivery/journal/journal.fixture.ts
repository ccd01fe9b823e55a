// A journal in a folder of its own for each test of a suite.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal } from './journal.ts';
import type { Journal } from './contract.ts';

export type JournalPlace = {
  readonly folder: string;
  readonly file: string;
  /** Opens it; the one that was opened last is closed after the test. */
  open(maxBytes?: number): Promise<Journal>;
};

/** To be called in a `describe`: each of its tests begins with an empty folder, and leaves nothing. */
export function journalPlace(): JournalPlace {
  let journal: Journal | undefined;
  const place = {
    folder: '',
    file: '',
    async open(maxBytes?: number) {
      journal = await openJournal(place.file, { maxBytes });
      return journal;
    },
  };
  beforeEach(() => {
    place.folder = mkdtempSync(join(tmpdir(), 'journal-'));
    place.file = join(place.folder, 'journal.db');
  });
  afterEach(async () => {
    await journal?.close();
    journal = undefined;
    rmSync(place.folder, { recursive: true, force: true });
  });
  return place;
}

export const text = (blob: Uint8Array): string => Buffer.from(blob).toString();
export const bytes = (value: string): Uint8Array => Buffer.from(value);
