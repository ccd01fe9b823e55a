// A restore whose database lies outside the data directory: what one that was cut off has left of it goes, and nothing else.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { backUp } from '../../gateway/backup.ts';
import { lockFolder } from '../../gateway/data-directory.ts';
import { restore } from '../../gateway/restore.ts';

describe('a restore with its database outside the data directory', () => {
  let folder: string;
  let home: string;
  before(function () {
    // Only root lays a cluster there.
    if (process.getuid?.() !== 0) this.skip();
  });
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-outside-'));
    home = path.join('/var/lib/fieldline-databases', randomBytes(6).toString('hex'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
    rmSync(home, { recursive: true, force: true });
  });

  for (const [name, isOwn, isHeld] of [
    ['takes away the cluster that one has left which was cut off', true, false],
    ['leaves alone what no gateway has made for a cluster', false, false],
    ['leaves alone what a gateway works with', true, true],
  ] as const)
    it(name, async () => {
      const quiet = { log: () => undefined, tell: () => undefined, databaseUrl: undefined };
      const [source, directory, file] = ['source', 'restored', 'backup.tar.gz'].map(part =>
        path.join(folder, part),
      ) as [string, string, string];
      mkdirSync(source);
      writeFileSync(path.join(source, 'flows.json'), '[]');
      await backUp({ ...quiet, directory: source, file, secret: undefined });
      const cluster = path.join(isOwn ? home : path.join(folder, 'precious'), 'postgres');
      mkdirSync(cluster, { recursive: true });
      mkdirSync(directory);
      writeFileSync(path.join(directory, 'restore.partial'), '');
      writeFileSync(path.join(directory, 'database.json'), JSON.stringify({ cluster, password: 'x' }));
      const release = isHeld ? lockFolder(home) : undefined;
      try {
        await restore({ ...quiet, directory, file });
      } finally {
        release?.();
      }
      const isLeft = !isOwn || isHeld;
      assert.deepEqual([existsSync(path.join(directory, 'flows.json')), existsSync(cluster)], [true, isLeft]);
    });
});
