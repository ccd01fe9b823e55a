// A restore that runs out of disk: the error names the disk and its bytes, wherever the room came to its end, and nothing stays.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { backUp } from '../../gateway/backup.ts';
import { openControl } from '../../gateway/control.ts';
import { openDataDirectory } from '../../gateway/data-directory.ts';
import { restore } from '../../gateway/restore.ts';
import type { Fault } from '../../src/kernel/fault.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openStore } from '../../src/store/store.ts';
import { postgresFor, type TestPostgres } from '../support/postgres.ts';
import { smallDisk } from '../support/small-disk.ts';

describe('a restore without room on the disk', () => {
  let server: TestPostgres;
  let folder: string;
  before(async function () {
    server = await postgresFor(this);
    folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-room-'));
  });
  after(async () => {
    await server?.stop();
    if (folder) rmSync(folder, { recursive: true });
  });
  const quiet = { log: () => undefined, tell: () => undefined };

  /** A backup with so many megabytes in a file, and in a table where there are `rows`. */
  async function taken(name: string, files: number, rows: number | undefined): Promise<string> {
    const directory = path.join(folder, name);
    mkdirSync(path.join(directory, 'fieldline'), { recursive: true });
    writeFileSync(path.join(directory, 'fieldline/state'), randomBytes(files * 1e6));
    let databaseUrl: string | undefined;
    if (rows !== undefined) {
      databaseUrl = await server.database(name);
      await migrate(databaseUrl);
      const store = openStore({ url: databaseUrl, connections: 1 });
      await store.query('CREATE TABLE own (t text)');
      await store.query('INSERT INTO own SELECT repeat(md5(n::text), 30) FROM generate_series(1, $1) AS n', [
        rows * 1050,
      ]);
      await store.close();
    }
    const file = path.join(folder, `${name}.tar.gz`);
    await backUp({ ...quiet, directory, file, secret: undefined, databaseUrl });
    return file;
  }

  const cases: readonly [name: string, files: number, rows: number | undefined, disk: number][] = [
    ['for the files', 30, undefined, 20],
    ['to make a database', 1, 0, 20],
    ['for the rows', 1, 70, 110],
  ];
  for (const [at, [name, files, rows, disk]] of cases.entries())
    it(name, async function () {
      const small = smallDisk(disk);
      if (typeof small === 'string') {
        console.log(`      skipped, needs a small disk of its own: ${small}`);
        return this.skip();
      }
      try {
        const file = await taken(`room_${at}`, files, rows);
        const directory = path.join(small.folder, 'data');
        await assert.rejects(restore({ ...quiet, directory, file, databaseUrl: undefined }), (error: Fault) => {
          assert.equal(error.code, 'FIELDLINE_BACKUP');
          assert.ok(
            error.message.startsWith(`the disk of ${directory}: expected room for `),
            `begins: ${error.message}`,
          );
          const [, wanted, before] = /room for about (\d+) MB of files.*, got "(\d+) MB"; ./
            .exec(error.message)!
            .map(Number);
          assert.equal(wanted, files, error.message);
          assert.ok(before! > 0 && before! <= disk * 1.06, error.message);
          const wantedRows = Number(/three times (\d+) MB of rows/.exec(error.message)?.[1] ?? 0);
          assert.ok(wantedRows >= (rows ?? 0), `${wantedRows}: ${error.message}`);
          return true;
        });
        assert.deepEqual(readdirSync(directory), []);
      } finally {
        small.remove();
      }
    });

  for (const runs of [false, true])
    it(`a backup of a directory on a full disk says that it wants room there, ${runs ? 'beside a gateway' : 'without one'}`, async function () {
      const small = smallDisk(20);
      if (typeof small === 'string') return this.skip();
      try {
        const directory = path.join(small.folder, 'data');
        mkdirSync(directory);
        writeFileSync(path.join(directory, 'flows.json'), '[]');
        const db = new DatabaseSync(path.join(directory, 'own.sqlite'));
        db.exec('CREATE TABLE t (b BLOB); INSERT INTO t VALUES (zeroblob(1000000))');
        db.close();
        const release = runs ? openDataDirectory(directory).release : undefined;
        const close = runs ? await openControl(directory, { secret: undefined, databaseUrl: undefined }) : undefined;
        const fill = openSync(path.join(small.folder, 'fill'), 'w');
        assert.throws(() => {
          for (;;) writeSync(fill, Buffer.alloc(4096));
        }, /ENOSPC/);
        closeSync(fill);
        const file = path.join(folder, 'full.tar.gz');
        const backup = backUp({ ...quiet, directory, file, secret: undefined, databaseUrl: undefined });
        await assert.rejects(backup, (error: Fault) => {
          assert.match(
            error.message,
            runs ? /data: expected room on its disk for copies/ : /data: expected a folder that can be written.*ENOSPC/,
          );
          return true;
        });
        assert.equal(existsSync(file), false);
        close?.();
        release?.();
      } finally {
        small.remove();
      }
    });

  it('on a server elsewhere', async function () {
    const small = smallDisk();
    if (typeof small === 'string') return this.skip();
    const store = openStore({ url: server.url, connections: 1 });
    try {
      const file = await taken('elsewhere', 1, 70);
      await store.query(`CREATE TABLESPACE small LOCATION '${small.folder}'`);
      await store.query('CREATE DATABASE narrow TABLESPACE small');
      const url = new URL(server.url);
      url.pathname = '/narrow';
      const directory = path.join(folder, 'restored');
      await assert.rejects(restore({ ...quiet, directory, file, databaseUrl: url.href }), {
        code: 'FIELDLINE_BACKUP',
        message:
          /^the disk of the server of DATABASE_URL: expected room for about three times \d+ MB of rows .*, got "less"; .*No space left/,
      });
      await store.query('DROP DATABASE narrow WITH (FORCE)');
      await store.query('DROP TABLESPACE small');
    } finally {
      await store.close();
      small.remove();
    }
  });
});
