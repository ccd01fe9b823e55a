// Which files of a data directory belong into a backup, and which are made anew.
import { closeSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import path from 'node:path';

export type Kept = { path: string; sqlite: boolean };

/** Notes of a running process, copies of programs, what npm can fetch again, and files on their way. */
const LEFT_OUT = [
  /^(gateway\.(json|lock)|control\.json|processes\.json|database\.json)$/,
  /^backup-[^/]*$/,
  /^postgresql-[^/]*$/,
  /(^|\/)node_modules$/,
  /\.(new|partial|tmp)$/,
  /-(wal|shm|journal|mark)$/,
];
const SQLITE = 'SQLite format 3\0';

/** Paths below `directory`, in order. Clusters of PostgreSQL, links and sockets are left out. */
export function filesToKeep(directory: string, below = ''): Kept[] {
  const names = readdirSync(path.join(directory, below)).sort();
  if (names.includes('PG_VERSION')) return [];
  return names.flatMap(name => {
    const place = path.posix.join(below, name);
    if (LEFT_OUT.some(pattern => pattern.test(place))) return [];
    const found = lstatSync(path.join(directory, place), { throwIfNoEntry: false });
    if (found?.isDirectory()) return filesToKeep(directory, place);
    return found?.isFile() ? [{ path: place, sqlite: isSqlite(path.join(directory, place)) }] : [];
  });
}

function isSqlite(file: string): boolean {
  const at = openSync(file, 'r');
  try {
    const head = Buffer.alloc(SQLITE.length);
    readSync(at, head, 0, head.length, 0);
    return head.toString('latin1') === SQLITE;
  } finally {
    closeSync(at);
  }
}
