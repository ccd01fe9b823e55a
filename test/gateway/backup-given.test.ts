// What a backup takes from outside the data directory, and what it does where files go away or are not there.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { backUp, type BackupOptions } from '../../gateway/backup.ts';
import { openControl } from '../../gateway/control.ts';
import { lockFolder } from '../../gateway/data-directory.ts';
import { toldMeanwhile } from '../../gateway/interruptible.ts';
import { restore } from '../../gateway/restore.ts';
import { readArchive } from '../../src/backup/archive.ts';
import { openJournals } from '../../src/delivery/journal/journal.ts';
import { migrate } from '../../src/store/migrate.ts';
import { postgresFor } from '../support/postgres.ts';

async function contentsOf(file: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { path: place, chunks } of readArchive(file)) {
    let text = '';
    for await (const piece of chunks()) text += piece;
    found.set(place, text);
  }
  return found;
}

describe('backup of a data directory', () => {
  let folder: string;
  let directory: string;
  let options: BackupOptions;
  const said: string[] = [];

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-backup-'));
    directory = path.join(folder, 'data');
    mkdirSync(path.join(directory, 'fieldline'), { recursive: true });
    said.length = 0;
    options = {
      ...{ directory, file: path.join(folder, 'backup.tar.gz'), secret: undefined, databaseUrl: undefined },
      log: (_level, text) => said.push(text),
      tell: () => undefined,
    };
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const put = (place: string, text = place): void => writeFileSync(path.join(directory, place), text);

  it('leaves out what is made anew, other backups, and links, which it names', async () => {
    for (const place of ['flows.json', 'fieldline/state', 'fieldline/a.tmp', 'control.json']) put(place);
    put('fieldline-20260103-160000.tar.gz');
    symlinkSync('/nowhere', path.join(directory, 'fieldline/decoders'));
    const { files } = await backUp(options);
    assert.deepEqual([...(await contentsOf(options.file)).keys()], ['files/fieldline/state', 'files/flows.json']);
    assert.equal(files, 2);
    assert.deepEqual(said, ['links and what they lead to are left out: fieldline/decoders']);
  });

  for (const [name, make] of [
    ['is not there', () => rmSync(directory, { recursive: true })],
    ['holds nothing', () => undefined],
  ] as const)
    it(`refuses a directory that ${name}, and leaves it alone`, async () => {
      make();
      const was = existsSync(directory);
      await assert.rejects(
        backUp(options),
        /data: expected the data directory of a gateway \(FIELDLINE_DIR\), got "one with nothing/,
      );
      assert.equal(existsSync(options.file), false);
      assert.deepEqual(was ? readdirSync(directory) : existsSync(directory), was ? ['fieldline'] : false);
    });

  for (const runs of [false, true])
    it(`takes a damaged file of SQLite as it lies, with its log and mark, ${runs ? 'beside a gateway' : 'without one'}`, async () => {
      const place = 'fieldline/outbox.damaged-1';
      const db = new DatabaseSync(path.join(directory, place));
      db.exec('CREATE TABLE entry (bytes BLOB); INSERT INTO entry VALUES (zeroblob(100000))');
      db.close();
      const bytes = readFileSync(path.join(directory, place));
      bytes.fill(0x5a, 4096, 12_288);
      writeFileSync(path.join(directory, place), bytes);
      put(`${place}-mark`, 'mark');
      const release = lockFolder(directory);
      if (!runs) release();
      const close = runs ? await openControl(directory, options) : undefined;
      try {
        await backUp(options);
      } finally {
        close?.();
        if (runs) release();
      }
      const paths: string[] = [];
      for await (const member of readArchive(options.file)) {
        paths.push(member.path);
        const pieces: Uint8Array[] = [];
        for await (const piece of member.chunks()) pieces.push(piece);
        if (member.path === `files/${place}`) assert.deepEqual(Buffer.concat(pieces), bytes);
      }
      assert.deepEqual(paths, [`files/${place}`, `files/${place}-mark`]);
      assert.match(said.join(), /^fieldline\/outbox\.damaged-1 is damaged \(.+\) and goes into the backup as it lies/);
    });

  it('goes on without a file that is taken away while it is taken', async () => {
    for (const place of ['flows.json', 'fieldline/state']) put(place);
    symlinkSync('/nowhere', path.join(directory, 'link'));
    // Told after the files were listed, and before they are read.
    const { files } = await backUp({ ...options, log: () => rmSync(path.join(directory, 'fieldline/state')) });
    assert.deepEqual([...(await contentsOf(options.file)).keys()], ['files/flows.json']);
    assert.equal(files, 1);
  });

  it('takes the secret of the environment, which counts before the one on the disk', async () => {
    put('secret', 'an older one\n');
    await backUp({ ...options, secret: 'the one of the environment' });
    assert.deepEqual([...(await contentsOf(options.file))], [['files/secret', 'the one of the environment\n']]);
  });

  it('is not restored from a pipe, which can be read once', async () => {
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await assert.rejects(
      restore({ ...options, databaseUrl: undefined, directory: path.join(folder, 'restored'), file: pipe }),
      {
        code: 'FIELDLINE_BACKUP',
        message: /pipe: expected a file \(it is read twice, which no pipe lets\)/,
      },
    );
    assert.equal(existsSync(path.join(folder, 'restored')), false);
  });

  for (const [name, present, expected] of [
    ['database', ['peers.json'], /^DATABASE_URL: expected the database of .*data, which has none of its own/],
    ['key', ['flows_cred.json'], /^FIELDLINE_SECRET: expected the key of .*flows_cred\.json/],
  ] as const)
    it(`is refused without the ${name} that the gateway gets from its environment`, async () => {
      for (const place of present) put(place);
      await assert.rejects(backUp(options), { code: 'FIELDLINE_SETTING', message: expected });
      assert.deepEqual(readdirSync(folder), ['data']);
      assert.deepEqual(
        readdirSync(directory).filter(place => /^backup-/.test(place)),
        [],
      );
    });

  it('asks the gateway that runs for its database and its secret', async function () {
    const server = await postgresFor(this);
    try {
      await migrate(server.url);
      for (const place of ['flows_cred.json', 'peers.json']) put(place);
      const release = lockFolder(directory);
      const close = await openControl(directory, { databaseUrl: server.url, secret: 'of the gateway' });
      try {
        const { sums } = await backUp({
          ...options,
          secret: 'another one',
          databaseUrl: 'postgres://127.0.0.1:1/none',
        });
        assert.ok(sums?.['devices'] !== undefined);
        const contents = await contentsOf(options.file);
        assert.equal(contents.get('files/secret'), 'of the gateway\n');
        assert.ok(contents.has('database/head.json'));
      } finally {
        close();
        release();
      }
      await server.terminate();
      await assert.rejects(backUp({ ...options, file: `${options.file}.2`, secret: 'x', databaseUrl: server.url }), {
        code: 'FIELDLINE_BACKUP',
        message: /^the database: expected to be read, got ".*ECONNREFUSED/,
      });
      assert.ok(!existsSync(`${options.file}.2.partial`));
    } finally {
      await server.stop();
    }
  });

  it('takes the ledger as it was before the journals were copied', async () => {
    for (const page of [0, 1]) put(`fieldline/ledger-${page}.json`, 'before');
    put('fieldline/state', 'before');
    const journal = path.join(directory, 'broker.journal');
    const release = lockFolder(directory);
    const close = await openControl(directory, options);
    openJournals.set(journal, {
      async copyTo(to) {
        for (const place of ['fieldline/ledger-0.json', 'fieldline/state']) put(place, 'after');
        put('broker.journal');
        writeFileSync(to, 'copy');
      },
    });
    try {
      await backUp(options);
    } finally {
      openJournals.delete(journal);
      close();
      release();
    }
    assert.deepEqual(Object.fromEntries(await contentsOf(options.file)), {
      'files/broker.journal': 'copy',
      'files/fieldline/ledger-0.json': 'before',
      'files/fieldline/ledger-1.json': 'before',
      'files/fieldline/state': 'after',
    });
  });

  it('says now and then how far it is', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let at = 0;
    const lines: string[] = [];
    const tell = (line: string): void => void (lines.push(line) === 3 && resolve());
    await toldMeanwhile(
      tell,
      () => `${++at} MB`,
      () => promise,
      1,
    );
    assert.deepEqual(lines.slice(0, 3), ['1 MB', '2 MB', '3 MB']);
  });
});
