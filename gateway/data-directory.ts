// The data directory: made private, checked for writing, and held by one gateway at a time.
import { randomBytes } from 'node:crypto';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import { handOver, readJson, readPrivate, writePrivate } from './private-file.ts';
import { isRunning, type ProcessId, startOf } from './processes.ts';

export type DataDirectory = {
  path: string;
  /** Lets another gateway have it; the kernel does the same when this process dies. */
  release(): void;
};

/** Locks that this process holds; one that is collected as garbage is let go of. */
const held = new Set<DatabaseSync>();

const noteOf = (folder: string): string => path.join(folder, 'gateway.json');
const lockOf = (folder: string): string => path.join(folder, 'gateway.lock');
/** `started` tells the process from a later one that got the same number. */
type Note = Pick<ProcessId, 'pid'> & Partial<Pick<ProcessId, 'started'>>;
const noteIn = (folder: string): Note | undefined => readJson<Note>(noteOf(folder));
const isHeld = (error: unknown): boolean => /locked|busy/i.test(reasonOf(error));

/**
 * Process id of the gateway that has left its note and runs. Whoever takes the file of the lock for a stale one and removes
 * it must not get the folder: it would end the other one's database and broker as left behind.
 */
function runningIn(folder: string): number | undefined {
  const { pid, started } = noteIn(folder) ?? {};
  return pid !== undefined && started !== undefined && isRunning({ pid, started }) ? pid : undefined;
}

/**
 * Process id of the gateway that holds a folder now. First the lock tells: in another container the process of the note is
 * not to be seen. It is read for a moment, and nothing is changed.
 */
export function holderOf(folder: string): number | undefined {
  if (!existsSync(lockOf(folder))) return runningIn(folder);
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(lockOf(folder), { readOnly: true });
    lock.exec('PRAGMA busy_timeout = 0; SELECT 1 FROM sqlite_schema');
    return runningIn(folder);
  } catch (error) {
    return isHeld(error) ? noteIn(folder)?.pid : undefined;
  } finally {
    lock?.close();
  }
}

/**
 * Holds a folder through a lock of the operating system: it ends with the process however that ends, so that no lock is
 * ever stale, not even when a later process has the same id. Node has no flock, SQLite takes one.
 */
export function lockFolder(folder: string): () => void {
  const note = noteOf(folder);
  const inUse = (pid: number | undefined): Fault =>
    new Fault(
      'FIELDLINE_DIR_IN_USE',
      expected(
        folder,
        'a data directory that no other gateway uses',
        `the gateway with process id ${pid ?? 'unknown'}`,
      ),
    );
  const lock = new DatabaseSync(lockOf(folder));
  try {
    lock.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!isHeld(error))
      throw new Fault('FIELDLINE_DIR', expected(folder, 'a file system with locks', reasonOf(error)), { cause: error });
    throw inUse(noteIn(folder)?.pid);
  }
  const running = runningIn(folder);
  if (running !== undefined) {
    lock.close();
    throw inUse(running);
  }
  try {
    handOver(lockOf(folder));
    writePrivate(note, `${JSON.stringify({ pid: process.pid, started: startOf(process.pid) })}\n`);
  } catch (error) {
    lock.close();
    throw new Fault('FIELDLINE_DIR', expected(folder, 'a folder that can be written', reasonOf(error)), {
      cause: error,
    });
  }
  held.add(lock);
  return () => {
    held.delete(lock);
    rmSync(note, { force: true });
    lock.close();
  };
}

/**
 * Makes a folder and those above it that are missing. Whatever the umask, `mode` is what they get. Not by the recursive
 * mkdir of Node, which never returns below a folder that refuses new names with ENOENT, such as /proc.
 */
export function makeFolders(folder: string, mode: number): void {
  if (existsSync(folder)) return;
  if (path.dirname(folder) !== folder) makeFolders(path.dirname(folder), mode);
  mkdirSync(folder);
  chmodSync(folder, mode);
}

/**
 * As root the database runs as another user, who must be able to pass through the data directory, not to look into it:
 * only what lies in it loses the rights that the closed folder had made harmless. Folders above it stay as they are.
 */
function letPass(folder: string): void {
  const { mode, uid } = statSync(folder);
  if (process.getuid?.() !== 0 || uid !== 0 || (mode & 0o001) !== 0) return;
  for (const name of readdirSync(folder)) {
    const entry = lstatSync(path.join(folder, name));
    if (!entry.isSymbolicLink()) chmodSync(path.join(folder, name), entry.mode & 0o700);
  }
  chmodSync(folder, mode | 0o011);
}

function makeFolder(folder: string): void {
  makeFolders(folder, process.getuid?.() === 0 ? 0o711 : 0o700);
  if (!statSync(folder).isDirectory()) throw new Error('it is not a folder');
  accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  letPass(folder);
  const probe = path.join(folder, `.write-${process.pid}`);
  writeFileSync(probe, 'x');
  rmSync(probe);
}

/** There while a restore is under way, and where one was cut off: half of a gateway must not go on as if it were one. */
export const unfinishedRestore = (folder: string): string => path.join(folder, 'restore.partial');

/** Throws a Fault: FIELDLINE_DIR when it cannot be written, FIELDLINE_DIR_IN_USE when another gateway has it. */
export function openDataDirectory(folder: string): DataDirectory {
  try {
    makeFolder(folder);
  } catch (error) {
    throw new Fault(
      'FIELDLINE_DIR',
      expected('FIELDLINE_DIR', `a folder that can be written, ${folder}`, reasonOf(error)),
      {
        cause: error,
      },
    );
  }
  return { path: folder, release: lockFolder(folder) };
}

/** FIELDLINE_SECRET, else the one of this data directory, made on first use (256 bits, mode 0600). */
export function secretOf(directory: string, given: string | undefined): string {
  if (given !== undefined) return given;
  const file = path.join(directory, 'secret');
  const kept = readPrivate(file)?.trim();
  if (kept) return kept;
  const made = randomBytes(32).toString('base64url');
  writePrivate(file, `${made}\n`);
  return made;
}
