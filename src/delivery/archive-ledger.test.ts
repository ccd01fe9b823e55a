// The ledger of an archive with an outbox, through kill -9 at any moment: never ahead of the table, exact in the end.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { cameIn, difference, inFlight, type Line } from '../kernel/ledger.ts';
import { readLedger } from './ledger-file.ts';

const fixture = path.join(import.meta.dirname, 'archive-ledger.fixture.ts');
const MESSAGES = 2000;

describe('ledger of an archive through kill -9', () => {
  let folder: string;
  let child: ChildProcess | undefined;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'fieldline-archive-ledger-'));
  });
  afterEach(async () => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (last: number): void => {
    const args = ['--disable-warning=ExperimentalWarning', fixture, folder, '1', String(last)];
    child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const linesOf = (name: string): number => {
    const file = path.join(folder, name);
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
  };
  const line = (): Line | undefined => readLedger(folder)?.lines.find(({ source }) => source === 'meter');
  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      assert.equal(child?.exitCode, null, 'the process has ended by itself');
      await wait(5);
    }
  }
  /** At rest only: a process that runs counts on. */
  function proves(): void {
    const kept = line()!;
    assert.equal(difference(kept), 0);
    assert.ok(kept.stored <= linesOf('table'), `${kept.stored} stored, ${linesOf('table')} in the table`);
    assert.ok(cameIn(kept) >= linesOf('acknowledged'), `${cameIn(kept)} in, ${linesOf('acknowledged')} acknowledged`);
    assert.equal(kept.stored + inFlight(kept), cameIn(kept));
  }

  it('counts what waits in the outbox as in flight, and each message once when it is in the table', async () => {
    // Killed twice while the table is away, at other moments, and twice while the outbox is drained.
    for (const share of [0.3, 0.7]) {
      start(MESSAGES);
      await until(() => linesOf('acknowledged') >= MESSAGES * share);
      assert.equal(line()?.stored, 0);
      await kill();
      proves();
    }
    writeFileSync(path.join(folder, 'there'), '');
    for (const share of [0.3, 0.7]) {
      start(MESSAGES);
      await until(() => linesOf('table') >= MESSAGES * share);
      await kill();
      proves();
    }
    start(MESSAGES);
    await until(() => linesOf('acknowledged') === MESSAGES && line()?.outbox === 0 && line()?.open === 0);
    await kill();
    const { stored, duplicates, dropped, deadLetters } = line()!;
    assert.deepEqual([stored, duplicates, dropped, deadLetters], [MESSAGES, 0, 0, 0]);
    assert.equal(linesOf('table'), MESSAGES);
    assert.equal(cameIn(line()!), MESSAGES);
    assert.deepEqual(JSON.parse(readFileSync(newest(), 'utf8').split('\n')[1]!).held, { runs: [], unnumbered: [] });
  });

  function newest(): string {
    const at = (file: string): number => Number(JSON.parse(readFileSync(file, 'utf8').split('\n')[1]!).generation);
    const files = [0, 1].map(slot => path.join(folder, `ledger-${slot}.json`));
    return files.sort((a, b) => at(b) - at(a))[0]!;
  }
});
