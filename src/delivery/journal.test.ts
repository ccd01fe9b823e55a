// Tests of the journal: order, readers, bounds, kill -9, a damaged file and a second process.
import assert from 'node:assert/strict';
import { fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readdirSync, rmSync, statSync, writeFileSync, writeSync, closeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openJournal } from './journal.ts';
import type { Journal } from './journal-contract.ts';

const text = (blob: Uint8Array): string => Buffer.from(blob).toString();
const bytes = (value: string): Uint8Array => Buffer.from(value);

describe('journal', () => {
  let folder = '';
  let file = '';
  let journal: Journal | undefined;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'journal-'));
    file = join(folder, 'journal.db');
  });
  afterEach(async () => {
    await journal?.close();
    journal = undefined;
    rmSync(folder, { recursive: true, force: true });
  });
  const open = async (maxBytes?: number): Promise<Journal> => {
    journal = await openJournal(file, { maxBytes });
    return journal;
  };

  it('hands out what was appended, in order, from a cursor, until it is acknowledged', async () => {
    const it = await open();
    const seqs = await Promise.all(['a', 'b', 'c'].map(value => it.append(`m${value}`, bytes(value), ['link'])));
    assert.deepEqual(
      seqs,
      [...seqs].sort((a, b) => a - b),
    );
    assert.deepEqual(
      (await it.read('link', 0)).map(row => row.meta + text(row.blob)),
      ['maa', 'mbb', 'mcc'],
    );
    assert.deepEqual(
      (await it.read('link', seqs[0]!)).map(row => text(row.blob)),
      ['b', 'c'],
    );
    it.ack('link', [seqs[1]!]);
    assert.deepEqual(
      (await it.read('link', 0)).map(row => text(row.blob)),
      ['a', 'c'],
    );
    assert.deepEqual(await it.read('nobody', 0), []);
  });

  it('gathers for a moment only where several append at once', async () => {
    const it = await open();
    // The gathering is a timer below the one of acknowledgements.
    const delays: number[] = [];
    const { setTimeout } = globalThis;
    globalThis.setTimeout = ((run: () => void, ms = 0) => {
      if (ms > 0 && ms < 20) delays.push(ms);
      return setTimeout(run, ms);
    }) as typeof setTimeout;
    const appended = async (...together: string[]): Promise<number> => {
      delays.length = 0;
      await Promise.all(together.map(value => it.append('', bytes(value), ['link'])));
      return delays.length;
    };
    try {
      assert.equal(await appended('a'), 0);
      assert.equal(await appended('b'), 0);
      assert.equal(await appended('c', 'd'), 0, 'was alone before');
      assert.equal(await appended('e', 'f'), 1, 'had company before');
      assert.equal(await appended('g'), 1, 'had company before');
      assert.equal(await appended('h'), 0, 'alone again');
    } finally {
      globalThis.setTimeout = setTimeout;
    }
    assert.equal((await it.read('link', 0)).map(row => text(row.blob)).join(''), 'abcdefgh');
  });

  it('limits a page by entries and by bytes, and gives one entry at least', async () => {
    const it = await open();
    for (const value of ['aaaa', 'bbbb', 'cccc']) await it.append('', bytes(value), ['link']);
    assert.equal((await it.read('link', 0, { entries: 2 })).length, 2);
    assert.equal((await it.read('link', 0, { bytes: 1 })).length, 1);
    assert.equal((await it.read('link', 0, { bytes: 5 })).length, 2);
  });

  it('deletes an entry when the last of its readers has acknowledged or was dropped', async () => {
    const it = await open();
    const seq = await it.append('', bytes('x'), ['a', 'b', 'c', 'a']);
    it.ack('a', [seq]);
    it.ack('a', [seq]);
    it.ack('b', [seq, 999]);
    await it.note('flush', '1');
    assert.equal(it.state().entries, 1);
    assert.deepEqual(await it.read('a', 0), []);
    it.dropReader('c');
    await it.note('flush', '2');
    assert.deepEqual(it.state(), { bytes: 0, entries: 0, waiting: 0, fault: undefined });
    assert.deepEqual([...it.readers].sort(), ['a', 'b']);
  });

  it('takes out what was acknowledged and nothing else, in whatever order, twice, and mixed with the entries of others', async () => {
    let it = await open();
    const pending = { a: new Set<number>(), b: new Set<number>() };
    const appended = Array.from({ length: 90 }, async (_, n) => {
      const readers = n % 9 === 4 ? (['a', 'b'] as const) : n % 30 < 20 ? (['a'] as const) : (['b'] as const);
      const seq = await it.append('m', bytes(`${n}`), readers);
      for (const reader of readers) pending[reader].add(seq);
    });
    await Promise.all(appended);
    const first = Math.min(...pending.a);
    const acknowledge = (reader: 'a' | 'b', places: readonly number[]): void => {
      const seqs = places.map(place => first + place);
      it.ack(reader, seqs);
      for (const seq of seqs) pending[reader].delete(seq);
    };
    const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);
    const check = async (): Promise<void> => {
      await it.close();
      it = await open();
      for (const reader of ['a', 'b'] as const)
        assert.deepEqual(
          (await it.read(reader, 0)).map(({ seq }) => seq),
          [...pending[reader]].sort((x, y) => x - y),
        );
      assert.equal(it.state().entries, new Set([...pending.a, ...pending.b]).size);
    };
    acknowledge('a', [...range(5, 15).reverse(), 7, 7, ...range(0, 3)]);
    acknowledge('b', range(10, 24));
    acknowledge('a', range(0, 8));
    await check();
    acknowledge('b', [...range(0, 14), 31, 89, 40]);
    acknowledge('a', [...range(18, 45), ...range(60, 62)]);
    await check();
    acknowledge('a', range(0, 90));
    acknowledge('b', range(0, 90));
    await check();
    assert.equal(it.state().bytes, 0);
  });

  it('tells a reader of new entries, and no other', async () => {
    const it = await open();
    const heard: string[] = [];
    it.onEntries('a', () => heard.push('a'));
    const stop = it.onEntries('b', () => heard.push('b'));
    await it.append('', bytes('x'), ['a']);
    assert.deepEqual(heard, ['a']);
    stop();
    await it.append('', bytes('x'), ['a', 'b']);
    assert.deepEqual(heard, ['a', 'a']);
  });

  it('keeps entries, readers and notes over a restart', async () => {
    const first = await open();
    const seq = await first.append('meta', bytes('kept'), ['a', 'b']);
    first.ack('a', [seq]);
    await first.note('session:x', 'filters');
    await first.note('gone', '1');
    await first.note('gone', undefined);
    await first.close();
    const second = await open();
    assert.deepEqual([...second.notes], [['session:x', 'filters']]);
    assert.deepEqual(await second.read('a', 0), []);
    assert.equal(text((await second.read('b', 0))[0]!.blob), 'kept');
    assert.equal(second.loss, undefined);
    second.ack('b', [seq]);
    await second.note('flush', '1');
    assert.equal(second.state().bytes, 0);
  });

  it('never gives a number twice, even when a restart finds it empty', async () => {
    const first = await open();
    const seq = await first.append('', bytes('x'), ['a']);
    first.ack('a', [seq]);
    await first.close();
    const second = await open();
    assert.equal(second.state().entries, 0);
    assert.ok((await second.append('', bytes('y'), ['a'])) > seq);
  });

  it('writes a whole copy of itself while it works', async () => {
    const it = await open();
    await it.append('m', bytes('kept'), ['a']);
    const copy = join(folder, 'copy.db');
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

  it('lets appends wait in order while it is full, and refuses a blob that can never fit', async () => {
    const it = await open(1000);
    const big = new Uint8Array(600);
    const seq = await it.append('', big, ['a']);
    const done: string[] = [];
    const second = it.append('', big, ['a']).then(() => done.push('big'));
    const third = it.append('', new Uint8Array(1), ['a']).then(() => done.push('small'));
    await it.note('flush', '1');
    assert.deepEqual(done, [], 'the small one does not overtake');
    assert.equal(it.state().waiting, 2);
    it.ack('a', [seq]);
    await Promise.all([second, third]);
    assert.deepEqual(done, ['big', 'small']);
    await assert.rejects(it.append('', new Uint8Array(2000), ['a']), { code: 'FIELDLINE_MESSAGE', kind: 'data' });
  });

  it('refuses what waits when it closes, and everything afterwards', async () => {
    const it = await open(1000);
    await it.append('', new Uint8Array(800), ['a']);
    const waits = assert.rejects(it.append('', new Uint8Array(800), ['a']), { kind: 'outage' });
    await Promise.all([it.close(), it.close(), waits]);
    await assert.rejects(it.append('', bytes('x'), ['a']), { kind: 'outage' });
    await assert.rejects(it.read('a', 0), { kind: 'outage' });
    it.ack('a', [1]);
  });

  it('refuses a second user of the file', async () => {
    await open();
    await assert.rejects(openJournal(file), { code: 'FIELDLINE_DIR' });
  });

  it('says so when the folder does not exist', async () => {
    await assert.rejects(openJournal(join(folder, 'no', 'such.db')), { code: 'FIELDLINE_DIR', kind: 'outage' });
  });

  it('saves what can be read from a damaged file and names the loss', async () => {
    const first = await open();
    for (let at = 0; at < 200; at++) await first.append(`m${at}`, Buffer.alloc(1000, at), ['a']);
    await first.note('session:x', 'kept');
    await first.close();
    const size = statSync(file).size;
    const at = openSync(file, 'r+');
    writeSync(at, Buffer.alloc(8192, 0xee), 0, 8192, Math.floor(size / 2 / 4096) * 4096);
    closeSync(at);
    const second = await open();
    assert.match(second.loss ?? '', /damaged .*: \d+ entries saved, .* lost, the damaged file is kept as/);
    const rows = await second.read('a', 0, { entries: 1000, bytes: 1 << 30 });
    assert.ok(rows.length > 100 && rows.length < 200, `${rows.length} saved`);
    for (const row of rows) assert.deepEqual(Buffer.from(row.blob), Buffer.alloc(1000, Number(row.meta.slice(1))));
    assert.ok(readdirSync(folder).some(name => name.includes('.damaged-')));
  });

  it('starts anew beside a file that is no database', async () => {
    writeFileSync(file, 'this was never a database, but it is long enough to look like one'.repeat(20));
    const it = await open();
    assert.match(it.loss ?? '', /0 entries saved/);
    await it.append('', bytes('x'), ['a']);
    assert.equal((await it.read('a', 0)).length, 1);
  });

  it('acknowledges nothing while the disk is full, and goes on when it is not', async function () {
    // A limit on the size of files stands in for a full disk; lifting it for space that was made.
    const tools = process.platform === 'linux' && spawnSync('prlimit', ['--version']).status === 0;
    if (!tools) this.skip();
    const script = fileURLToPath(new URL('../../test/support/journal-full.ts', import.meta.url));
    const child = spawn('bash', ['-c', 'ulimit -S -f 400; exec "$0" "$1" "$2"', process.execPath, script, file], {
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
    const it = await open();
    assert.equal(it.state().entries, told.at(-1)?.kept);
  });

  it('loses nothing that was acknowledged when its process is killed', async () => {
    const child = fork(new URL('../../test/support/journal-killed.ts', import.meta.url), [file], { stdio: 'ignore' });
    let last = 0;
    child.on('message', seq => {
      last = Number(seq);
      if (last > 500) child.kill('SIGKILL');
    });
    await once(child, 'exit');
    const it = await open();
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
