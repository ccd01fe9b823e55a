// The embedded PostgreSQL: keeps its rows through stops, kills and moves, for root and for ordinary users.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openDataDirectory } from '../../gateway/data-directory.ts';
import { type Database, startDatabase } from '../../gateway/database.ts';
import { canEnter, lentAccount } from '../../gateway/postgres-account.ts';
import { processesIn, startOf, until } from '../../gateway/processes.ts';
import type { Fault } from '../../src/kernel/fault.ts';
import { ask } from '../support/ask.ts';

const isRoot = process.getuid?.() === 0;
const quiet = () => undefined;

/** Runs `use` on the database of the directory, as a gateway would, and stops it. */
async function withDatabase<T>(directory: string, use: (database: Database) => Promise<T>): Promise<T> {
  const folder = openDataDirectory(directory);
  try {
    const processes = processesIn(directory);
    await processes.endLeftovers();
    const database = await startDatabase({ directory, processes, log: quiet });
    try {
      return await use(database);
    } finally {
      await database.stop(5000);
    }
  } finally {
    folder.release();
  }
}

/** A gateway's database in a process of its own, to be killed; prints the process id of PostgreSQL, then its url. */
function databaseProcess(directory: string, options: { uid?: number; gid?: number } = {}) {
  const [folder, database, processes] = ['data-directory', 'database', 'processes'].map(name =>
    JSON.stringify(import.meta.resolve(`../../gateway/${name}.ts`)),
  );
  const program = `import { openDataDirectory } from ${folder}; import { startDatabase } from ${database};
    import { processesIn } from ${processes};
    const directory = openDataDirectory(process.argv[1]);
    const db = await startDatabase({ directory: directory.path, processes: processesIn(directory.path), log() {} });
    console.log(db.pid + ' ' + db.url);
    process.on('SIGTERM', async () => { await db.stop(5000); directory.release(); process.exit(0); });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, directory], {
    ...options,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const early = once(child, 'exit').then(([code]) => Promise.reject(new Error(`it ended with ${code}`)));
  early.catch(quiet);
  const up = Promise.race([once(child.stdout, 'data'), early]).then(([bytes]) => {
    const [pid, url] = String(bytes).trim().split(' ');
    return { pid: Number(pid), url: url! };
  });
  return { child, up };
}

describe('embedded database', () => {
  let base: string;
  let directory: string;
  const remembered = () => JSON.parse(readFileSync(path.join(directory, 'database.json'), 'utf8'));
  beforeEach(() => {
    base = mkdtempSync(path.join(os.tmpdir(), 'fieldline-db-'));
    if (isRoot) chmodSync(base, 0o755);
    directory = path.join(base, 'data');
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  it('starts no process once the gateway has begun to stop', async () => {
    mkdirSync(directory);
    const aborted = new AbortController();
    const started: string[] = [];
    const processes = processesIn(directory);
    const record = (part: string, pid: number) => {
      started.push(part);
      processes.record(part, pid);
      aborted.abort();
    };
    await assert.rejects(
      startDatabase({ directory, processes: { ...processes, record }, log: quiet, signal: aborted.signal }),
      { code: 'FIELDLINE_DATABASE' },
    );
    assert.deepEqual(started, ['initdb']);
  });

  it('keeps rows, port and password over a stop and a move of the data directory', async () => {
    const first = await withDatabase(directory, async ({ url, state }) => {
      assert.equal(state, 'running');
      await ask(url, 'CREATE TABLE kept AS SELECT 7 AS n');
      assert.deepEqual(await ask(url, 'SHOW fsync'), [{ fsync: 'on' }]);
      return url;
    });
    assert.equal(statSync(path.join(directory, 'database.json')).mode & 0o777, 0o600);
    assert.equal(statSync(path.join(directory, 'postgres')).mode & 0o077, 0);
    const moved = path.join(base, 'moved');
    renameSync(directory, moved);
    await withDatabase(moved, async ({ url }) => {
      assert.equal(url, first);
      assert.deepEqual(await ask(url, 'SELECT n FROM kept'), [{ n: 7 }]);
    });
  });

  it('starts again by itself, under the same address, when PostgreSQL is killed', async () => {
    await withDatabase(directory, async database => {
      await ask(database.url, 'CREATE TABLE kept AS SELECT 7 AS n');
      const killed = database.pid!;
      process.kill(killed, 'SIGKILL');
      assert.ok(await until(() => database.pid !== undefined && database.pid !== killed, 60_000));
      assert.ok(await until(() => database.state === 'running', 60_000));
      assert.deepEqual(await ask(database.url, 'SELECT n FROM kept'), [{ n: 7 }]);
    });
  });

  for (const killed of ['the gateway', 'gateway and PostgreSQL'] as const)
    it(`comes back after kill -9 of ${killed}`, async () => {
      const { child, up } = databaseProcess(directory);
      const { pid, url } = await up;
      await ask(url, 'CREATE TABLE kept AS SELECT 7 AS n');
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      if (killed !== 'the gateway') process.kill(pid, 'SIGKILL');
      await ended;
      await withDatabase(directory, async database => {
        assert.notEqual(database.pid, pid);
        assert.equal(startOf(pid), undefined);
        assert.deepEqual(await ask(database.url, 'SELECT n FROM kept'), [{ n: 7 }]);
      });
    });

  it('ends a PostgreSQL that no note tells of', async () => {
    const { child, up } = databaseProcess(directory);
    const { pid } = await up;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    rmSync(path.join(directory, 'processes.json'));
    await withDatabase(directory, async database => assert.notEqual(database.pid, pid));
    assert.equal(startOf(pid), undefined);
  });

  it('makes the cluster anew when the first start was killed in the middle', async () => {
    mkdirSync(path.join(directory, 'postgres.new', 'base'), { recursive: true });
    writeFileSync(path.join(directory, 'postgres.new', 'half'), '');
    if (isRoot) chmodSync(directory, 0o711);
    await withDatabase(directory, async ({ url }) => assert.equal((await ask(url, 'SELECT 1')).length, 1));
  });

  it('takes over a cluster that was complete but not yet named', async () => {
    await withDatabase(directory, ({ url }) => ask(url, 'CREATE TABLE kept AS SELECT 7 AS n'));
    renameSync(path.join(directory, 'postgres'), path.join(directory, 'postgres.new'));
    await withDatabase(directory, async ({ url }) =>
      assert.deepEqual(await ask(url, 'SELECT n FROM kept'), [{ n: 7 }]),
    );
  });

  const damages: [what: string, damage: (cluster: string) => void, says: RegExp][] = [
    ['another version', at => writeFileSync(path.join(at, 'PG_VERSION'), '15\n'), /PostgreSQL 18 .*version 15/],
    ['no PG_VERSION', at => rmSync(path.join(at, 'PG_VERSION')), /restore it from a backup/],
    [
      'a damaged control file',
      at => truncateSync(path.join(at, 'global', 'pg_control'), 100),
      /PostgreSQL to start .*pg_control/,
    ],
    ['no cluster at all', at => rmSync(at, { recursive: true }), /bring it back/],
  ];
  it('tells what is wrong with a cluster', async () => {
    await withDatabase(directory, async () => undefined);
    for (const [what, damage, says] of damages) {
      const copy = path.join(base, 'copy');
      cpSync(directory, copy, { recursive: true });
      const { uid, gid } = statSync(path.join(directory, 'postgres'));
      if (isRoot) chownDeep(path.join(copy, 'postgres'), uid, gid);
      chmodSync(path.join(copy, 'postgres'), 0o700);
      damage(path.join(copy, 'postgres'));
      await assert.rejects(
        withDatabase(copy, async () => undefined),
        (error: Fault) => {
          assert.equal(`${what}: ${error.code}`, `${what}: FIELDLINE_DATABASE`);
          assert.match(`${what}: ${error.message}`, says);
          return true;
        },
      );
      assert.deepEqual(JSON.parse(readFileSync(path.join(copy, 'processes.json'), 'utf8')), [], what);
      rmSync(copy, { recursive: true });
    }
  });

  it('runs for an ordinary user', async function () {
    const user = isRoot ? lentAccount('nobody:x:65534:65534::/:/bin/false') : {};
    if (
      user === undefined ||
      !(await canEnter(user, import.meta.dirname)) ||
      !(await canEnter(user, path.dirname(process.execPath)))
    ) {
      console.log('      skipped: this checkout lies where other users cannot read it');
      return this.skip();
    }
    if (user.uid !== undefined) chownSync(base, user.uid, user.gid!);
    const { child, up } = databaseProcess(directory, user);
    const { url, pid } = await up;
    assert.equal((await ask(url, 'SELECT 1')).length, 1);
    assert.equal(statSync(`/proc/${pid}`).uid, user.uid ?? process.getuid?.());
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    assert.equal(startOf(pid), undefined);
  });

  describe('as root under a folder of mode 700', () => {
    before(function () {
      if (!isRoot) this.skip();
    });
    beforeEach(() => chmodSync(base, 0o700));
    afterEach(() => rmSync(path.dirname(remembered().cluster), { recursive: true, force: true }));

    it('lies where its user can reach it, recorded in the data directory', async () => {
      await withDatabase(directory, ({ url }) => ask(url, 'CREATE TABLE kept AS SELECT 7 AS n'));
      const { cluster } = remembered();
      assert.ok(path.isAbsolute(cluster) && !cluster.startsWith(base) && !cluster.startsWith(os.tmpdir()), cluster);
      assert.notEqual(statSync(cluster).uid, 0);
      await withDatabase(directory, async ({ url }) =>
        assert.deepEqual(await ask(url, 'SELECT n FROM kept'), [{ n: 7 }]),
      );
    });

    it('is not taken away by a copy of the data directory', async () => {
      await withDatabase(directory, async database => {
        const copy = path.join(base, 'copy');
        cpSync(directory, copy, { recursive: true, filter: from => !/gateway\.|processes/.test(from) });
        await assert.rejects(
          withDatabase(copy, async () => undefined),
          (error: Fault) => error.code === 'FIELDLINE_DIR_IN_USE',
        );
        assert.equal((await ask(database.url, 'SELECT 1')).length, 1);
      });
    });
  });
});

function chownDeep(folder: string, uid: number, gid: number): void {
  // A copy keeps modes, not owners.
  execFileSync('chown', ['-R', `${uid}:${gid}`, folder]);
}
