// The programs of the embedded PostgreSQL as npm unpacked them, and the account that root lends them.
import assert from 'node:assert/strict';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { lentAccount } from '../../gateway/postgres-account.ts';
import { packagedPrograms, programsFor } from '../../gateway/postgres-programs.ts';
import type { Fault } from '../../src/kernel/fault.ts';

const isRoot = process.getuid?.() === 0;

describe('PostgreSQL programs', () => {
  let base: string;
  beforeEach(() => {
    base = mkdtempSync(path.join(os.tmpdir(), 'fieldline-programs-'));
    if (isRoot) chmodSync(base, 0o755);
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  /** The package as npm unpacks it when install scripts are off: no library links, no execute bits. */
  function unfinished(): string {
    const native = path.join(base, 'package', 'native');
    cpSync(path.dirname(packagedPrograms()), path.dirname(native), { recursive: true, verbatimSymlinks: true });
    const links = JSON.parse(readFileSync(path.join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[];
    for (const { target } of links) rmSync(path.join(native, '..', target));
    for (const name of ['postgres', 'initdb']) chmodSync(path.join(native, 'bin', name), 0o644);
    return native;
  }

  it('run although install scripts were off', async () => {
    const native = unfinished();
    const { postgres, major } = await programsFor({}, base, native);
    assert.equal(postgres, path.join(native, 'bin', 'postgres'));
    assert.match(major, /^\d+$/);
  });

  it('are copied to where an account can reach them', async function () {
    if (!isRoot) return this.skip();
    const account = lentAccount(readFileSync('/etc/passwd', 'utf8'))!;
    const native = unfinished();
    chmodSync(path.join(base, 'package'), 0o700);
    const home = path.join(base, 'home');
    mkdirSync(home);
    chmodSync(home, 0o755);
    const { postgres } = await programsFor(account, home, native);
    assert.ok(postgres.startsWith(home));
    assert.equal((await programsFor(account, home, native)).postgres, postgres);
  });

  it('that cannot run at all are a clear error', async () => {
    const native = unfinished();
    rmSync(path.join(native, 'bin', 'postgres'));
    // A plain file: the bin folder's files are made executable, and a link would lead that to its target.
    writeFileSync(path.join(native, 'bin', 'postgres'), 'no program');
    await assert.rejects(
      programsFor({}, base, native),
      (error: Fault) => error.code === 'FIELDLINE_DATABASE' && /DATABASE_URL/.test(error.message),
    );
  });
});

describe('account that root lends', () => {
  const line = (name: string, id: string | number) => `${name}:x:${id}:${id}::/:/bin/sh`;
  const rows: [passwd: string[], uid: number | undefined][] = [
    [[line('root', 0), line('nobody', 65534), line('postgres', 101)], 101],
    [[line('root', 0), line('daemon', 1), line('nobody', 65534)], 65534],
    [[line('root', 0), line('node', 1000)], 1000],
    [[line('root', 0), line('toor', 0)], undefined],
    [['', 'broken line', line('postgres', 'x'), line('nobody', 99)], 99],
  ];
  for (const [passwd, uid] of rows)
    it(`is ${uid ?? 'none'} of ${passwd.length} accounts`, () =>
      assert.equal(lentAccount(passwd.join('\n'))?.uid, uid));
});
