// The journal's SQLite file: schema, the check when it is opened, and what is saved of a damaged one.
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { reasonOf } from '../kernel/fault.ts';
import { carve } from './journal-carve.ts';
import { logLoss, mended } from './journal-damage.ts';
import { type Mark, type MarkFile, openMark, readMark } from './journal-mark.ts';

const SCHEMA = `
  create table if not exists entry(seq integer primary key, meta text not null, blob blob not null);
  create table if not exists reader(id integer primary key, name text not null unique);
  create table if not exists pending(reader integer not null, seq integer not null, primary key(reader, seq)) without rowid;
  create table if not exists last(id integer primary key check(id = 1), seq integer not null);
  create table if not exists note(key text primary key, value text not null) without rowid`;

function connect(file: string): DatabaseSync {
  const db = new DatabaseSync(file);
  try {
    // Exclusive: a second process on the same file is refused instead of being mixed in. FULL: each commit is on the disk.
    db.exec('pragma locking_mode=exclusive; pragma journal_mode=wal; pragma synchronous=full');
    db.exec(`pragma journal_size_limit=${64 << 20}; ${SCHEMA}`);
    const [check] = db.prepare('pragma quick_check(1)').all() as { quick_check: string }[];
    if (check?.quick_check !== 'ok') throw Object.assign(new Error(check?.quick_check), { errcode: CORRUPT });
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

// https://sqlite.org/rescode.html: the low byte is the primary code.
const CORRUPT = 11;
const NOT_A_DATABASE = 26;
function isDamage(error: unknown): boolean {
  const code = (error as { errcode?: number }).errcode ?? 0;
  return (code & 0xff) === CORRUPT || (code & 0xff) === NOT_A_DATABASE;
}

/** Copies what can still be read, from both ends of each table and then page by page, and says what could not. */
function salvage(file: string, reason: string, mark: Mark | undefined): { db: DatabaseSync; loss: string } {
  const aside = `${file}.damaged-${Date.now()}`;
  for (const suffix of ['', '-wal', '-shm']) if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  const db = connect(file);
  let saved = 0;
  let missing = 0;
  let readable: ReturnType<typeof mended> | undefined;
  try {
    db.exec('pragma wal_checkpoint(truncate)');
    readable = mended(aside, file);
    const old = new DatabaseSync(readable.file);
    const copy = (table: string, columns: string, order: string): void => {
      const marks = columns.replace(/\w+/g, '?');
      const insert = db.prepare(`insert or ignore into ${table}(${columns}) values(${marks})`);
      for (const direction of ['asc', 'desc'])
        try {
          const by = order.replace(/\w+/g, `$& ${direction}`);
          for (const row of old.prepare(`select ${columns} from ${table} order by ${by}`).iterate())
            insert.run(...(Object.values(row) as (string | number | Uint8Array)[]));
        } catch {
          // The other direction reaches what lies behind the damaged page.
        }
    };
    db.exec('begin');
    copy('reader', 'id, name', 'id');
    // By the other tree of the table.
    copy('reader', 'id, name', 'name');
    copy('note', 'key, value', 'key');
    copy('last', 'id, seq', 'id');
    copy('pending', 'reader, seq', 'reader, seq');
    copy('entry', 'seq, meta, blob', 'seq');
    const add = {
      entry: db.prepare('insert or ignore into entry values(?, ?, ?)'),
      pending: db.prepare('insert or ignore into pending values(?, ?)'),
    };
    const newest = Math.max(lastSeqOf(db), mark?.seq ?? 0) || Infinity;
    for (const { table, seq, values } of carve(readable.file)) if (seq <= newest) add[table].run(...values);
    // An entry lies there because somebody waits for it: the only one, where there is only one, or the first, whose name is lost.
    db.exec(
      'insert or ignore into pending select coalesce((select id from reader), 1), seq from entry where (select count(*) from reader) < 2',
    );
    const note = db.prepare('insert or ignore into note values(?, ?)');
    for (const one of Object.entries(mark?.notes ?? {})) note.run(...one);
    const count = (sql: string): number => Number((db.prepare(sql).get() as { n: number }).n);
    missing = count('select count(distinct seq) n from pending where seq not in (select seq from entry)');
    db.exec('delete from pending where seq not in (select seq from entry)');
    db.exec('delete from entry where seq not in (select seq from pending)');
    saved = count('select count(*) n from entry');
    db.exec('commit');
    old.close();
  } catch {
    if (db.isTransaction) db.exec('rollback');
  }
  readable?.remove();
  const loss = `${file} was damaged (${reason}): ${saved} entries saved, ${missing || 'an unknown number'} lost, the damaged file is kept as ${aside}`;
  return { db, loss };
}

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

/** The file, checked; where it was damaged a new one with what could be saved, and what was lost in words. Throws when it cannot be used. */
export function openFile(file: string): OpenedFile {
  const { db, loss } = openOrSalvage(file);
  const mark = openMark(`${file}-mark`);
  const behind = mark.found && catchUp(file, db, mark.found);
  // Closed after the database only: closing any handle of a file gives up all locks of this process on it.
  const handle = openSync(file, 'r');
  const parts = existsSync(`${file}-wal`) ? [file, `${file}-wal`] : [file];
  return {
    ...{ db, mark, loss: [loss, behind].filter(Boolean).join('; ') || undefined },
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
  const found = ['', '-wal', '-shm'].filter(suffix => existsSync(file + suffix));
  for (const suffix of found) renameSync(file + suffix, aside + suffix);
  renameSync(fresh, file);
  const kept = found.length > 0 ? `; what was found in its place is kept as ${aside}` : '';
  return `${file} was taken away while it was in use: it is put back with all that lay in it${kept}`;
}

function openOrSalvage(file: string): { db: DatabaseSync; loss: string | undefined } {
  try {
    const emptied = existsSync(file) && statSync(file).size === 0 && `${file} was empty: what lay there is lost`;
    // Before SQLite opens it and writes over it.
    const lost = logLoss(file, Date.now());
    if (!lost?.applied) return { db: connect(file), loss: lost?.text ?? (emptied || undefined) };
    const { db, loss } = salvage(file, 'its write-ahead log', readMark(`${file}-mark`));
    return { db, loss: `${lost.text}; ${loss}` };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return salvage(file, reasonOf(error), readMark(`${file}-mark`));
  }
}

/** Highest number that was ever used. */
export function lastSeqOf(db: DatabaseSync): number {
  const query = 'select coalesce(max(seq), 0) n from (select seq from entry union all select seq from last)';
  return Number((db.prepare(query).get() as { n: number }).n);
}

/** Numbers are never used twice, those of commits that are gone neither. Returns what is lost with them. */
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
