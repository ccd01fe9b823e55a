// The journal's SQLite database: schema, settings, the check when it is opened, and what its errors mean.
import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { reasonOf } from '../../kernel/fault.ts';

const SCHEMA = `
  create table if not exists entry(seq integer primary key, meta text not null, blob blob not null);
  create table if not exists reader(id integer primary key, name text not null unique);
  create table if not exists pending(reader integer not null, seq integer not null, primary key(reader, seq)) without rowid;
  create table if not exists last(id integer primary key check(id = 1), seq integer not null);
  create table if not exists note(key text primary key, value text not null) without rowid`;

/** `user_version` of the files. It is to be raised with a schema that an earlier program cannot use. */
const LAYOUT = 0;
/** What is beyond is damage. */
const MOST_LAYOUTS = 1000;

// https://sqlite.org/rescode.html: the low byte is the primary code.
/** A column that is not there, and all that has no code of its own. */
const UNNAMED = 1;
const BUSY = 5;
const READONLY = 8;
const CORRUPT = 11;
const FULL = 13;
const NOT_A_DATABASE = 26;
/** A page is where the file has ended: somebody has cut it. */
const CUT_SHORT = 10 | (2 << 8);
const WRITE_FAILED = 10 | (3 << 8);

/** Opens or makes it, for this process alone. Throws what SQLite says when it cannot be used, `isDamage` among it. */
export function connect(file: string): DatabaseSync {
  const db = new DatabaseSync(file);
  try {
    // Exclusive: a second process on the same file is refused instead of being mixed in. FULL: each commit is on the disk.
    db.exec('pragma locking_mode=exclusive; pragma journal_mode=wal; pragma synchronous=full');
    const layout = Number(db.prepare('pragma user_version').get()?.['user_version']);
    if (layout > LAYOUT && layout <= MOST_LAYOUTS) throw new Error(OF_LATER);
    db.exec(`pragma journal_size_limit=${64 << 20}; ${SCHEMA}`);
    const columns = columnsOf(db);
    if (columns === undefined) throw Object.assign(new Error('tables of something else'), { errcode: NOT_A_DATABASE });
    if (columns > COLUMNS) throw new Error(OF_LATER);
    if (!isAsMade(db)) throw Object.assign(new Error('a table is not as it was made'), { errcode: CORRUPT });
    check(db);
    checkWritable(db, file);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Throws what is damaged, with its place. */
export function check(db: DatabaseSync): void {
  const said = String(db.prepare('pragma quick_check(1)').all()[0]?.['quick_check']);
  if (said !== 'ok') throw Object.assign(new Error(said), { errcode: CORRUPT });
  const [odd] = db.prepare(`select seq from entry where ${ODD_ENTRY} limit 1`).all();
  if (odd !== undefined) throw oddEntry(odd['seq']);
}

/** Of values that SQLite would not mind. */
export const ODD_ENTRY = "typeof(meta) <> 'text' or typeof(blob) <> 'blob'";
export const oddEntry = (seq: unknown): Error =>
  Object.assign(new Error(`entry ${seq} has values of other types`), { errcode: CORRUPT });

/** A letter that has changed in the text of a table makes it one with other columns or keys, which SQLite goes by. */
function isAsMade(db: DatabaseSync): boolean {
  const rows = db.prepare("select name, sql from sqlite_schema where type = 'table'").all();
  const made = new Map(rows.map(({ name, sql }) => [name, sql]));
  const tables = [...SCHEMA.matchAll(/create table if not exists ((\w+)\(.*)/g)];
  return tables.every(([, text, name = '']) => made.get(name) === `CREATE TABLE ${text?.replace(/;$/, '')}`);
}

/** SQLite reads a file with another number of its format, and writes to it no more. */
function checkWritable(db: DatabaseSync, file: string): void {
  try {
    db.exec('delete from note where false');
  } catch (error) {
    if ((((error as SystemError).errcode ?? 0) & 0xff) !== READONLY) throw error;
    accessSync(file, constants.W_OK);
    throw Object.assign(new Error('a format that nobody can write'), { errcode: CORRUPT });
  }
}

const OF_LATER =
  'a file of a later version of Fieldline: install that version again, which sends what lies in it, or move the file away';

/** All that its tables have; undefined where one of ours is not among them. */
function columnsOf(db: DatabaseSync): number | undefined {
  try {
    db.prepare('select e.seq, meta, blob, reader, name, key, value from entry e, reader, pending, last, note');
    return db.prepare('select * from entry, reader, pending, last, note').columns().length;
  } catch (error) {
    if ((error as SystemError).errcode === UNNAMED) return undefined;
    throw error;
  }
}
/** Of the schema above. */
const COLUMNS = 11;

type SystemError = { errcode?: number; code?: string; message?: string };

export function isDamage(error: unknown): boolean {
  const { errcode = 0, message } = error as SystemError;
  if (errcode === UNNAMED && message === 'unsupported file format') return true;
  return [CORRUPT, NOT_A_DATABASE].includes(errcode & 0xff) || errcode === CUT_SHORT;
}

/** The disk takes nothing now: that passes, and says nothing of what lies on it. */
export function isRefusal(error: unknown): boolean {
  const { errcode = 0, code = '' } = error as SystemError;
  const isOfDatabase = [READONLY, FULL].includes(errcode & 0xff) || errcode === WRITE_FAILED;
  return isOfDatabase || ['ENOSPC', 'EDQUOT', 'EROFS'].includes(code);
}

/** In words. Of a file or a folder that cannot be written SQLite says no more than `disk I/O error`: that is looked for then. */
export function whyRefused(file: string, error: unknown): string {
  const odd = [file, `${file}-wal`].map(oddity).find(says => says !== undefined);
  if (odd !== undefined) return odd;
  for (const place of [file, `${file}-wal`, path.dirname(file)])
    try {
      accessSync(place, constants.W_OK);
    } catch (fault) {
      if ((fault as SystemError).code !== 'ENOENT') return reasonOf(fault);
    }
  if ((((error as SystemError).errcode ?? 0) & 0xff) === BUSY)
    return 'it is locked: another process works with it, maybe a second gateway on this data directory';
  return reasonOf(error);
}

/** A folder, a pipe or a link without an end, where a file has to be. */
function oddity(place: string): string | undefined {
  const there = statSync(place, { throwIfNoEntry: false });
  if (there !== undefined) return there.isFile() ? undefined : `${place} is no file: move it away`;
  return lstatSync(place, { throwIfNoEntry: false }) && `${place} is a link that leads nowhere: remove it`;
}

/** Highest number that was ever used. */
export function lastSeqOf(db: DatabaseSync): number {
  const query = 'select coalesce(max(seq), 0) n from (select seq from entry union all select seq from last)';
  return countIn(db, query);
}

/** Of a query whose one row has one number, `n`. */
export const countIn = (db: DatabaseSync, query: string): number => Number(db.prepare(query).get()?.['n']);
