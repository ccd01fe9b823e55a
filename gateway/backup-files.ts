// Which files of a data directory belong into a backup, and which are made anew.
import { closeSync, type Dirent, openSync, readdirSync, readSync } from 'node:fs';
import path from 'node:path';
import { codeOf } from '../src/reading/error-code.ts';

export type Kept = { path: string; kind: 'file' | 'sqlite' | 'link' };

/** Notes of a running process, other backups, copies of programs, what npm can fetch again, and files on their way. */
const LEFT_OUT = [
  /^(gateway\.(json|lock)|control\.json|processes\.json|database\.json)$/,
  /^backup-[^/]*$/,
  /^fieldline-\d{8}-\d{6}\.tar\.gz$/,
  /^postgresql-[^/]*$/,
  /(^|\/)node_modules$/,
  /\.(new|partial|tmp)$/,
  /-(shm|journal)$/,
];
/** What belongs to a file beside it; kept by itself where that file is gone. */
const BESIDE = /-(wal|mark)$/;
const SQLITE = 'SQLite format 3\0';

/** Paths below `directory`, in order; what goes away meanwhile is left out, as clusters of PostgreSQL and sockets are. */
export function filesToKeep(directory: string, below = ''): Kept[] {
  const entries = unlessGone(() => readdirSync(path.join(directory, below), { withFileTypes: true })) ?? [];
  if (entries.some(({ name }) => name === 'PG_VERSION')) return [];
  const names = new Set(entries.map(({ name }) => name));
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry): Kept[] => {
      const place = path.posix.join(below, entry.name);
      if (LEFT_OUT.some(pattern => pattern.test(place))) return [];
      if (BESIDE.test(place) && names.has(entry.name.replace(BESIDE, ''))) return [];
      if (entry.isDirectory()) return filesToKeep(directory, place);
      const kind = unlessGone(() => kindOf(entry, path.join(directory, place)));
      return kind === undefined ? [] : [{ path: place, kind }];
    });
}

function kindOf(entry: Dirent, file: string): Kept['kind'] | undefined {
  if (entry.isSymbolicLink()) return 'link';
  if (!entry.isFile()) return undefined;
  return isJournal(file) || isSqlite(file) ? 'sqlite' : 'file';
}

/** An outbox, or what the broker holds: whatever lies there is looked at as one. */
export const isJournal = (place: string): boolean => /\.outbox$|(^|\/)broker\.journal$/.test(place);

export function isSqlite(file: string): boolean {
  const at = openSync(file, 'r');
  try {
    const head = Buffer.alloc(SQLITE.length);
    readSync(at, head, 0, head.length, 0);
    return head.toString('latin1') === SQLITE;
  } finally {
    closeSync(at);
  }
}

/** A gateway that runs takes files away at any moment: a deploy, a drained outbox. Undefined for what is not there any more. */
export function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
