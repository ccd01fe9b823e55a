// A real streaming standby of a test PostgreSQL: a copy of its stopped data directory that follows it until it is promoted.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { freePort } from '../../bench/machine.ts';
import type { TestPostgres } from './postgres.ts';

export type Standby = {
  /** Of the same database as that of the primary. */
  readonly url: string;
  /** It follows no longer and takes writes when it resolves. */
  promote(): Promise<void>;
  stop(): Promise<void>;
};

async function asked<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows[0]!;
  } finally {
    await client.end();
  }
}

/** Stops the primary for the copy and starts it again (pg_basebackup is not among the programs). */
export async function startStandby(primary: TestPostgres): Promise<Standby> {
  const { data_directory: origin } = await asked<{ data_directory: string }>(primary.url, 'SHOW data_directory');
  const { uid, gid } = statSync(origin);
  const account = process.getuid?.() === 0 ? { uid, gid } : {};
  const home = mkdtempSync(path.join(path.dirname(path.dirname(origin)), 'fieldline-standby-'));
  chownSync(home, uid, gid);
  const data = path.join(home, 'data');
  // As the server was started: program, then "-D" "…" "-c" "…".
  const [program = '', ...options] = readFileSync(path.join(origin, 'postmaster.opts'), 'utf8')
    .trim()
    .split(/ (?=")/)
    .map(part => part.replace(/^"|"$/g, ''));
  await primary.terminate();
  execFileSync('cp', ['-a', origin, data], { ...account, stdio: 'pipe' });
  await primary.restart();
  rmSync(path.join(data, 'postmaster.pid'), { force: true });
  writeFileSync(path.join(data, 'standby.signal'), '');
  chownSync(path.join(data, 'standby.signal'), uid, gid);

  const port = await freePort();
  const { username, password } = new URL(primary.url);
  const follows = `primary_conninfo=host=127.0.0.1 port=${primary.port} user=${username} password=${password}`;
  const own = options.slice(2).map(option => option.replace(/^port=.*/, `port=${port}`));
  const server = spawn(program, ['-D', data, ...own, '-c', follows], {
    ...account,
    cwd: home,
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const end = (): void => void server.kill('SIGQUIT');
  process.once('exit', end);
  let log = '';
  await new Promise<void>((resolve, reject) => {
    server.stderr.on('data', chunk => {
      log = (log + chunk).slice(-4000);
      if (log.includes('ready to accept read-only connections')) resolve();
    });
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`the standby did not start: ${log}`)));
  });
  const url = primary.url.replace(`:${primary.port}/`, `:${port}/`);
  return {
    url,
    promote: async () => void (await asked(url, 'SELECT pg_promote()')),
    async stop() {
      process.removeListener('exit', end);
      if (server.exitCode === null && server.signalCode === null) {
        end();
        await once(server, 'exit');
      }
      rmSync(home, { recursive: true, force: true });
    },
  };
}
