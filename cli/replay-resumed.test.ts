// fieldline replay that did not come to its end: stopped, interrupted, killed, or ended by somebody else; it goes on from where it was.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import {
  askForReplay,
  claimReplay,
  endReplay,
  keepProgress,
  type Replay,
  stopReplays,
  type Wish,
} from '../src/archive/replays.ts';
import { command, onArchive, temperature } from '../test/support/cli-replay.ts';
import { run } from './replay.ts';
import { until } from '../test/support/until.ts';

describe('fieldline replay, begun before', () => {
  const on = onArchive();
  const { db, keep, count, replay } = on;
  const asked = async (wish: Omit<Wish, 'selection'>): Promise<Replay> =>
    (await askForReplay(db.store.query, { selection: {}, ...wish })).replay;

  it('says that nothing is there to go on with', async () => {
    const { code, errors } = await replay(['--resume', '4711']);
    assert.equal(code, 2);
    assert.match(errors, /replay 4711: expected one that is unfinished/);
  });

  it('goes on with one that was stopped, from where it was', async () => {
    await keep([temperature(1), temperature(2), temperature(3)]);
    const { id } = await asked({ askedBy: 'editor', owner: 'a node' });
    const [second] = await db.store.query<{ id: number; time: string }>(
      'SELECT id, timestamp::text AS time FROM raw_advertisements ORDER BY timestamp OFFSET 1 LIMIT 1',
    );
    await claimReplay(db.store.query, 'node', { id });
    await keepProgress(db.store.query, id, 'node', { cursor: second, settled: 2, failed: 0 });
    await stopReplays(db.store.query, { id });
    const { code, out, errors } = await replay(['--resume', String(id)]);
    assert.equal(code, 0, errors);
    const { state, settled, stored } = out[0]!;
    assert.deepEqual({ state, settled, stored }, { state: 'done', settled: 3, stored: 1 });
    assert.match(errors, /1 reading new, 0 there before, since it went on behind 2 messages$/m);
  });

  it('says how it ended where somebody else, who asked for the same, was first', async () => {
    await keep([temperature(1)]);
    const { id } = await asked({ askedBy: 'somebody' });
    await claimReplay(db.store.query, 'somebody', { id });
    const said: string[] = [];
    const code = await run(['--resume', String(id)], {
      stdin: Readable.from([]),
      stdout: line => said.push(line),
      stderr(line) {
        said.push(line);
        if (/waiting/.test(line)) void endReplay(db.store.query, id, 'somebody', 'done');
      },
      env: { FIELDLINE_DIR: on.directory, DATABASE_URL: db.server.url },
    });
    assert.equal(code, 0, said.join('\n'));
    assert.deepEqual(said.slice(1), [
      `replay ${id}: somebody else has ended it: 0`,
      JSON.stringify({ id, state: 'done', settled: 0, failed: 0, total: null }),
    ]);
  });

  it('says how long it waits for the claim of one that was killed', async () => {
    await keep([temperature(1)]);
    const { id } = await asked({ askedBy: 'command line', owner: 'fieldline replay', words: {} });
    await claimReplay(db.store.query, 'killed', { id });
    const { code, errors } = await replay([]);
    assert.equal(code, 0, errors);
    assert.match(errors, /somebody runs it, or was killed while it did: waiting, at most [1-5] s$/m);
    assert.deepEqual(await db.store.query('SELECT id, state FROM replays'), [{ id, state: 'done' }]);
  });

  it('is run once by two commands that are given at once; the second is told how far it is', async () => {
    await keep(Array.from({ length: 300 }, (_, n) => temperature(n)));
    const both = await Promise.all([replay(['--rate', '30']), replay(['--rate', '30'])]);
    const [done, told] = both.toSorted((a, b) => a.code - b.code);
    assert.deepEqual([done!.code, told!.code], [0, 1], told!.errors);
    assert.match(told!.errors, /somebody else runs it: \d+( of 300 \(\d+ %\))?; this command has nothing to do$/m);
    assert.deepEqual(await db.store.query('SELECT state, settled FROM replays'), [{ state: 'done', settled: 300 }]);
  });

  it('is told of a replay of the same range that a node runs, with its progress', async () => {
    await keep([temperature(1)]);
    const other = await asked({ askedBy: 'editor', owner: 'a node', words: {} });
    const { code, errors } = await replay([]);
    assert.equal(code, 0, errors);
    assert.match(
      errors,
      new RegExp(`beside it runs replay ${other.id} of the same range, asked for by editor: 0$`, 'm'),
    );
  });

  it('ends at a signal, says how it goes on, and goes on', async () => {
    await keep(Array.from({ length: 600 }, (_, n) => temperature(n)));
    const child = spawn(process.execPath, [command, 'replay', '--rate', '60'], {
      env: { ...process.env, DATABASE_URL: db.server.url, FIELDLINE_DIR: on.directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [out, errors] = [child.stdout.toArray(), child.stderr.toArray()];
    const ended = once(child, 'close');
    await until(async () => (await count('sensor_readings')) > 0);
    child.kill('SIGINT');
    assert.deepEqual(await ended, [1, null]);
    const told = JSON.parse(Buffer.concat(await out).toString()) as { id: number; state: string; settled: number };
    assert.equal(told.state, 'interrupted');
    assert.ok(told.settled > 0 && told.settled < 600, `${told.settled}`);
    const goesOn = `--resume ${told.id}`;
    assert.ok(
      Buffer.concat(await errors)
        .toString()
        .trimEnd()
        .endsWith(goesOn),
    );
    const rest = await replay(goesOn.split(' '));
    assert.deepEqual([rest.code, rest.out[0]!['settled']], [0, 600]);
    assert.equal(await count('sensor_readings'), 600);
  });

  it('says what it waits for after a signal, and ends at a second one', async () => {
    await keep(Array.from({ length: 10 }, (_, n) => temperature(n)));
    const other = await db.store.pool.connect();
    try {
      await other.query('BEGIN; LOCK sensor_readings IN ACCESS EXCLUSIVE MODE');
      const child = spawn(process.execPath, [command, 'replay'], {
        env: { ...process.env, DATABASE_URL: db.server.url, FIELDLINE_DIR: on.directory },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const ended = once(child, 'exit');
      const waits = `SELECT FROM pg_locks WHERE relation = 'sensor_readings'::regclass AND NOT granted`;
      await until(async () => (await db.store.query(waits)).length > 0);
      child.kill('SIGINT');
      for (let said = ''; !said.includes('a second signal ends it at once'); )
        said += String((await once(child.stderr, 'data'))[0]);
      child.kill('SIGINT');
      assert.deepEqual(await ended, [null, 'SIGINT']);
    } finally {
      await other.query('ROLLBACK');
      other.release();
    }
    assert.equal((await replay([])).code, 0);
    assert.equal(await count('sensor_readings'), 10);
  });

  it('goes on after kill -9 in the middle: every row once, and none is missing', async () => {
    const all = Array.from({ length: 3000 }, (_, n) => temperature(n));
    for (let at = 0; at < all.length; at += 1000) await keep(all.slice(at, at + 1000));
    const start = (...more: string[]): ChildProcess =>
      spawn(process.execPath, [command, 'replay', ...more], {
        env: { ...process.env, DATABASE_URL: db.server.url, FIELDLINE_DIR: on.directory },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    let kills = 0;
    for (const rows of [200, 1200]) {
      // Slow enough that a machine which stands still for seconds does not miss the middle.
      const child = start('--from', '99999d', '--rate', '300');
      const ended = once(child, 'exit');
      // Its place is kept behind the rows: killed when both have come so far.
      const kept = async () =>
        (await db.store.query<{ settled: number }>('SELECT settled FROM replays'))[0]?.settled ?? 0;
      const come = async () => (await count('sensor_readings')) >= rows && (await kept()) >= rows / 2;
      // A replay gives way where the database is busy.
      await until(come, kept, 250_000);
      child.kill('SIGKILL');
      const [, signal] = await ended;
      assert.equal(signal, 'SIGKILL');
      kills++;
    }
    assert.equal(kills, 2);
    const before = await count('sensor_readings');
    assert.ok(before < 3000, `${before}`);
    // The same words, though they mean another time by now.
    const child = start('--from', '99999d');
    let out = '';
    child.stdout!.on('data', text => {
      out += text;
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 0);
    const { settled, total, stored, duplicates } = JSON.parse(out) as Record<string, number>;
    assert.deepEqual([settled, total], [3000, 3000]);
    // It began behind the cursor, not from the beginning; what it repeated was known.
    assert.equal(before + stored!, 3000);
    assert.ok(stored! + duplicates! <= 2400, `${stored} and ${duplicates}`);
    assert.equal(await count('sensor_readings'), 3000);
    assert.deepEqual(await db.store.query('SELECT state FROM replays'), [{ state: 'done' }]);
  }).timeout(600_000);
});
