// The journal's file: opened, mended where it was damaged, put back where it was taken away.
import { closeSync, existsSync, fstatSync, fsyncSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { reasonOf } from '../../kernel/fault.ts';
import { logLoss, mending } from './damage.ts';
import { connect, isDamage, lastSeqOf } from './database.ts';
import { type Mark, type MarkFile, openMark } from './mark.ts';
import { goOnReplacing, replace, salvage } from './salvage.ts';

export type OpenedFile = {
  db: DatabaseSync;
  mark: MarkFile;
  loss: string | undefined;
  /**
   * Somebody may take the file away while it is open, or put another one in its place: what is committed then is gone
   * with this process. A copy of all that lies in it is put back, to be opened instead of this one; in words what was
   * done, undefined where nothing had to be. Throws when that cannot be done.
   */
  putBack(): string | undefined;
  close(): void;
};

/**
 * The file, checked; where it was damaged a new one with what could be saved, and what was lost in words. `damage`: what
 * SQLite has met in it while it was in use. Throws when it cannot be used.
 */
export function openFile(file: string, damage?: string): OpenedFile {
  const { db, loss } = openOrSalvage(file, damage);
  const mark = openMark(`${file}-mark`);
  const behind = mark.found && catchUp(file, db, mark.found);
  // Closed after the database only: closing any handle of a file gives up all locks of this process on it.
  const handle = openSync(file, 'r');
  const parts = existsSync(`${file}-wal`) ? [file, `${file}-wal`] : [file];
  return {
    db,
    mark,
    loss: [loss, behind].filter(Boolean).join('; ') || undefined,
    putBack: () => (parts.every(existsSync) && isSame(file, handle) ? undefined : putBack(file, db)),
    close() {
      db.close();
      closeSync(handle);
      mark.close();
    },
  };
}

function isSame(file: string, handle: number): boolean {
  const there = statSync(file);
  const own = fstatSync(handle);
  return there.ino === own.ino && there.dev === own.dev;
}

function putBack(file: string, db: DatabaseSync): string {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const fresh = `${file}.new`;
  rmSync(fresh, { force: true });
  db.prepare('vacuum into ?').run(fresh);
  const written = openSync(fresh, 'r+');
  fsyncSync(written);
  closeSync(written);
  const aside = `${file}.found-${Date.now()}`;
  const isFound = ['', '-wal', '-shm'].some(suffix => existsSync(file + suffix));
  replace(file, fresh, aside);
  const kept = isFound ? `; what was found in its place is kept as ${aside}` : '';
  return `${file} was taken away while it was in use: it is put back with all that lay in it${kept}`;
}

function openOrSalvage(file: string, damage: string | undefined): { db: DatabaseSync; loss: string | undefined } {
  const cutOff = goOnReplacing(file);
  const emptied = existsSync(file) && statSync(file).size === 0 && `${file} was empty: what lay there is lost`;
  // Before SQLite opens it and writes over it.
  const lost = logLoss(file, Date.now());
  const losses = [cutOff, lost ?? (emptied || undefined)];
  const opened = existsSync(mending(file)) ? 'its write-ahead log' : connectUndamaged(file, damage);
  if (typeof opened === 'string') losses.push(salvage(file, opened));
  const db = typeof opened === 'string' ? connect(file) : opened;
  return { db, loss: losses.filter(Boolean).join('; ') || undefined };
}

/** Or what is wrong with it: where it was met but the check finds nothing, as much as is known. */
function connectUndamaged(file: string, damage: string | undefined): DatabaseSync | string {
  try {
    const db = connect(file);
    if (damage === undefined) return db;
    db.close();
    return damage;
  } catch (error) {
    if (isDamage(error)) return reasonOf(error);
    throw error;
  }
}

/** Numbers are never used twice, not even those of commits that were lost. Returns in words what was lost with them. */
function catchUp(file: string, db: DatabaseSync, mark: Mark): string | undefined {
  const last = lastSeqOf(db);
  if (last >= mark.seq) return undefined;
  db.exec('begin immediate');
  db.prepare('insert or replace into last values(1, ?)').run(mark.seq);
  const note = db.prepare('insert or replace into note values(?, ?)');
  for (const one of Object.entries(mark.notes)) note.run(...one);
  db.exec('commit');
  const most = Math.min(mark.entries, mark.seq - last);
  if (most === 0) return undefined;
  return `${file} ends before its last commits, its write-ahead log or the file itself was taken away or put back: up to ${most} entries lost, of the numbers ${last + 1} to ${mark.seq}`;
}
