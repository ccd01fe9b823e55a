// A backup of journals that are damaged: it is taken all the same, carries what can be read, and names what is lost of which file.
import assert from 'node:assert/strict';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { backUp, type BackupOptions } from '../../gateway/backup.ts';
import { openControl } from '../../gateway/control.ts';
import { lockFolder } from '../../gateway/data-directory.ts';
import { restore } from '../../gateway/restore.ts';
import { drain, noise, numbers } from '../../src/delivery/outbox/outbox.fixture.ts';
import { type Gone, openOutbox } from '../../src/delivery/outbox/outbox.ts';
import { overwrite, rubbish } from '../support/overwrite.ts';

const ROWS = 800;
const PLACE = 'outbox/n.outbox';

describe('backup of damaged journals', () => {
  let folder: string;
  let directory: string;
  let file: string;
  let options: BackupOptions;
  const said: string[] = [];

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'fieldline-backup-'));
    directory = path.join(folder, 'data');
    file = path.join(directory, PLACE);
    mkdirSync(path.dirname(file), { recursive: true });
    said.length = 0;
    options = {
      ...{ directory, file: path.join(folder, 'backup.tar.gz'), secret: undefined, databaseUrl: undefined },
      log: (_level, text) => said.push(text),
      tell: () => undefined,
    };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = (gone: Gone[] = []) => openOutbox<string>(file, { onGone: one => gone.push(one) });
  /** Of some MB, so that SQLite cannot hold all of it in its cache. */
  async function fill(): Promise<void> {
    const outbox = await open();
    for (let n = 0; n < ROWS; n += 20) await outbox.append(numbers(n, 20).map(one => `${one} ${noise(8000)}`));
    await outbox.close();
  }

  /** What the gateway finds in the restored directory: all rows are there or named, and the backup named the same ones. */
  async function assertRestored(least: number): Promise<void> {
    const target = path.join(folder, 'restored');
    await restore({ ...options, databaseUrl: undefined, directory: target });
    const gone: Gone[] = [];
    const outbox = await openOutbox<string>(path.join(target, PLACE), { onGone: one => gone.push(one) });
    const rows = (await drain(outbox)).map(row => Number(row.split(' ')[0]));
    await outbox.close();
    const lost = gone.reduce((sum, one) => sum + one.rows, 0);
    assert.deepEqual(
      rows,
      [...new Set(rows)].sort((a, b) => a - b),
    );
    assert.ok(rows.length >= least && lost > 0, `${rows.length} are there, ${lost} lost`);
    assert.equal(rows.length + lost, ROWS);
    const named = said
      .join('\n')
      .matchAll(/lost: outbox\/n\.outbox: (\d+) rows lost, .*: rows \d+ to \d+, bytes \d+ to \d+ /g);
    assert.equal(
      [...named].reduce((sum, [, count]) => sum + Number(count), 0),
      lost,
      said.join('\n'),
    );
  }

  for (const [what, least, harm] of [
    [
      'overwritten in its middle',
      ROWS * 0.8,
      () => overwrite(file, (statSync(file).size >> 13) * 4096, rubbish(65_536)),
    ],
    ['cut by half', ROWS * 0.3, () => truncateSync(file, statSync(file).size >> 1)],
  ] as const) {
    it(`of an outbox that is ${what} while the gateway has it open`, async () => {
      await fill();
      const release = lockFolder(directory);
      const close = await openControl(directory, options);
      const gone: Gone[] = [];
      const outbox = await open(gone);
      try {
        harm();
        await backUp(options);
        assert.match(said[0]!, /^outbox\/n\.outbox lacks in the backup what is lost: .* \d+ entries saved, \d+ lost/);
        assert.match(gone[0]!.text, /n\.outbox was damaged/);
        assert.deepEqual(await outbox.append(['later']), ['kept']);
      } finally {
        await outbox.close();
        close();
        release();
      }
      await assertRestored(least);
    });

    it(`of an outbox that is ${what} while no gateway runs`, async () => {
      await fill();
      harm();
      const before = readFileSync(file);
      await backUp(options);
      assert.match(said[0]!, /^outbox\/n\.outbox is damaged \(.*\) and goes into the backup as it lies/);
      assert.deepEqual(readFileSync(file), before);
      await assertRestored(least);
    });
  }

  for (const [what, least, harm] of [
    [
      'whose log is broken in its middle',
      ROWS * 0.3,
      () => overwrite(`${file}-wal`, statSync(`${file}-wal`).size >> 1, rubbish(8192)),
    ],
    ['that was emptied, beside its log', 0, () => writeFileSync(file, '')],
    ['that was deleted, beside its log', 0, () => rmSync(file)],
  ] as const)
    it(`of an outbox ${what}, as a kill has left it`, async () => {
      const outbox = await open();
      for (let n = 0; n < ROWS; n += 20) await outbox.append(numbers(n, 20).map(one => `${one} ${noise(2000)}`));
      for (const end of ['', '-wal', '-mark']) copyFileSync(file + end, path.join(folder, `killed${end}`));
      await outbox.close();
      for (const end of ['', '-wal', '-mark']) copyFileSync(path.join(folder, `killed${end}`), file + end);
      harm();
      await backUp(options);
      const target = path.join(folder, 'restored');
      await restore({ ...options, databaseUrl: undefined, directory: target });
      const ofBoth = await Promise.all(
        [file, path.join(target, PLACE)].map(async one => {
          const gone: number[] = [];
          const found = await openOutbox<string>(one, { onGone: ({ rows }) => gone.push(rows) });
          const rows = (await drain(found)).length;
          await found.close();
          return [rows, gone.reduce((sum, count) => sum + count, 0)];
        }),
      );
      assert.deepEqual(ofBoth[1], ofBoth[0], 'as much as in its old place');
      assert.ok(ofBoth[0]![0]! > least);
    });
});
