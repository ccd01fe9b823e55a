// An outbox whose file is emptied or deleted after a crash: its write-ahead log, which SQLite would delete unread, is made use of.
import assert from 'node:assert/strict';
import { cpSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { drain, numbers, outboxPlace } from './outbox.fixture.ts';

describe('an outbox after a crash', () => {
  const place = outboxPlace();

  /** As kill -9 leaves the open outbox. */
  function crash(): void {
    const crashed = join(place.folder, 'crashed.outbox');
    for (const suffix of ['', '-wal', '-mark']) cpSync(place.file + suffix, crashed + suffix);
    place.file = crashed;
  }
  const told = (): number => place.gone.reduce((sum, { rows }) => sum + rows, 0);

  for (const [what, harm] of [
    ['emptied', () => truncateSync(place.file, 0)],
    ['deleted', () => rmSync(place.file)],
  ] as const) {
    it(`loses nothing where its file is ${what} and the log holds everything`, async () => {
      const it = await place.open<number>();
      for (const n of numbers(0, 100)) await it.append([n]);
      it.settle(await it.next(40));
      await it.append([100]);
      crash();
      harm();
      assert.deepEqual([await drain(await place.open<number>()), told()], [numbers(40, 61), 0]);
      assert.match(place.gone[0]!.text, /was empty: what its write-ahead log holds is saved, which is kept as/);
      assert.deepEqual(await drain(await place.open<number>()), []);
    });

    it(`gives the rows of the log, and names the others, where its file is ${what}`, async () => {
      const before = await place.open<number>();
      for (const n of numbers(0, 5)) await before.append([n]);
      const it = await place.open<number>();
      it.settle(await it.next(2));
      for (const n of numbers(5, 3)) await it.append([n]);
      crash();
      harm();
      const saved = await drain(await place.open<number>());
      assert.deepEqual([saved.slice(-3), saved.length + told()], [[5, 6, 7], 6]);
    });
  }
});
