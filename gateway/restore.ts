// Restore: a whole backup into an empty data directory and an empty database, compared with what the backup says it held.
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { checkArchive, type OnMember, readArchive } from '../src/backup/archive.ts';
import { type DatabaseHead, type Filling, fillDatabase, type Sums } from '../src/backup/database.ts';
import type { Member } from '../src/backup/tar.ts';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import { migrate, migrationState } from '../src/store/migrate.ts';
import { openStore, type Store } from '../src/store/store.ts';
import type { About } from './backup.ts';
import { openDataDirectory, unfinishedRestore } from './data-directory.ts';
import { startDatabase } from './database.ts';
import { interruptible, toldMeanwhile } from './interruptible.ts';
import type { Log } from './log.ts';
import { removeOutside } from './postgres-cluster.ts';
import { handOver, makePrivateFolder, writePrivate } from './private-file.ts';
import { processesIn } from './processes.ts';
import { type Needs, type Room, roomOf } from './room.ts';
import { codeOf } from '../src/reading/error-code.ts';

export type RestoreOptions = {
  directory: string;
  file: string;
  databaseUrl: string | undefined;
  log: Log;
  /** Told every few seconds how far it is. */
  tell(line: string): void;
};
type Restoring = RestoreOptions & { signal: AbortSignal; onMember: OnMember; needs: Needs };

/** Members under this are files of the data directory, the others its database. */
const FILES = 'files/';

/** Rejects with a Fault; the directory is as empty as before then. What a restore that was cut off has left is replaced. */
export function restore(options: RestoreOptions): Promise<About> {
  let words = options.file;
  const onMember = (verb: string, signal: AbortSignal) => (place: string, share: number) => {
    signal.throwIfAborted();
    words = `${options.file}: ${verb} ${(share * 100).toFixed()} %, ${place}`;
  };
  return interruptible(signal =>
    toldMeanwhile(
      options.tell,
      () => words,
      async () => {
        if (existsSync(options.file) && !statSync(options.file).isFile())
          throw wrong(options.file, 'a file (it is read twice, which no pipe lets)', 'something else');
        // All of it is read before anything is written.
        const needs: Needs = { files: 0, rows: 0 };
        const checked = onMember('checked', signal);
        const about = await checkArchive<About>(options.file, (place, share, size) => {
          if (place.startsWith(FILES)) needs.files += size;
          else if (place.startsWith('database/')) needs.rows += size;
          checked(place, share);
        });
        await restoreAll({ ...options, signal, onMember: onMember('restored', signal), needs }, about.sums ?? {});
        return about;
      },
    ),
  );
}

async function restoreAll(options: Restoring, sums: Sums): Promise<void> {
  const { directory, file } = options;
  const there = contentsOf(directory);
  const mark = unfinishedRestore(directory);
  if (there.length > 0 && !existsSync(mark))
    throw wrong(
      directory,
      'a missing or an empty directory (move this one away, or set FIELDLINE_DIR)',
      there.slice(0, 3),
    );
  const held = openDataDirectory(directory);
  const members = readArchive(file, options.onMember);
  let room: Room | undefined;
  try {
    await processesIn(directory).endLeftovers();
    clear(directory, name => !HELD.test(name));
    room = roomOf(directory, options.databaseUrl !== undefined);
    writePrivate(mark, `${file}\n`);
    let member = await members.next();
    for (; !member.done && member.value.path.startsWith(FILES); member = await members.next())
      await extract(member.value, directory);
    if (!member.done) await restoreDatabase(options, member.value, members, sums);
    rmSync(mark);
    held.release();
  } catch (error) {
    held.release();
    const fault = error instanceof Fault ? error : wrong(file, 'to be restored', reasonOf(error), error);
    const told = room?.faultOf(fault, options.needs) ?? fault;
    await members.return(undefined);
    clear(directory);
    throw told;
  }
}

/** What holds the directory, and the mark. */
const HELD = /^(gateway\.(lock|json)|restore\.partial)$/;

/** A program of a restore that was cut off may still write there for a moment: it is tried for some seconds. */
function clear(directory: string, chosen: (name: string) => boolean = () => true): void {
  removeOutside(directory);
  for (const name of contentsOf(directory).filter(chosen))
    rmSync(path.join(directory, name), { recursive: true, force: true, maxRetries: 10 });
}

function contentsOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw wrong(directory, 'a missing or an empty directory', reasonOf(error));
  }
}

function wrong(where: string, what: string, got: unknown, cause?: unknown): Fault {
  return new Fault('FIELDLINE_BACKUP', expected(where, what, got), { cause });
}

async function extract({ path: place, chunks }: Member, directory: string): Promise<void> {
  const target = path.resolve(directory, place.slice(FILES.length));
  if (!target.startsWith(directory + path.sep)) throw wrong(place, 'a path within the data directory', place);
  makePrivateFolder(path.dirname(target));
  const handle = await open(target, 'wx', 0o600);
  handOver(target);
  try {
    for await (const piece of chunks()) await handle.appendFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function restoreDatabase(
  { directory, databaseUrl, log, signal }: Restoring,
  first: Member,
  members: AsyncGenerator<Member>,
  sums: Sums,
): Promise<void> {
  if (first.path !== 'database/head.json') throw wrong(first.path, 'a member that a backup has', first.path);
  const pieces: Buffer[] = [];
  for await (const piece of first.chunks()) pieces.push(piece);
  const head = JSON.parse(Buffer.concat(pieces).toString()) as DatabaseHead;
  const fill = async (url: string): Promise<void> => {
    await makeTables(url, head, log);
    const fillAll = async (filling: Filling): Promise<void> => {
      for await (const { path: place, chunks } of members)
        await filling.fill(place.slice('database/'.length, place.lastIndexOf('/')), chunks());
      await filling.finish(sums);
    };
    const notMade = await fillDatabase(url, head, fillAll, signal);
    for (const { key, reason, sql } of notMade) log('warn', `${key} is not restored: ${reason}`, { sql });
  };
  if (databaseUrl !== undefined) return fill(databaseUrl);
  const database = await startDatabase({ directory, processes: processesIn(directory), log, signal });
  try {
    await fill(database.url);
  } finally {
    await database.stop(10_000);
  }
}

/** Every gateway has put something into one of these when it has started. */
const USED_FIRST = ['api_keys', 'users', 'devices', 'raw_advertisements'];

/** Tables as a restore leaves them that was cut off: rows come all at once, in its last step. */
async function isUnused({ query }: Pick<Store, 'query'>): Promise<boolean> {
  for (const table of USED_FIRST) {
    const [found] = await query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [table]);
    if (found?.there && (await query(`SELECT FROM ${table} LIMIT 1`)).length > 0) return false;
  }
  return true;
}

/** As they were in the version of the backup; the next start brings them, with their rows, to the newest. */
async function makeTables(url: string, head: DatabaseHead, log: Log): Promise<void> {
  const store = openStore({ url, connections: 1 });
  try {
    const { version, newest } = await migrationState(store.query);
    if (version > head.version || (version > 0 && !(await isUnused(store))))
      throw wrong('the database', 'one without tables of Fieldline', `version ${version}`);
    if (newest < head.version)
      throw wrong('backup', `one of version ${newest} or older (use a newer program)`, head.version);
  } finally {
    await store.close();
  }
  await migrate(url, { upTo: head.version, log: line => log('info', line) });
}
