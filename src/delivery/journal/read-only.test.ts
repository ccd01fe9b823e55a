// A journal whose folder cannot be written: it says why, and works as soon as it can be.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { smallDisk } from '../../../test/support/small-disk.ts';
import { bytes, text } from './journal.fixture.ts';
import { openJournal } from './journal.ts';

describe('journal in a folder that is read-only', () => {
  let folder = '';
  let remove = () => {};
  const isRoot = process.getuid?.() === 0;
  /** Nothing but a disk of its own is read-only to root. */
  const writable = (is: boolean): void => {
    if (isRoot) execFileSync('mount', ['-o', `remount,${is ? 'rw' : 'ro'}`, folder], { stdio: 'pipe' });
    else chmodSync(folder, is ? 0o700 : 0o500);
  };
  before(function () {
    if (!isRoot) {
      folder = mkdtempSync(join(tmpdir(), 'read-only-'));
      remove = () => rmSync(folder, { recursive: true });
      return;
    }
    const disk = smallDisk();
    if (typeof disk === 'string') {
      console.log(`      skipped, needs a disk of its own: ${disk}`);
      return this.skip();
    }
    ({ folder } = disk);
    remove = () => disk.remove();
  });
  after(() => remove());
  afterEach(() => writable(true));

  it('names the folder and what is wrong with it, and is used when that is mended', async () => {
    const file = join(folder, 'journal.db');
    writable(false);
    await assert.rejects(openJournal(file), {
      code: 'FIELDLINE_DIR',
      kind: 'outage',
      message: new RegExp(`journal that this process can use, got "(EROFS|EACCES): .*'${folder}'"$`),
    });
    writable(true);
    const journal = await openJournal(file);
    await journal.append('m', bytes('kept'), ['a']);
    await journal.close();
    writable(false);
    await assert.rejects(openJournal(file), { message: /EROFS|EACCES/ });
    writable(true);
    const again = await openJournal(file);
    assert.deepEqual(
      (await again.read('a', 0)).map(({ blob }) => text(blob)),
      ['kept'],
    );
    await again.close();
  });
});
