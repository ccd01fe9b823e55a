// What an outbox makes of damage: the rest is recovered in order, and what is lost is named.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { overwrite } from '../../../test/support/overwrite.ts';
import { drain, noise, numbers, outboxPlace } from './outbox.fixture.ts';
import type { Outbox } from './outbox.ts';

describe('a damaged outbox', () => {
  const place = outboxPlace();

  /** Overwrites a part of the closed file. */
  const damage = (at: number, bytes: Uint8Array): void => overwrite(place.file, at, bytes);

  for (const [what, share, harm] of [
    ['cut to a half', 0.5, () => truncateSync(place.file, Math.floor(statSync(place.file).size / 2))],
    ['cut by a tenth', 0.9, () => truncateSync(place.file, Math.floor(statSync(place.file).size * 0.9))],
    ['with its first page overwritten', 1, () => damage(0, Buffer.alloc(600, 0xee))],
    ['with the name of its reader overwritten', 1, () => damage(8192, Buffer.alloc(8192, 0xee))],
    ['with its list of tables overwritten', 1, () => damage(3500, Buffer.alloc(600, 0xee))],
  ] as const)
    it(`gives what is left of a file ${what}, and names the loss`, async () => {
      const first = await place.open<string>();
      const rows = numbers(0, 300).map(n => `${n} ${noise(800)}`);
      for (const row of rows) await first.append([row]);
      await first.close();
      harm();
      const saved = await drain(await place.open<string>());
      assert.deepEqual(
        saved,
        rows.filter(row => saved.includes(row)),
      );
      assert.ok(saved.length >= rows.length * (share - 0.1), `${saved.length} are saved`);
      assert.match(place.gone[0]?.text ?? '', /was damaged .* the damaged file is kept as/);
      assert.equal(
        place.gone.reduce((sum, loss) => sum + loss.rows, 0),
        rows.length - saved.length,
      );
    });

  it('loses no more than the rows on it, whichever page is overwritten', async () => {
    const first = await place.open<string>();
    const rows = numbers(0, 100).map(n => `${n} ${noise(300)}`);
    for (const row of rows) await first.append([row]);
    first.settle(await first.next(25));
    await first.close();
    const whole = place.file;
    for (let at = 0; at < statSync(whole).size; at += 4096) {
      place.file = join(place.folder, `page-${at / 4096}.outbox`);
      for (const suffix of ['', '-mark']) cpSync(whole + suffix, place.file + suffix);
      place.gone = [];
      damage(at, Buffer.alloc(4096, 0xee));
      const it = await place.open<string>();
      const saved = await drain(it);
      const told = place.gone.reduce((sum, loss) => sum + loss.rows, 0);
      assert.deepEqual(
        saved,
        rows.slice(25).filter(row => saved.includes(row)),
      );
      assert.deepEqual([saved.length + told, told <= 15], [75, true], `page ${at / 4096}: ${told} lost`);
      await it.append(['new']);
      assert.deepEqual(await drain(it), ['new']);
    }
  });

  for (const [what, from, length] of [
    ['in its middle', 0.3, 600],
    ['at its begin', 0, 20],
    ['over a fifth', 0.4, 400_000],
    ['not at all', 0.5, 0],
  ] as const)
    it(`saves what lies before and behind the damage of a write-ahead log ${what}, and names the loss`, async () => {
      const first = await place.open<string>();
      const rows = numbers(0, 100).map(n => `${n} ${noise(800)}`);
      for (const row of rows) await first.append([row]);
      // As kill -9 leaves it.
      const crashed = join(place.folder, 'crashed.outbox');
      for (const suffix of ['', '-wal', '-mark']) cpSync(place.file + suffix, crashed + suffix);
      await first.close();
      place.file = `${crashed}-wal`;
      damage(Math.floor(statSync(place.file).size * from), Buffer.alloc(length, 0xee));
      place.file = crashed;
      const saved = await drain(await place.open<string>());
      assert.deepEqual(
        saved,
        rows.filter(row => saved.includes(row)),
      );
      const told = place.gone.reduce((sum, loss) => sum + loss.rows, 0);
      assert.equal(saved.length + told, 100);
      assert.ok(told <= (length > 1000 ? 30 : 1), `${told} are lost`);
      if (length === 0) assert.deepEqual(place.gone, []);
      else {
        assert.match(place.gone[0]?.text ?? '', /-wal was damaged: \d+ of \d+ parts lost/);
        assert.ok(readdirSync(place.folder).some(name => name.includes('-wal.damaged-')));
      }
    });

  it('applies nothing of a last commit whose begin did not reach the disk', async () => {
    const first = await place.open<number>();
    for (let n = 0; n < 20; n++) await first.append([n]);
    const crashed = join(place.folder, 'crashed.outbox');
    for (const suffix of ['', '-wal']) cpSync(place.file + suffix, crashed + suffix);
    await first.close();
    place.file = `${crashed}-wal`;
    damage(statSync(place.file).size - 2 * (24 + 4096) + 100, Buffer.alloc(50, 0xee));
    place.file = crashed;
    const saved = await drain(await place.open<number>());
    assert.deepEqual([saved, place.gone], [numbers(0, 19), []]);
  });

  it('takes the end of a log that a crash has torn for no loss', async () => {
    const first = await place.open<number>();
    for (let n = 0; n < 20; n++) await first.append([n]);
    const crashed = join(place.folder, 'crashed.outbox');
    for (const suffix of ['', '-wal']) cpSync(place.file + suffix, crashed + suffix);
    await first.close();
    place.file = crashed;
    truncateSync(`${crashed}-wal`, statSync(`${crashed}-wal`).size - 2000);
    const saved = await drain(await place.open<number>());
    assert.deepEqual([saved, place.gone], [numbers(0, saved.length), []]);
  });

  describe('whose write-ahead log or file is taken away after a crash', () => {
    /** As kill -9 leaves it: 5 rows in the file, two of them sent, and three more in its log. */
    async function crash(more: (it: Outbox<number>) => Promise<void>): Promise<void> {
      const before = await place.open<number>();
      for (let n = 0; n < 5; n++) await before.append([n]);
      await before.close();
      const it = await place.open<number>();
      await more(it);
      const crashed = join(place.folder, 'crashed.outbox');
      for (const suffix of ['', '-wal', '-mark']) cpSync(place.file + suffix, crashed + suffix);
      await it.close();
      place.file = crashed;
    }
    const threeMore = async (it: Outbox<number>): Promise<void> => {
      it.settle(await it.next(2));
      for (let n = 5; n < 8; n++) await it.append([n]);
    };

    it('names the rows that are lost, and sends again nothing that was sent', async () => {
      await crash(threeMore);
      rmSync(`${place.file}-wal`);
      const it = await place.open<number>();
      assert.match(
        place.gone[0]?.text ?? '',
        /its write-ahead log .* was taken away .*: up to 3 entries lost, of the numbers 6 to 8$/,
      );
      assert.deepEqual(await drain(it), [2, 3, 4]);
      assert.match(place.gone[1]?.text ?? '', /3 rows lost, missing in the file: rows 5 to 7, bytes \d+ to \d+ of all/);
      assert.deepEqual([place.gone.length, place.gone[1]?.rows, it.state().rows], [2, 3, 0]);
      await it.append([8]);
      assert.deepEqual(await drain(it), [8]);
    });

    it('names the rows of a file that is gone with its log', async () => {
      await crash(threeMore);
      for (const suffix of ['', '-wal']) rmSync(place.file + suffix);
      const it = await place.open<number>();
      assert.deepEqual([await drain(it), place.gone.map(({ rows }) => rows)], [[], [0, 6]]);
    });

    it('says it once', async () => {
      await crash(threeMore);
      rmSync(`${place.file}-wal`);
      await drain(await place.open<number>());
      place.gone = [];
      await place.open<number>();
      assert.deepEqual(place.gone, []);
    });

    it('says nothing where all had arrived', async () => {
      await crash(async it => {
        await it.append([5]);
        it.settle(await it.next(6));
        await it.append([6]);
        it.settle(await it.next(1));
        while (it.state().bytes > 0) await new Promise(resolve => setImmediate(resolve));
      });
      rmSync(`${place.file}-wal`);
      const it = await place.open<number>();
      assert.deepEqual([await drain(it), place.gone, it.state().rows], [[], [], 0]);
    });

    it('says nothing where the log is there', async () => {
      await crash(threeMore);
      assert.deepEqual([await drain(await place.open<number>()), place.gone], [[2, 3, 4, 5, 6, 7], []]);
    });

    it('goes on without its mark, or with one that is damaged', async () => {
      await crash(threeMore);
      writeFileSync(`${place.file}-mark`, 'what is this');
      assert.deepEqual([await drain(await place.open<number>()), place.gone], [[2, 3, 4, 5, 6, 7], []]);
      rmSync(`${place.file}-mark`);
      assert.deepEqual([await drain(await place.open<number>()), place.gone], [[], []]);
    });
  });

  for (const [where, part] of [
    ['a third', 1 / 3],
    ['the middle', 1 / 2],
    ['near the end', 0.9],
  ] as const)
    it(`gives the rest, in order, and names the loss: damage at ${where}`, async () => {
      const first = await place.open<string>();
      const rows = numbers(0, 300).map(n => `${n} ${noise(800)}`);
      for (const row of rows) await first.append([row]);
      await first.close();
      const size = statSync(place.file).size;
      damage(Math.floor((size * part) / 4096) * 4096, Buffer.alloc(8192, 0xee));
      const second = await place.open<string>();
      assert.match(place.gone[0]?.text ?? '', /was damaged .* the damaged file is kept as/);
      const saved = new Set(await drain(second));
      const missing = rows.flatMap((row, n) => (saved.has(row) ? [] : [n]));
      assert.deepEqual(
        [...saved],
        rows.filter(row => saved.has(row)),
      );
      assert.ok(missing.length > 0 && missing.length < 100, `${missing.length} are missing`);
      const [, ...losses] = place.gone;
      assert.equal(
        losses.reduce((sum, loss) => sum + loss.rows, 0),
        missing.length,
      );
      const named = losses.flatMap(({ text }) => {
        const [, from, to] = /rows (\d+) to (\d+), bytes \d+ to \d+ of all/.exec(text) ?? [];
        return numbers(Number(from), Number(to) - Number(from) + 1);
      });
      assert.deepEqual(named, missing);
      assert.equal(second.state().rows, 0);
    });

  it('notices a changed byte that the file itself does not notice', async () => {
    const first = await place.open<string>();
    for (const n of numbers(0, 5)) await first.append([`row ${n}`, `more ${n}`]);
    await first.close();
    const at = readFileSync(place.file).indexOf('row 2');
    damage(at, Buffer.from('raw'));
    const second = await place.open<string>();
    const saved = await drain(second);
    assert.deepEqual(
      saved,
      [0, 1, 3, 4].flatMap(n => [`row ${n}`, `more ${n}`]),
    );
    assert.equal(place.gone.length, 1);
    assert.match(place.gone[0]!.text, /2 rows lost, the checksum does not match: rows 4 to 5, bytes \d+ to \d+ of all/);
    assert.deepEqual([place.gone[0]!.rows, second.state().rows], [2, 0]);
  });

  it('notices a changed number beside the rows, and in what it notes of itself', async () => {
    const first = await place.open<string>();
    for (const n of numbers(0, 6)) await first.append([`row ${n}`]);
    first.settle(await first.next(2));
    await first.close();
    const [whole, mark] = ['', '-mark'].map(suffix => readFileSync(place.file + suffix));
    for (const { index, 0: found } of whole!.toString('latin1').matchAll(/"rows?":\d|"byte":\d|\[\d+,\d/g)) {
      Object.assign(place, { file: join(place.folder, `byte-${index}.outbox`), gone: [] });
      writeFileSync(place.file, whole!);
      writeFileSync(`${place.file}-mark`, mark!);
      const at = index + found.length - 1;
      damage(at, Uint8Array.of(whole![at]! ^ 8));
      const it = await place.open<string>();
      const saved = await drain(it);
      const told = place.gone.reduce((sum, { rows }) => sum + rows, saved.length);
      assert.deepEqual([told, it.state().rows], [4, 0], `${found} at ${index}`);
    }
  });

  it('gives again after a crash what was out when a later batch was found damaged', async () => {
    const first = await place.open<string>();
    for (const n of numbers(0, 3)) await first.append([`row ${n}`]);
    await first.close();
    damage(readFileSync(place.file).indexOf('row 1'), Buffer.from('raw'));
    const second = await place.open<string>();
    const taken = [...(await second.next(1)), ...(await second.next(1))];
    assert.deepEqual(
      taken.flatMap(({ rows }) => rows),
      ['row 0', 'row 2'],
    );
    // Closed without a word about them, as a crash would.
    const third = await place.open<string>();
    assert.deepEqual(await drain(third), ['row 0', 'row 2']);
  });
});
