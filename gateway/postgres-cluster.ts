// The embedded database's cluster on disk: made once, found again, cleared of processes that a killed gateway left.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { expected, Fault } from '../src/kernel/fault.ts';
import { holderOf, lockFolder } from './data-directory.ts';
import { type Account, accountFor, homeFor, isOwnHome, makeOwn } from './postgres-account.ts';
import { type Programs, programsFor } from './postgres-programs.ts';
import { readJson, syncFolder, writePrivate } from './private-file.ts';
import { type Processes, placeOf, signal, until } from './processes.ts';

/** What the data directory remembers of its database (database.json, mode 0600). */
type Remembered = { cluster: string; password: string; port?: number };

export type Cluster = Remembered & {
  account: Account;
  programs: Programs;
  /** Lets another gateway have a cluster that lies outside the data directory. */
  release(): void;
};

export const USER = 'fieldline';

/** Of the embedded database `fieldline`, from what the data directory remembers of it. */
export function urlOfCluster({ password, port }: Pick<Remembered, 'password' | 'port'>): string {
  return `postgresql://${USER}:${password}@127.0.0.1:${port}/fieldline`;
}

/** A path inside is kept relative, so that the data directory can be moved. */
export function remember(directory: string, { cluster, password, port }: Remembered): void {
  const inside = path.dirname(cluster) === directory;
  const kept: Remembered = { cluster: inside ? path.basename(cluster) : cluster, password, port };
  writePrivate(path.join(directory, 'database.json'), `${JSON.stringify(kept, null, 2)}\n`);
}

/** Finds the cluster of this data directory or makes it. Throws a Fault that says what is wrong with it. */
export async function openCluster(directory: string, processes: Processes): Promise<Cluster> {
  const known = readJson<Remembered>(path.join(directory, 'database.json'));
  return known === undefined
    ? makeCluster(directory, processes)
    : findCluster(directory, { ...known, cluster: path.resolve(directory, known.cluster) });
}

async function findCluster(directory: string, known: Remembered): Promise<Cluster> {
  // The note is written before the cluster gets its name: a kill in between leaves a whole cluster under the draft's name.
  if (!existsSync(known.cluster) && existsSync(draftOf(known.cluster)))
    renameSync(draftOf(known.cluster), known.cluster);
  if (!existsSync(known.cluster))
    throw new Fault(
      'FIELDLINE_DATABASE',
      expected(
        path.join(directory, 'database.json'),
        `the cluster in ${known.cluster} (bring it back, or remove database.json to begin anew)`,
        'no such folder',
      ),
    );
  const release = hold(directory, known.cluster);
  const account = accountFor(known.cluster, directory);
  const programs = await programsFor(account, path.dirname(known.cluster));
  checkVersion(known.cluster, programs);
  return { ...known, account, programs, release };
}

async function makeCluster(directory: string, processes: Processes): Promise<Cluster> {
  const account = accountFor(undefined, directory);
  const home = await homeFor(directory, account);
  const cluster = path.join(home, 'postgres');
  if (existsSync(cluster))
    throw new Fault(
      'FIELDLINE_DIR',
      expected(
        path.join(directory, 'database.json'),
        `the password of the cluster in ${cluster} (restore the file, or move the cluster away)`,
        undefined,
      ),
    );
  const release = hold(directory, cluster);
  let programs: Programs;
  const password = randomBytes(24).toString('base64url');
  try {
    programs = await programsFor(account, home);
    await initialise({ cluster, password, account, programs }, processes);
  } catch (error) {
    release();
    // Nothing remembers it yet.
    if (isOwnHome(home)) rmSync(home, { recursive: true, force: true, maxRetries: 10 });
    throw error;
  }
  remember(directory, { cluster, password });
  renameSync(draftOf(cluster), cluster);
  syncFolder(home);
  return { cluster, password, account, programs, release };
}

/** Takes the cluster away that this data directory remembers outside of it, where nobody works with it. One inside goes with the directory. */
export function removeOutside(directory: string): void {
  const known = readJson<Remembered>(path.join(directory, 'database.json'));
  const home = path.dirname(known?.cluster ?? '');
  if (isOwnHome(home) && holderOf(home) === undefined) rmSync(home, { recursive: true, force: true, maxRetries: 10 });
}

