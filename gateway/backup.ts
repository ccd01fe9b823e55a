// A backup of all that a gateway is: journals first, then files, then one snapshot of the database, so that no message falls between.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type ArchiveWriter, writeArchive } from '../src/backup/archive.ts';
import { dumpDatabase, type Sums } from '../src/backup/database.ts';
import { Fault } from '../src/kernel/fault.ts';
import { filesToKeep } from './backup-files.ts';
import { askForJournals } from './control.ts';
import { lockFolder } from './data-directory.ts';
import { startDatabase } from './database.ts';
import type { Log } from './log.ts';
import { urlOfCluster } from './postgres-cluster.ts';
import { readJson } from './private-file.ts';
import { processesIn, startOf } from './processes.ts';

const LOCK_MS = 5000;
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** What the file says of itself. */
export type About = { at: string; files: number /** Undefined when there was no database. */; sums: Sums | undefined };
export type BackupOptions = {
  directory: string;
  file: string;
  /** FIELDLINE_SECRET, where it is not in the data directory. */
  secret: string | undefined;
  /** DATABASE_URL, instead of the embedded one. */
  databaseUrl: string | undefined;
  log: Log;
};

/** Works beside a gateway that runs, and without one. Rejects with a Fault; no file is left then. */
export async function backUp(options: BackupOptions): Promise<About> {
  const { directory, file } = options;
  const release = lockIfIdle(directory);
  const staging = path.join(directory, `backup-${process.pid}`);
  const archive = writeArchive<About>(file, Date.now());
  const tidy = (): void => {
    rmSync(`${file}.partial`, { force: true });
    // The gateway may just be writing a copy there.
    rmSync(staging, { recursive: true, force: true, maxRetries: 5 });
  };
  const onSignal = (_name: NodeJS.Signals, number: number): void => {
    tidy();
    process.exit(128 + number);
  };
  for (const name of ENDING) process.once(name, onSignal);
  try {
    clearLeft(directory);
    mkdirSync(staging, { mode: 0o700 });
    const files = await addFiles(archive, options, staging, release === undefined);
    const about: About = {
      ...{ at: new Date().toISOString(), files },
      sums: await addDatabase(archive, options, release === undefined),
    };
    await archive.finish(about);
    return about;
  } catch (error) {
    archive.abandon();
    throw error;
  } finally {
    for (const name of ENDING) process.removeListener(name, onSignal);
    tidy();
    release?.();
  }
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

async function addFiles(
  archive: ArchiveWriter<About>,
  { directory, secret }: BackupOptions,
  staging: string,
  running: boolean,
): Promise<number> {
  const copied = new Set(running ? await askForJournals(directory, staging) : []);
  const kept = filesToKeep(directory);
  for (const { path: place, sqlite } of kept) {
    if (!sqlite || copied.has(place)) continue;
    copied.add(place);
    mkdirSync(path.dirname(path.join(staging, place)), { recursive: true, mode: 0o700 });
    // The broker of a gateway that was killed a moment ago may still be closing its journal.
    const source = new DatabaseSync(path.join(directory, place), { readOnly: true, timeout: LOCK_MS });
    source.prepare('vacuum into ?').run(path.join(staging, place));
    source.close();
  }
  // Journals, then the rest: what has left a journal meanwhile is in what follows it.
  const inOrder = [...kept].sort((a, b) => Number(b.sqlite) - Number(a.sqlite));
  for (const { path: place } of inOrder)
    await addFile(archive, path.join(copied.has(place) ? staging : directory, place), place);
  if (secret === undefined || kept.some(({ path: place }) => place === 'secret')) return kept.length;
  const text = Buffer.from(`${secret}\n`);
  await archive.add('files/secret', text.length, [text]);
  return kept.length + 1;
}

/** As long as it is now: a file that grows meanwhile has its later lines in the next backup. */
async function addFile(archive: ArchiveWriter<About>, source: string, place: string): Promise<void> {
  const handle = await open(source, 'r');
  try {
    const { size } = await handle.stat();
    const pieces = size === 0 ? [] : handle.createReadStream({ end: size - 1, autoClose: false });
    await archive.add(`files/${place}`, size, pieces);
  } finally {
    await handle.close();
  }
}

async function addDatabase(
  archive: ArchiveWriter<About>,
  { directory, databaseUrl, log }: BackupOptions,
  running: boolean,
): Promise<Sums | undefined> {
  const known = readJson<{ port?: number; password: string }>(path.join(directory, 'database.json'));
  if (databaseUrl !== undefined) return dump(archive, databaseUrl);
  if (known === undefined) return undefined;
  if (running) return dump(archive, urlOfCluster(known));
  const processes = processesIn(directory);
  const database = await startDatabase({ directory, processes, log });
  try {
    return await dump(archive, database.url);
  } finally {
    await database.stop(10_000);
  }
}

function dump(archive: ArchiveWriter<About>, url: string): Promise<Sums> {
  let number = 0;
  return dumpDatabase(url, {
    head(head) {
      const text = Buffer.from(`${JSON.stringify(head)}\n`);
      return archive.add('database/head.json', text.length, [text]);
    },
    piece: (table, bytes) => archive.add(`database/${table}/${++number}.copy`, bytes.length, [bytes]),
  });
}
