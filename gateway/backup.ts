// A backup of all that a gateway is: ledger and journals first, then files, then one snapshot of the database, so that no message falls between.
import { copyFileSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { type ArchiveWriter, writeArchive } from '../src/backup/archive.ts';
import { dumpDatabase, type Sums } from '../src/backup/database.ts';
import { isLogBroken } from '../src/delivery/journal/damage.ts';
import { isDamage } from '../src/delivery/journal/database.ts';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import { copyAsItLies, lossesIn } from './backup-damage.ts';
import { filesToKeep, isJournal, isSqlite, type Kept, unlessGone } from './backup-files.ts';
import { askForGiven, askForJournals, type CopiedJournal, type Given } from './control.ts';
import { lockFolder } from './data-directory.ts';
import { startDatabase } from './database.ts';
import { interruptible, toldMeanwhile } from './interruptible.ts';
import type { Log } from './log.ts';
import { urlOfCluster } from './postgres-cluster.ts';
import { makePrivateFolder, readJson } from './private-file.ts';
import { processesIn, startOf } from './processes.ts';

const LOCK_MS = 5000;
/** Attempts at whole copies of the journals of a gateway that opens and closes some of them meanwhile. */
const ATTEMPTS = 5;
const PAUSE_MS = 1000;
const LEDGER = /^fieldline\/ledger-\d\.json$/;

/** What the file says of itself. */
export type About = { at: string; files: number /** Undefined when there was no database. */; sums: Sums | undefined };
/** DATABASE_URL and FIELDLINE_SECRET of the environment; what a running gateway was given counts instead. */
export type BackupOptions = Given & {
  directory: string;
  file: string;
  log: Log;
  /** Told every few seconds how far it is. */
  tell(line: string): void;
};
type Backup = Omit<BackupOptions, 'file' | 'tell'> & {
  archive: ArchiveWriter<About>;
  staging: string;
  /** A gateway runs on the directory. */
  running: boolean;
  signal: AbortSignal;
};

/** Works beside a gateway that runs, and without one. Rejects with a Fault; no file is left then. */
export function backUp({ directory, file, tell, ...options }: BackupOptions): Promise<About> {
  return interruptible(async signal => {
    if (isNobodys(directory, options))
      throw wrong(directory, 'the data directory of a gateway (FIELDLINE_DIR)', 'one with nothing in it to be kept');
    const release = lockIfIdle(directory);
    const running = release === undefined;
    const staging = path.join(directory, `backup-${process.pid}`);
    try {
      const given = running ? await askForGiven(directory) : givenTo(directory, options);
      clearLeft(directory);
      const archive = writeArchive<About>(file, Date.now());
      const words = (): string => `${file}: ${(archive.written.bytes / 1e6).toFixed()} MB, ${archive.written.path}`;
      try {
        const { log } = options;
        const backup = { ...given, log, directory, archive, staging, running, signal };
        return await toldMeanwhile(tell, words, () => writeAll(backup));
      } catch (error) {
        archive.abandon();
        if (error instanceof Fault) throw error;
        const reason = reasonOf(error);
        throw wrong(directory, isFull(reason) ? 'room on its disk for copies of its journals' : 'to be read', reason);
      } finally {
        rmSync(`${file}.partial`, { force: true });
      }
    } finally {
      // The gateway may just be writing a copy there.
      rmSync(staging, { recursive: true, force: true, maxRetries: 5 });
      release?.();
    }
  });
}

async function writeAll(backup: Backup): Promise<About> {
  const files = await addFiles(backup);
  const about: About = { at: new Date().toISOString(), files, sums: await addDatabase(backup) };
  await backup.archive.finish(about);
  return about;
}

function wrong(where: string, what: string, got: unknown): Fault {
  return new Fault('FIELDLINE_BACKUP', expected(where, what, got));
}

/** As Node.js and SQLite say it. */
const isFull = (reason: string): boolean => /ENOSPC|EDQUOT|disk is full/.test(reason);

/** A slip of the pen in FIELDLINE_DIR would give backups of nothing, for months. */
function isNobodys(directory: string, { databaseUrl }: Given): boolean {
  if (!existsSync(directory)) return true;
  const hasDatabase = databaseUrl !== undefined || existsSync(path.join(directory, 'database.json'));
  return !hasDatabase && filesToKeep(directory).length === 0;
}

/** Copies that a backup which was killed has left. */
function clearLeft(directory: string): void {
  for (const name of readdirSync(directory)) {
    const pid = /^backup-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && startOf(Number(pid)) === undefined)
      rmSync(path.join(directory, name), { recursive: true, force: true });
  }
}