/** Outside the data directory its lock does not cover the cluster: a copy of the directory points to the same one. */
function hold(directory: string, cluster: string): () => void {
  const home = path.dirname(cluster);
  return home === directory ? () => undefined : lockFolder(home);
}

function draftOf(cluster: string): string {
  return `${cluster}.new`;
}

function checkVersion(cluster: string, programs: Programs): void {
  const file = path.join(cluster, 'PG_VERSION');
  const version = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  if (version === programs.major) return;
  throw new Fault(
    'FIELDLINE_DATABASE',
    expected(
      cluster,
      version === undefined
        ? 'a cluster of PostgreSQL (restore it from a backup, or move the folder and database.json away to begin anew)'
        : `a cluster of PostgreSQL ${programs.major} (make a backup with the program of its version and restore it with this one, or set DATABASE_URL to a server of its version)`,
      version === undefined ? 'a folder without PG_VERSION' : `one of version ${version}`,
    ),
  );
}

async function initialise(made: Omit<Cluster, 'release'>, processes: Processes): Promise<void> {
  const { account, programs, password } = made;
  const draft = draftOf(made.cluster);
  const passwordFile = `${draft}.password`;
  rmSync(draft, { recursive: true, force: true });
  rmSync(passwordFile, { force: true });
  makeOwn(draft, account);
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account.uid !== undefined) chownSync(passwordFile, account.uid, account.gid!);
  try {
    // The builtin locale needs none of the machine's and sorts alike everywhere.
    const child = spawn(
      programs.initdb,
      [
        ...['-D', draft, '-U', USER, '-A', 'scram-sha-256', '--pwfile', passwordFile],
        ...['-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
      ],
      { ...account, cwd: '/', detached: true, env: { LC_ALL: 'C', TZ: 'UTC' }, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    child.stderr.on('data', chunk => {
      said = (said + chunk).slice(-2000);
    });
    if (child.pid !== undefined) processes.record('initdb', child.pid);
    const code = await once(child, 'close').then(
      ([status]) => status as number | null,
      (error: Error) => {
        said = error.message;
        return -1;
      },
    );
    if (child.pid !== undefined) processes.forget(child.pid);
    if (code !== 0)
      throw new Fault(
        'FIELDLINE_DATABASE',
        expected(draft, 'a new PostgreSQL cluster', reasonIn(said) || `exit ${code}`),
      );
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/** Of all that initdb says, why it failed. */
const reasonIn = (said: string): string => /(?:FATAL|PANIC|ERROR|initdb: error): +(.*)/.exec(said)?.[1] ?? said.trim();

/** PostgreSQL processes that work in the cluster's folder, whoever started them. */
function processesOf(cluster: string): number[] {
  const folder = realpathSync(cluster);
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => {
      const place = placeOf(pid);
      // After an update of the package the program of a running process shows as deleted.
      return place?.cwd === folder && place.program.replace(' (deleted)', '') === 'postgres';
    });
}

/** Ends every PostgreSQL process of this cluster: fast shutdown, then hard. Resolves with how many there were. */
export async function clearCluster(cluster: string): Promise<number> {
  if (!existsSync('/proc/self/cwd')) return 0;
  const lockFile = path.join(cluster, 'postmaster.pid');
  const found = processesOf(cluster);
  const gone = () => processesOf(cluster).length === 0;
  const postmaster = existsSync(lockFile) ? Number(readFileSync(lockFile, 'utf8').split('\n')[0]) : 0;
  // Backends without a postmaster end by themselves within moments.
  if (found.includes(postmaster)) signal(postmaster, 'SIGINT');
  if (!(await until(gone, 15_000))) for (const pid of processesOf(cluster)) signal(pid, 'SIGKILL');
  if (!(await until(gone, 5_000)))
    throw new Fault(
      'FIELDLINE_DATABASE',
      expected(cluster, 'no other PostgreSQL on this cluster (end it by hand)', processesOf(cluster)),
    );
  // PostgreSQL would not start while any process, even an unrelated or a dead one not yet reaped, has the number in it.
  rmSync(lockFile, { force: true });
  return found.length;
}
