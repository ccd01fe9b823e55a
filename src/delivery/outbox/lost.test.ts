// What a damaged outbox has lost stays in the file until whoever counts it has taken note: a crash before that shows the loss again.
import assert from 'node:assert/strict';
import { cpSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { until } from '../../../test/support/until.ts';
import { drain, noise, numbers, outboxPlace } from './outbox.fixture.ts';
import { openOutbox } from './outbox.ts';

const ROWS = 9;
const entry = (which: string): string => `(SELECT ${which} FROM entry)`;
const overwritten = (which: string): string =>
  `UPDATE entry SET blob = zeroblob(length(blob)) WHERE seq = ${entry(which)}`;
const removed = (which: string): string =>
  `DELETE FROM pending WHERE seq >= ${entry(which)}; DELETE FROM entry WHERE seq >= ${entry(which)}`;

describe('rows that a damaged outbox has lost', () => {
  const place = outboxPlace();

  /** What the next process would be told of after a crash at this moment. */
  async function lostAfterCrash(): Promise<number> {
    const copy = join(place.folder, 'copy.outbox');
    for (const suffix of ['', '-wal', '-mark'])
      if (existsSync(place.file + suffix)) cpSync(place.file + suffix, copy + suffix);
    let lost = 0;
    const outbox = await openOutbox<string>(copy, {
      onGone({ rows }) {
        lost += rows;
      },
    });
    await drain(outbox);
    await outbox.close();
    return lost;
  }

  for (const [what, harm, lost] of [
    ['the first, by its checksum', overwritten('min(seq)'), 1],
    ['one in the middle, by its checksum', overwritten('min(seq) + 4'), 1],
    ['the last, by its checksum', overwritten('max(seq)'), 1],
    ['one in the middle, which is not there', removed('min(seq) + 4').replaceAll('>=', '='), 1],
    ['those at the end, which are not there', removed('max(seq) - 2'), 3],
    ['all', removed('min(seq)'), ROWS],
  ] as const)
    it(`${what}: are named again until somebody has taken note, and not after`, async () => {
      const before = await place.open<string>();
      for (const n of numbers(0, ROWS)) await before.append([`${n} ${noise(1000)}`]);
      await before.close();
      const database = new DatabaseSync(place.file);
      database.exec(harm);
      database.close();
      const { promise, resolve } = Promise.withResolvers<void>();
      let asked = 0;
      const it = await place.open<string>({
        onLost() {
          asked++;
          return promise;
        },
      });
      assert.equal((await drain(it)).length, ROWS - lost);
      assert.ok(asked > 0);
      await it.append([`${ROWS} x`]);
      assert.equal((await drain(it)).length, 1);
      // A commit behind all that was asked of the file by then.
      await it.append([`${ROWS + 1} x`]);
      assert.equal(await lostAfterCrash(), lost, 'before');
      resolve();
      await until(async () => (await lostAfterCrash()) === 0);
      assert.equal((await drain(it)).length, 1);
      assert.equal(
        place.gone.reduce((sum, { rows }) => sum + rows, 0),
        lost,
      );
    });

  /** The file of ROWS batches, closed, with what `harm` does to it; `notes`: what it noted when a third lay in it. */
  async function harmed(harm: (database: DatabaseSync, notes: Map<string, string>) => void): Promise<void> {
    const before = await place.open<string>();
    const notes = new Map<string, string>();
    for (const n of numbers(0, ROWS)) {
      await before.append([`${n} ${noise(1000)}`]);
      if (n !== ROWS / 3) continue;
      const copy = join(place.folder, 'early.outbox');
      for (const suffix of ['', '-wal']) cpSync(place.file + suffix, copy + suffix);
      const early = new DatabaseSync(copy);
      for (const { key, value } of early.prepare('SELECT key, value FROM note').all())
        notes.set(String(key), String(value));
      early.close();
    }
    await before.close();
    const database = new DatabaseSync(place.file);
    harm(database, notes);
    database.close();
  }
  const counts = async (): Promise<number[]> => {
    const rows = await drain(await place.open<string>());
    return [rows.length, place.gone.reduce((sum, one) => sum + one.rows, 0)];
  };

  it('are counted once where a batch lies there twice, and whole ones are given once', async () => {
    await harmed(database => {
      database.exec(overwritten('min(seq) + 1'));
      for (const which of [1, 3])
        database.exec(`
          INSERT INTO entry SELECT (SELECT max(seq) + 1 FROM entry), meta, blob FROM entry WHERE seq = ${entry('min(seq)')} + ${which};
          INSERT INTO pending SELECT reader, (SELECT max(seq) FROM entry) FROM pending LIMIT 1`);
    });
    assert.deepEqual(await counts(), [ROWS - 1, 1]);
  });

  it('are none where only the numbers of batches were changed, and the order is as before', async () => {
    await harmed(database => {
      for (const table of ['pending', 'entry'])
        database.exec(`UPDATE ${table} SET seq = 1000 + seq WHERE seq = ${entry('min(seq)')} + 2`);
    });
    const rows = await drain(await place.open<string>());
    assert.deepEqual(
      rows.map(text => Number.parseInt(text, 10)),
      numbers(0, ROWS),
    );
    assert.deepEqual(place.gone, []);
  });

  it('are named to the last where the file notes less than its mark, as one whose log was broken', async () => {
    await harmed((database, notes) => {
      for (const [key, value] of notes) database.prepare('UPDATE note SET value = ? WHERE key = ?').run(value, key);
      database.exec(removed('max(seq) - 2'));
      writeFileSync(`${place.file}-mending`, '');
    });
    assert.deepEqual(await counts(), [ROWS - 3, 3]);
  });
});