/** Undefined while a gateway runs; else none can start until it is released. */
function lockIfIdle(directory: string): (() => void) | undefined {
  try {
    return lockFolder(directory);
  } catch (error) {
    if (error instanceof Fault && error.code === 'FIELDLINE_DIR_IN_USE') return undefined;
    throw error;
  }
}

/** Half a backup must not pass for a whole one: what the gateway of this directory gets from its environment is needed here, too. */
function givenTo(directory: string, { databaseUrl, secret }: Given): Given {
  const has = (name: string): boolean => existsSync(path.join(directory, name));
  const missing = (name: string, what: string): Fault =>
    new Fault('FIELDLINE_SETTING', expected(name, `${what}, as the gateway has it`, undefined));
  if (databaseUrl === undefined && has('peers.json') && !has('database.json'))
    throw missing('DATABASE_URL', `the database of ${directory}, which has none of its own`);
  if (secret === undefined && has('flows_cred.json') && !has('secret'))
    throw missing('FIELDLINE_SECRET', `the key of ${path.join(directory, 'flows_cred.json')}`);
  return { databaseUrl, secret };
}

async function addFiles(backup: Backup): Promise<number> {
  const { archive, directory, staging, secret, log } = backup;
  const { copied, kept, damaged, mended } = await copyJournals(backup);
  for (const { place, loss } of mended) log('warn', `${place} lacks in the backup what is lost: ${loss}`);
  for (const { place, reason } of damaged)
    log('warn', `${place} is damaged (${reason}) and goes into the backup as it lies`);
  for (const { place } of [...damaged, ...mended])
    for (const loss of await lossesIn(path.join(staging, place), place, path.join(staging, '.looked-at')))
      log('warn', `lost: ${loss}`);
  const links = kept.filter(({ kind }) => kind === 'link').map(place => place.path);
  if (links.length > 0) log('warn', `links and what they lead to are left out: ${links.join(', ')}`);
  // Journals, then the rest: what has left a journal meanwhile is in what follows it.
  const journals = [
    ...kept.flatMap(({ path: place }) => (copied.has(place) ? place : [])),
    ...damaged.flatMap(({ beside }) => beside),
  ];
  const other = (place: string): boolean => !copied.has(place) && !(place === 'secret' && secret !== undefined);
  const rest = kept.filter(({ path: place, kind }) => kind === 'file' && other(place));
  let files = 0;
  for (const place of journals) files += await addFile(archive, path.join(staging, place), place);
  for (const { path: place } of rest) {
    backup.signal.throwIfAborted();
    files += await addFile(archive, path.join(directory, place), place);
  }
  if (secret === undefined) return files;
  const text = Buffer.from(`${secret}\n`);
  await archive.add('files/secret', text.length, [text]);
  return files + 1;
}

type Copies = {
  copied: ReadonlySet<string>;
  kept: readonly Kept[];
  damaged: readonly Damaged[];
  /** By the gateway that runs, as it copied them. */
  mended: readonly CopiedJournal[];
};

/** Whole copies of the ledger and of all SQLite files, at their paths in `staging`. A deploy may open and close some meanwhile: then begun anew. */
async function copyJournals(backup: Backup): Promise<Copies> {
  const { staging, running, signal } = backup;
  for (let attempt = 1; ; attempt++)
    try {
      rmSync(staging, { recursive: true, force: true, maxRetries: 5 });
      makePrivateFolder(staging);
      return await tryToCopy(backup);
    } catch (error) {
      signal.throwIfAborted();
      if (!running || attempt === ATTEMPTS) throw error;
      await wait(PAUSE_MS, undefined, { signal });
    }
}

