// A damaged outbox whose mending is cut off: by kill -9 at any moment, or by a disk that takes nothing. The rest is recovered all the same.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { mountSmallDisk, whyNoSmallDisk } from '../../../bench/durability/small-disk.ts';
import { drain, noise, numbers, outboxPlace } from './outbox.fixture.ts';

const ROWS = 400;

describe('mending a damaged outbox', () => {
  const place = outboxPlace();
  let rows: string[];

  /** The closed file, cut by a tenth. */
  async function damaged(): Promise<void> {
    const first = await place.open<string>();
    rows = numbers(0, ROWS).map(n => `${n} ${noise(4000)}`);
    for (let n = 0; n < ROWS; n += 10) await first.append(rows.slice(n, n + 10));
    await first.close();
    truncateSync(place.file, Math.floor((statSync(place.file).size * 0.9) / 4096) * 4096);
    place.gone = [];
  }

  /** What can be read lies there, in order, and the rest is told. */
  async function assertSaved(): Promise<void> {
    const found = (await drain(await place.open<unknown>())).filter(row => typeof row === 'string');
    assert.deepEqual(found, rows.slice(0, found.length));
    assert.ok(found.length >= ROWS * 0.85, `${found.length} are saved`);
    assert.equal(found.length + place.gone.reduce((sum, loss) => sum + loss.rows, 0), ROWS);
    const left = readdirSync(place.folder).filter(name => /new|ready|mend/.test(name));
    assert.deepEqual(left, []);
  }

  for (const ms of [0, 10, 40, 80, 120])
    it(`killed ${ms} ms after it has begun`, async () => {
      await damaged();
      const before = readdirSync(place.folder).length;
      const child = fork(new URL('../../../test/support/outbox-killed.ts', import.meta.url), [place.file], {
        execArgv: ['--disable-warning=ExperimentalWarning'],
      });
      while (readdirSync(place.folder).length === before) await pause(1);
      await pause(ms);
      child.kill('SIGKILL');
      await once(child, 'exit');
      await assertSaved();
    });

  it('cut off between its last two steps', async () => {
    await damaged();
    const mended = await place.open<string>();
    await mended.close();
    renameSync(place.file, `${place.file}.ready`);
    const told = place.gone[0]!.text;
    const aside = /kept as (\S+)/.exec(told)![1]!;
    cpSync(aside, place.file);
    place.gone = [];
    await assertSaved();
    assert.match(place.gone[0]!.text, /was damaged, and its mending cut off: the damaged file is kept as/);
  });

  it('on a full disk: waits, and gives nothing up', async function () {
    const why = whyNoSmallDisk();
    if (why !== undefined) {
      console.log(`      skipped, needs a small disk of its own: ${why}`);
      this.skip();
    }
    const disk = mountSmallDisk(8);
    try {
      const folder = join(disk.directory, 'outbox');
      mkdirSync(folder);
      place.file = join(folder, 'link.outbox');
      await damaged();
      disk.fill();
      await assert.rejects(place.open(), { kind: 'outage', message: /full/ });
      assert.ok(existsSync(place.file) && !readdirSync(folder).some(name => name.includes('damaged')));
      disk.free();
      await assertSaved();
    } finally {
      disk.remove();
    }
  });
});
