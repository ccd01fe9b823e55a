// Position on the disk: where a hub stood when it was stopped in good order, so that the next one goes on there.
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { isTable } from './columns.ts';
import type { Cursor } from './feed.ts';
import type { Position } from './hub.ts';
import type { Row } from './publication.ts';

export type Stand = { position: Position; cursor: Cursor | undefined };

const FORM = 1;

/**
 * Takes the file away: as long as a hub works there is none, and one that is killed leaves none. Then nobody can say what was
 * stored and not pushed, and a new epoch tells the clients so. Undefined also for a file that is not whole.
 */
export function takeStand(file: string): Stand | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  rmSync(file);
  try {
    const stand = JSON.parse(text) as Stand & { form: number };
    return stand.form === FORM && isPosition(stand.position)
      ? { position: stand.position, cursor: stand.cursor }
      : undefined;
  } catch {
    return undefined;
  }
}

export function leaveStand(file: string, { position, cursor }: Stand): void {
  const draft = `${file}.new`;
  const handle = openSync(draft, 'w', 0o600);
  try {
    writeSync(handle, JSON.stringify({ form: FORM, position, cursor }));
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(draft, file);
}

function isPosition({ epoch, offset, rows }: Position): boolean {
  return typeof epoch === 'string' && Number.isSafeInteger(offset) && offset >= rows.length && rows.every(isRow);
}

function isRow({ table, key, time, data }: Row): boolean {
  return isTable(table) && typeof key === 'string' && typeof time === 'string' && typeof data === 'object';
}