async function tryToCopy({ directory, staging, running, signal }: Backup): Promise<Copies> {
  const copied = new Set<string>();
  const copyAll = (places: readonly Kept[], copy: (from: string, to: string) => void): void => {
    for (const { path: place } of places) {
      const to = path.join(staging, place);
      makePrivateFolder(path.dirname(to));
      if (unlessGone(() => copy(path.join(directory, place), to) ?? true)) copied.add(place);
    }
  };
  // The ledger first: what goes into an outbox after it is unknown to it, and else would be in flight for good.
  copyAll(
    filesToKeep(directory).filter(({ path: place }) => LEDGER.test(place)),
    copyFileSync,
  );
  const own = running ? await askForJournals(directory, staging, signal) : [];
  for (const { place } of own) copied.add(place);
  const kept = filesToKeep(directory);
  const damaged: Damaged[] = [];
  copyAll(
    kept.filter(({ path: place, kind }) => kind === 'sqlite' && !copied.has(place)),
    (from, to) => {
      const reason = copySqlite(from, to);
      if (reason === undefined) return;
      const place = path.relative(directory, from);
      damaged.push({ place, reason, beside: copyAsItLies(from, to).map(end => `${place}${end}`) });
    },
  );
  return { copied, kept, damaged, mended: own.filter(({ loss }) => loss !== undefined) };
}

/** A file of SQLite that cannot be copied whole, and the files that belong to it. */
type Damaged = { place: string; reason: string; beside: readonly string[] };
/** Answers why the file is damaged where it is: then there is no copy. */
function copySqlite(from: string, to: string): string | undefined {
  if (isJournal(from) && !isSqlite(from)) return 'it does not begin as it has to';
  // Of a broken log SQLite reads the begin, and says nothing of the rest.
  if (isJournal(from) && isLogBroken(from)) return 'its write-ahead log';
  // The broker of a gateway that was killed a moment ago may still be closing its journal.
  const source = new DatabaseSync(from, { readOnly: true, timeout: LOCK_MS });
  try {
    source.prepare('vacuum into ?').run(to);
    return undefined;
  } catch (error) {
    if (!isDamage(error)) throw error;
    rmSync(to, { force: true });
    return reasonOf(error);
  } finally {
    source.close();
  }
}

/** As long as it is now: a file that grows meanwhile has its later lines in the next backup. Answers 0 for one that is gone. */
async function addFile(archive: ArchiveWriter<About>, source: string, place: string): Promise<0 | 1> {
  const handle = await open(source, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  if (handle === undefined) return 0;
  try {
    const { size } = await handle.stat();
    const pieces = size === 0 ? [] : handle.createReadStream({ end: size - 1, autoClose: false });
    await archive.add(`files/${place}`, size, pieces);
    return 1;
  } finally {
    await handle.close();
  }
}

async function addDatabase(backup: Backup): Promise<Sums | undefined> {
  const { directory, databaseUrl, log, running, signal } = backup;
  const known = readJson<{ port?: number; password: string }>(path.join(directory, 'database.json'));
  if (databaseUrl !== undefined) return dump(backup, databaseUrl);
  if (known === undefined) return undefined;
  if (running) return dump(backup, urlOfCluster(known));
  const processes = processesIn(directory);
  const database = await startDatabase({ directory, processes, log, signal });
  try {
    return await dump(backup, database.url);
  } finally {
    await database.stop(10_000);
  }
}

function dump({ archive, log, signal }: Backup, url: string): Promise<Sums> {
  let number = 0;
  return dumpDatabase(
    url,
    {
      head(head) {
        const text = Buffer.from(`${JSON.stringify(head)}\n`);
        return archive.add('database/head.json', text.length, [text]);
      },
      piece: (table, bytes) => archive.add(`database/${table}/${++number}.copy`, bytes.length, [bytes]),
      lacks: what => log('warn', `left out of the backup: ${what}`),
    },
    signal,
  ).catch((error: unknown) => {
    throw error instanceof Fault ? error : wrong('the database', 'to be read', reasonOf(error));
  });
}
