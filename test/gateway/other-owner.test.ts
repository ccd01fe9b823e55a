// Backup and restore as root in the data directory of another user, as beside a systemd unit: all that lies there stays that user's.
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { backUp } from '../../gateway/backup.ts';
import { startDatabase } from '../../gateway/database.ts';
import { openControl } from '../../gateway/control.ts';
import { openDataDirectory } from '../../gateway/data-directory.ts';
import { lentAccount } from '../../gateway/postgres-account.ts';
import { processesIn } from '../../gateway/processes.ts';
import { restore } from '../../gateway/restore.ts';
import { openJournals } from '../../src/delivery/journal/journal.ts';
import { migrate } from '../../src/store/migrate.ts';

describe('a data directory of another user', () => {
  let folder: string;
  let owner: { uid: number; gid: number };
  before(function () {
    const lent = process.getuid?.() === 0 ? lentAccount(readFileSync('/etc/passwd', 'utf8')) : undefined;
    if (lent === undefined) return this.skip();
    owner = lent as typeof owner;
  });
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-owner-'));
    chmodSync(folder, 0o711);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const quiet = { log: () => undefined, tell: () => undefined };

  function directoryOf(name: string): string {
    const directory = path.join(folder, name);
    mkdirSync(directory, { mode: 0o700 });
    chownSync(directory, owner.uid, owner.gid);
    return directory;
  }
  const give = (...places: string[]): void => {
    for (const place of places) chownSync(place, owner.uid, owner.gid);
  };
  /** What that user could not work with. */
  const foreign = (directory: string): string[] =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(
      place => statSync(path.join(directory, place)).uid !== owner.uid,
    );

  it('is backed up and restored by root', async () => {
    const directory = directoryOf('data');
    const nodes = path.join(directory, 'fieldline');
    mkdirSync(path.join(nodes, 'decoders'), { recursive: true });
    writeFileSync(path.join(nodes, 'decoders/own.js'), '// mine');
    give(nodes, path.join(nodes, 'decoders'), path.join(nodes, 'decoders/own.js'));
    const processes = processesIn(directory);
    const database = await startDatabase({ ...quiet, directory, processes, signal: new AbortController().signal });
    await migrate(database.url);
    await database.stop(10_000);
    const file = path.join(folder, 'backup.tar.gz');
    await backUp({ ...quiet, directory, file, secret: undefined, databaseUrl: undefined });
    assert.deepEqual(foreign(directory), []);

    const empty = directoryOf('restored');
    await restore({ ...quiet, directory: empty, file, databaseUrl: undefined });
    assert.deepEqual(foreign(empty), []);
    assert.equal(readFileSync(path.join(empty, 'fieldline/decoders/own.js'), 'utf8'), '// mine');
    assert.ok(readdirSync(empty).includes('postgres'));
  });

  it('gets folders for the journals that the gateway of that user can write to', async () => {
    const directory = directoryOf('data');
    mkdirSync(path.join(directory, 'fieldline'));
    writeFileSync(path.join(directory, 'fieldline/ledger-0.json'), '{}');
    const held = openDataDirectory(directory);
    const close = await openControl(directory, { secret: undefined, databaseUrl: undefined });
    const journal = path.join(directory, 'fieldline/a.outbox');
    let owners: readonly number[] = [];
    openJournals.set(journal, {
      copyTo(to) {
        owners = [path.dirname(to), path.dirname(path.dirname(to))].map(place => statSync(place).uid);
        writeFileSync(to, 'copied');
        return Promise.resolve(undefined);
      },
    });
    try {
      const file = path.join(folder, 'backup.tar.gz');
      await backUp({ ...quiet, directory, file, secret: undefined, databaseUrl: undefined });
    } finally {
      openJournals.delete(journal);
      close();
      held.release();
    }
    assert.deepEqual(owners, [owner.uid, owner.uid]);
  });
});
