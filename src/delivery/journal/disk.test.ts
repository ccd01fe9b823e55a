// Tests of the journal's file: restarts, copies, damage, a second process, a full disk and kill -9.
import assert from 'node:assert/strict';
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { overwrite, rubbish } from '../../../test/support/overwrite.ts';
import { bytes, journalPlace, text } from './journal.fixture.ts';
import { openJournal } from './journal.ts';

describe('journal on the disk', () => {
  const place = journalPlace();

  it('keeps entries, readers and notes over a restart', async () => {
    const first = await place.open();
    const seq = await first.append('meta', bytes('kept'), ['a', 'b']);
    first.ack('a', [seq]);
    await first.note('session:x', 'filters');
    await first.note('gone', '1');
    await first.note('gone', undefined);
    await first.close();
    const second = await place.open();
    assert.deepEqual([...second.notes], [['session:x', 'filters']]);
    assert.deepEqual(await second.read('a', 0), []);
    assert.equal(text((await second.read('b', 0))[0]!.blob), 'kept');
    assert.equal(second.loss, undefined);
    second.ack('b', [seq]);
    await second.note('flush', '1');
    assert.equal(second.state().bytes, 0);
  });

  it('never gives a number twice, even when a restart finds it empty', async () => {
    const first = await place.open();
    const seq = await first.append('', bytes('x'), ['a']);
    first.ack('a', [seq]);
    await first.close();
    const second = await place.open();
    assert.equal(second.state().entries, 0);
    assert.ok((await second.append('', bytes('y'), ['a'])) > seq);
  });

  it('writes a whole copy of itself while it works', async () => {
    const it = await place.open();
    await it.append('m', bytes('kept'), ['a']);
    const copy = join(place.folder, 'copy.db');
    await it.copyTo(copy);
    await it.append('m', bytes('later'), ['a']);
    await assert.rejects(it.copyTo(copy), /copy of/);
    const other = await openJournal(copy);
    assert.deepEqual(
      (await other.read('a', 0)).map(({ blob }) => text(blob)),
      ['kept'],
    );
    await other.close();
  });

  it('refuses a second user of the file', async () => {
    await place.open();
    await assert.rejects(openJournal(place.file), { code: 'FIELDLINE_DIR' });
  });

  it('says so when the folder does not exist', async () => {
    await assert.rejects(openJournal(join(place.folder, 'no', 'such.db')), { code: 'FIELDLINE_DIR', kind: 'outage' });
  });

  for (const [what, put, reason] of [
    ['a folder', (file: string) => mkdirSync(file), /journal\.db is no file: move it away"$/],
    ['a link that leads nowhere', (file: string) => symlinkSync('/no/where', file), /journal\.db is a link that leads/],
    ['no log but a folder', (file: string) => mkdirSync(`${file}-wal`), /journal\.db-wal is no file: move it away"$/],
  ] as const)
    it(`says what stands in its place: ${what}`, async () => {
      put(place.file);
      await assert.rejects(openJournal(place.file), { kind: 'outage', message: reason });
    });

  it('saves what can be read from a damaged file and names the loss', async () => {
    const first = await place.open();
    for (let at = 0; at < 200; at++) await first.append(`m${at}`, Buffer.alloc(1000, at), ['a']);
    await first.note('session:x', 'kept');
    await first.close();
    const size = statSync(place.file).size;
    overwrite(place.file, Math.floor(size / 2 / 4096) * 4096, rubbish(8192));
    const second = await place.open();
    assert.match(second.loss ?? '', /damaged .*: \d+ entries saved, .* lost, the damaged file is kept as/);
    const rows = await second.read('a', 0, { entries: 1000, bytes: 1 << 30 });
    assert.ok(rows.length > 100 && rows.length < 200, `${rows.length} saved`);
    for (const row of rows) assert.deepEqual(Buffer.from(row.blob), Buffer.alloc(1000, Number(row.meta.slice(1))));
    assert.ok(readdirSync(place.folder).some(name => name.includes('.damaged-')));
  });

  it('starts anew beside a file that is no database', async () => {
    writeFileSync(place.file, 'this was never a database, but it is long enough to look like one'.repeat(20));
    const it = await place.open();
    assert.match(it.loss ?? '', /0 entries saved/);
    await it.append('', bytes('x'), ['a']);
    assert.equal((await it.read('a', 0)).length, 1);
  });

  it('acknowledges nothing while the disk is full, and goes on when it is not', async function () {
    // A limit on the size of files stands in for a full disk; lifting it for space that was made.
    const tools = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0;
    if (!tools) this.skip();
    const script = fileURLToPath(new URL('../../../test/support/journal-full.ts', import.meta.url));
    const child = spawn('bash', ['-c', 'ulimit -S -f 400; exec "$0" "$1" "$2"', process.execPath, script, place.file], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    type Told = { kept: number; fault?: string };
    const told: Told[] = [];
    let lifted = false;
    child.on('message', (message: Told) => {
      told.push(message);
      if (message.fault === undefined || lifted) return;
      lifted = true;
      spawnSync('prlimit', ['--pid', String(child.pid), '--fsize=unlimited']);
    });
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    const faults = told.filter(({ fault }) => fault !== undefined);
    assert.ok(faults.length > 0, 'the limit was met');
    assert.equal(new Set(faults.map(({ kept }) => kept)).size, 1, 'nothing is acknowledged meanwhile');
    assert.equal(told.at(-1)?.fault, undefined);
    const it = await place.open();
    assert.equal(it.state().entries, told.at(-1)?.kept);
  });

  it('loses nothing that was acknowledged when its process is killed', async () => {
    const child = fork(new URL('../../../test/support/journal-killed.ts', import.meta.url), [place.file], {
      stdio: 'ignore',
    });
    let last = 0;
    child.on('message', seq => {
      last = Number(seq);
      if (last > 500) child.kill('SIGKILL');
    });
    await once(child, 'exit');
    const it = await place.open();
    const seqs: number[] = [];
    for (let after = 0; ; ) {
      const rows = await it.read('a', after, { entries: 5000 });
      if (rows.length === 0) break;
      seqs.push(...rows.map(row => row.seq));
      after = rows.at(-1)!.seq;
    }
    assert.ok(last > 500);
    assert.deepEqual(
      seqs.slice(0, last),
      Array.from({ length: last }, (_, at) => at + 1),
    );
    assert.equal(it.loss, undefined);
  });
});
