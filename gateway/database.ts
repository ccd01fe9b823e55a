// The embedded PostgreSQL: starts it on loopback, starts it again when it dies, stops it last.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { backoff } from '../src/kernel/backoff.ts';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import type { Level, Log } from './log.ts';
import { type Cluster, clearCluster, openCluster, remember, USER } from './postgres-cluster.ts';
import type { Processes } from './processes.ts';
import { steadySettings } from './wal-ahead.ts';

export type Database = {
  /** Of the database `fieldline`, with user and password. The same for as long as the gateway runs. */
  readonly url: string;
  readonly state: 'running' | 'restarting' | 'stopped';
  /** Process id of the postmaster while it runs. */
  readonly pid: number | undefined;
  /** Fast shutdown; after `limitMs` hard (the next start then recovers from the log). */
  stop(limitMs: number): Promise<void>;
};

const NAME = 'fieldline';
const START_LIMIT_MS = 120_000;

/** The port of last time where it is free, so that a connection kept in Grafana goes on working; else a free one. */
async function freePort(wish = 0): Promise<number> {
  const server = createServer();
  server.listen(wish, '127.0.0.1');
  const free = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  if (!free) return freePort();
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

const LEVELS: Readonly<Record<string, Level>> = { ERROR: 'warn', FATAL: 'error', PANIC: 'error', WARNING: 'warn' };

function settingsOf(port: number, directory: string): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 60,
    ...steadySettings(directory),
    fsync: 'on',
    synchronous_commit: 'on',
    password_encryption: 'scram-sha-256',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    log_line_prefix: '',
    log_destination: 'stderr',
    logging_collector: 'off',
    // Rows of field data do not belong in a log.
    log_error_verbosity: 'terse',
    log_min_error_statement: 'panic',
    log_checkpoints: 'off',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

type Starting = {
  directory: string;
  processes: Processes;
  log: Log;
  /** Once aborted, no process is started any more. */
  signal?: AbortSignal | undefined;
};

/** Starts PostgreSQL once; resolves when it accepts connections, rejects with what it said when it ended before. */
async function launch(cluster: Cluster, port: number, options: Starting): Promise<ChildProcess> {
  const { processes, log, signal } = options;
  signal?.throwIfAborted();
  const child = spawn(cluster.programs.postgres, ['-D', cluster.cluster, ...settingsOf(port, cluster.cluster)], {
    ...cluster.account,
    cwd: '/',
    // A group of its own: Ctrl-C goes to the whole group and must not end the database in the middle of the drain.
    detached: true,
    env: { LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const { pid } = child;
  if (pid !== undefined) {
    processes.record('postgres', pid);
    child.once('exit', () => processes.forget(pid));
  }
  const last: string[] = [];
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stderr! }).on('line', line => {
      const [, severity = 'LOG', text = line] = /^([A-Z]+): {2}(.*)$/.exec(line) ?? [];
      log(LEVELS[severity] ?? 'info', text);
      last.push(line);
      if (last.length > 5) last.shift();
      if (text === 'database system is ready to accept connections') resolve();
    });
    child.once('error', reject);
    child.once('exit', (code, name) =>
      setImmediate(() => reject(new Error(last.join(' ') || `ended with ${name ?? code}`))),
    );
  });
  const late = AbortSignal.timeout(START_LIMIT_MS);
  const tooLate = new Promise<never>((_resolve, reject) =>
    late.addEventListener('abort', () => reject(new Error('not ready after 120 s')), { once: true }),
  );
  try {
    await Promise.race([ready, tooLate]);
    return child;
  } catch (error) {
    child.kill('SIGQUIT');
    throw error;
  }
}

function urlOf(cluster: Cluster, port: number, name: string): string {
  return `postgresql://${USER}:${cluster.password}@127.0.0.1:${port}/${name}`;
}

async function createDatabase(cluster: Cluster, port: number): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(cluster, port, 'postgres') });
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [NAME]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${NAME}`);
  } finally {
    await client.end();
  }
}

/** Starts the database of a data directory that this process holds. Throws a Fault of code FIELDLINE_DATABASE. */
export async function startDatabase(options: Starting): Promise<Database> {
  const { directory, processes, log } = options;
  const cluster = await openCluster(directory, processes);
  const left = await clearCluster(cluster.cluster);
  if (left > 0) log('warn', 'ended a database that an earlier gateway had left', { processes: left });

  let port = await freePort(cluster.port);
  let child: ChildProcess | undefined;
  let state: Database['state'] = 'running';
  const retry = backoff(200, 5000);
  const stopping = new AbortController();

  const up = async (): Promise<void> => {
    const started = await launch(cluster, port, options);
    child = started;
    started.once('exit', (code, name) => {
      child = undefined;
      if (stopping.signal.aborted) return;
      state = 'restarting';
      log('error', 'the database ended by itself', { code, signal: name });
      void again();
    });
  };
  const again = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await wait(retry.next(), undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      try {
        await clearCluster(cluster.cluster);
        await up();
        retry.reset();
        state = 'running';
        log('info', 'the database runs again');
        return;
      } catch (error) {
        log('error', 'the database does not start', { reason: reasonOf(error), attempt: retry.attempts });
      }
    }
  };

  try {
    await up().catch(async error => {
      // Somebody may have taken the port between the look and the start.
      if (!/could not (bind|create any TCP)/i.test(reasonOf(error))) throw error;
      port = await freePort();
      await up();
    });
    await createDatabase(cluster, port);
  } catch (error) {
    stopping.abort();
    await end(child, 2000);
    cluster.release();
    throw new Fault(
      'FIELDLINE_DATABASE',
      expected(
        `embedded database in ${cluster.cluster}`,
        'PostgreSQL to start (restore it from a backup, or move the folder and database.json away to begin anew)',
        reasonOf(error),
      ),
      { cause: error },
    );
  }
  if (port !== cluster.port) remember(directory, { ...cluster, port });
  return {
    url: urlOf(cluster, port, NAME),
    get state() {
      return state;
    },
    get pid() {
      return child?.pid;
    },
    async stop(limitMs) {
      stopping.abort();
      state = 'stopped';
      await end(child, limitMs);
      cluster.release();
    },
  };
}

async function end(child: ChildProcess | undefined, limitMs: number): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  const fast = await Promise.race([ended.then(() => true), wait(limitMs, false, { ref: false })]);
  if (fast) return;
  child.kill('SIGQUIT');
  const hard = await Promise.race([ended.then(() => true), wait(1000, false, { ref: false })]);
  if (!hard) child.kill('SIGKILL');
  await ended;
}
