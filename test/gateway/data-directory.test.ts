// The data directory: private, writable, one gateway at a time, and free again after a kill.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { holderOf, openDataDirectory, secretOf } from '../../gateway/data-directory.ts';
import { readJson } from '../../gateway/private-file.ts';
import { isRunning, type ProcessId, processesIn, startOf } from '../../gateway/processes.ts';
import type { Fault } from '../../src/kernel/fault.ts';

describe('data directory', () => {
  let base: string;
  beforeEach(() => {
    base = mkdtempSync(path.join(os.tmpdir(), 'fieldline-dir-'));
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  it('is made with the folders above it, and nobody else can look into it', () => {
    const folder = path.join(base, 'a', 'b');
    openDataDirectory(folder).release();
    assert.equal(statSync(folder).mode & 0o066, 0);
  });

  it('makes a secret once, mode 0600', () => {
    const secret = secretOf(base, undefined);
    assert.match(secret, /^[\w-]{43}$/);
    assert.equal(secretOf(base, undefined), secret);
    assert.equal(statSync(path.join(base, 'secret')).mode & 0o777, 0o600);
    assert.equal(secretOf(base, 'given in the environment'), 'given in the environment');
  });

  it('of mode 700 lets the database user of root pass, and closes what lay open in it', function () {
    if (process.getuid?.() !== 0) return this.skip();
    writeFileSync(path.join(base, 'flows.json'), '[]', { mode: 0o644 });
    assert.equal(statSync(base).mode & 0o777, 0o700);
    openDataDirectory(base).release();
    assert.equal(statSync(base).mode & 0o777, 0o711);
    assert.equal(statSync(path.join(base, 'flows.json')).mode & 0o777, 0o600);
  });

  const unusable: [name: string, make: (base: string) => string][] = [
    [
      'a file',
      at => {
        writeFileSync(path.join(at, 'file'), '');
        return path.join(at, 'file');
      },
    ],
    [
      'a folder below a file',
      at => {
        writeFileSync(path.join(at, 'file'), '');
        return path.join(at, 'file', 'below');
      },
    ],
    ['a folder of the kernel', () => '/proc/fieldline'],
  ];
  for (const [name, make] of unusable)
    it(`refuses ${name} and says which`, () => {
      const folder = make(base);
      assert.throws(
        () => openDataDirectory(folder),
        (error: Fault) => error.code === 'FIELDLINE_DIR' && error.message.includes(folder),
      );
    });

  /** Another process that holds the directory. */
  async function heldByAnother() {
    const held = `import { openDataDirectory } from ${JSON.stringify(import.meta.resolve('../../gateway/data-directory.ts'))};
      openDataDirectory(${JSON.stringify(base)}); console.log('held'); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', held], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    return {
      pid: holder.pid,
      async kill() {
        holder.kill('SIGKILL');
        await once(holder, 'exit');
      },
    };
  }

  for (const [name, spoil] of [
    ['', () => undefined],
    [
      ', also where the file of its lock was taken for a stale one and removed',
      () => rmSync(path.join(base, 'gateway.lock')),
    ],
  ] as const)
    it(`belongs to one gateway, until that ends by kill -9${name}`, async () => {
      const holder = await heldByAnother();
      try {
        spoil();
        // The first attempt makes the file of the lock anew.
        for (let attempt = 0; attempt < 2; attempt++) {
          assert.equal(holderOf(base), holder.pid);
          assert.throws(
            () => openDataDirectory(base),
            (error: Fault) =>
              error.code === 'FIELDLINE_DIR_IN_USE' && error.message.includes(`process id ${holder.pid}`),
          );
        }
        const { pid, started } = readJson<ProcessId>(path.join(base, 'gateway.json'))!;
        assert.deepEqual([pid, started], [holder.pid, startOf(holder.pid!)], 'the first is not disturbed');
      } finally {
        await holder.kill();
      }
      assert.equal(holderOf(base), undefined);
      // Its number may belong to another process by now.
      writeFileSync(
        path.join(base, 'gateway.json'),
        JSON.stringify({ pid: process.ppid, started: `${startOf(process.ppid)}0` }),
      );
      const mine = openDataDirectory(base);
      mine.release();
    });

  it('is free again after release', () => {
    openDataDirectory(base).release();
    openDataDirectory(base).release();
  });
});

describe('recorded processes', () => {
  let base: string;
  beforeEach(() => {
    base = mkdtempSync(path.join(os.tmpdir(), 'fieldline-ids-'));
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));
  const sleeper = () => spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });

  it('are ended by the next start', async () => {
    const child = sleeper();
    const ended = once(child, 'exit');
    processesIn(base).record('radio', child.pid!);
    const left = await processesIn(base).endLeftovers();
    assert.deepEqual(
      left.map(({ part, pid }) => [part, pid]),
      [['radio', child.pid]],
    );
    await ended;
    assert.deepEqual(await processesIn(base).endLeftovers(), []);
  });

  it('are left alone when another process has the number now', async () => {
    const child = sleeper();
    try {
      const id = { part: 'postgres', pid: child.pid!, started: `${startOf(child.pid!)}0` };
      writeFileSync(path.join(base, 'processes.json'), JSON.stringify([id]));
      assert.deepEqual(await processesIn(base).endLeftovers(), []);
      assert.equal(isRunning({ pid: child.pid!, started: startOf(child.pid!)! }), true);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('end with the gateway', async () => {
    const child = sleeper();
    const ended = once(child, 'exit');
    const processes = processesIn(base);
    processes.record('radio', child.pid!);
    await processes.endAll();
    await ended;
    assert.equal(readFileSync(path.join(base, 'processes.json'), 'utf8').trim(), '[]');
  });

  it('survive a note that a power cut has spoilt', async () => {
    writeFileSync(path.join(base, 'processes.json'), '[{"part":"po');
    assert.deepEqual(await processesIn(base).endLeftovers(), []);
  });
});
