// What is saved of a damaged journal: into a new file beside it, which takes its place when all is in it. A crash on the way costs nothing.
import { existsSync, renameSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { carve } from './carve.ts';
import { mended, mending } from './damage.ts';
import { connect, countIn, isDamage, isRefusal, lastSeqOf, ODD_ENTRY } from './database.ts';
import { readMark } from './mark.ts';

/** A whole file that is to take the place of the one there. */
const readyFor = (file: string): string => `${file}.ready`;
const kept = (aside: string): string => `the damaged file is kept as ${aside}`;

/** `fresh`, whole and on the disk, takes the place of the file; what lies there is kept as `aside`. */
export function replace(file: string, fresh: string, aside: string): void {
  renameSync(fresh, readyFor(file));
  takePlace(file, aside);
}

/** Goes on where a crash has cut off `replace`. Returns what there is to say of it. */
export function goOnReplacing(file: string): string | undefined {
  if (!existsSync(readyFor(file))) return undefined;
  const aside = asideOf(file);
  takePlace(file, aside);
  return `${file} was damaged, and its mending cut off: ${kept(aside)} or under an earlier name`;
}

function takePlace(file: string, aside: string): void {
  for (const suffix of ['', '-wal', '-shm']) if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  rmSync(mending(file), { force: true });
  renameSync(readyFor(file), file);
}

const asideOf = (file: string): string => `${file}.damaged-${Date.now()}`;

/** Replaces the file by what can be read of it. Returns in words what was lost. Throws where the disk does not take it. */
export function salvage(file: string, reason: string): string {
  const fresh = `${file}.new`;
  const db = connectAnew(fresh);
  let counts: { saved: number; missing: number } | undefined;
  try {
    counts = copyWhatIsThere(file, fresh, db);
    db.exec('pragma wal_checkpoint(truncate)');
  } finally {
    db.close();
  }
  const aside = asideOf(file);
  replace(file, fresh, aside);
  const { saved, missing } = counts;
  return `${file} was damaged (${reason}): ${saved} entries saved, ${missing || 'an unknown number'} lost, ${kept(aside)}`;
}

/** An empty one; what an earlier attempt has left is no help. */
function connectAnew(fresh: string): DatabaseSync {
  let db: DatabaseSync;
  try {
    db = connect(fresh);
  } catch (error) {
    if (!isDamage(error)) throw error;
    for (const suffix of ['', '-wal', '-shm']) rmSync(fresh + suffix, { force: true });
    db = connect(fresh);
  }
  for (const table of ['entry', 'reader', 'pending', 'last', 'note']) db.exec(`delete from ${table}`);
  db.exec('pragma wal_checkpoint(truncate)');
  return db;
}

/** From both ends of each table and then page by page. What makes no sense is passed over. */
function copyWhatIsThere(file: string, fresh: string, db: DatabaseSync): { saved: number; missing: number } {
  const counts = { saved: 0, missing: 0 };
  let readable: ReturnType<typeof mended> | undefined;
  let old: DatabaseSync | undefined;
  try {
    readable = mended(file, fresh);
    old = new DatabaseSync(readable.file);
    db.exec('begin');
    copyTables(old, db);
    const add = {
      entry: db.prepare('insert or ignore into entry values(?, ?, ?)'),
      pending: db.prepare('insert or ignore into pending values(?, ?)'),
    };
    const mark = readMark(`${file}-mark`);
    const last = lastSeqOf(db);
    const newest = Math.max(last, mark?.seq ?? 0) || Infinity;
    for (const { table, seq, values } of carve(readable.file)) if (seq <= newest) add[table].run(...values);
    db.exec(`delete from entry where ${ODD_ENTRY}`);
    // An entry lies there because somebody waits for it: the only one, where there is only one, or the first, whose name is lost.
    db.exec(
      'insert or ignore into pending select coalesce((select id from reader), 1), seq from entry where (select count(*) from reader) < 2',
    );
    // Of a log that is broken in its middle notes may be there as they were long before the last entry.
    const isNewest = mark !== undefined && mark.seq >= last;
    const note = db.prepare(`insert or ${isNewest ? 'replace' : 'ignore'} into note values(?, ?)`);
    for (const one of Object.entries(mark?.notes ?? {})) note.run(...one);
    counts.missing = countIn(db, 'select count(distinct seq) n from pending where seq not in (select seq from entry)');
    db.exec('delete from pending where seq not in (select seq from entry)');
    db.exec('delete from entry where seq not in (select seq from pending)');
    counts.saved = countIn(db, 'select count(*) n from entry');
    db.exec('commit');
  } catch (error) {
    if (db.isTransaction) db.exec('rollback');
    if (isRefusal(error)) throw error;
  } finally {
    old?.close();
    readable?.remove();
  }
  return counts;
}

function copyTables(old: DatabaseSync, db: DatabaseSync): void {
  const copy = (table: string, columns: string, order: string): void => {
    const marks = columns.replace(/\w+/g, '?');
    const insert = db.prepare(`insert or ignore into ${table}(${columns}) values(${marks})`);
    for (const direction of ['asc', 'desc'])
      try {
        const by = order.replace(/\w+/g, `$& ${direction}`);
        for (const row of old.prepare(`select ${columns} from ${table} order by ${by}`).iterate())
          insert.run(...(Object.values(row) as (string | number | Uint8Array)[]));
      } catch (error) {
        if (isRefusal(error)) throw error;
        // The other direction reaches what lies behind the damaged page.
      }
  };
  copy('reader', 'id, name', 'id');
  // By the other tree of the table.
  copy('reader', 'id, name', 'name');
  copy('note', 'key, value', 'key');
  copy('last', 'id, seq', 'id');
  copy('pending', 'reader, seq', 'reader, seq');
  copy('entry', 'seq, meta, blob', 'seq');
}
