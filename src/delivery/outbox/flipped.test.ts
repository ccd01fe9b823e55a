// Bytes of an outbox that have changed on the disk: it opens, gives no changed row, names what is lost, and goes on.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { drain, outboxPlace } from './outbox.fixture.ts';
import { type Gone, openOutbox } from './outbox.ts';

type Row = { n: number; text: string };
const ROWS: readonly Row[] = Array.from({ length: 12 }, (_, n) => ({ n, text: `row ${n} ${'x'.repeat(n)}` }));
/** One byte of so many is changed in a run, others in the next one; all of them where this is set. */
const STEP = process.env['FIELDLINE_TEST_EVERY_BYTE'] ? 1 : 8;
const AT_ONCE = 4;

describe('an outbox of which a byte has changed', function () {
  this.timeout(STEP === 1 ? 1_200_000 : 200_000);
  const place = outboxPlace();
  let whole: Buffer;
  let mark: Buffer;
  beforeEach(async () => {
    const first = await place.open<Row>();
    for (let at = 0; at < ROWS.length; at += 2) await first.append(ROWS.slice(at, at + 2));
    await first.close();
    whole = readFileSync(place.file);
    mark = readFileSync(`${place.file}-mark`);
  });

  /** Opens a file of these bytes, and throws where anything is not as it has to be. */
  async function look(name: string, bytes: Buffer): Promise<number> {
    const folder = join(place.folder, name);
    mkdirSync(folder);
    const file = join(folder, 'link.outbox');
    writeFileSync(file, bytes);
    writeFileSync(`${file}-mark`, mark);
    const gone: Gone[] = [];
    const outbox = await openOutbox<Row>(file, { onGone: one => gone.push(one) });
    const rows = await drain(outbox);
    assert.deepEqual(
      rows,
      ROWS.filter(({ n }) => rows.some(row => row.n === n)),
    );
    assert.equal(
      gone.reduce((sum, one) => sum + one.rows, 0),
      ROWS.length - rows.length,
    );
    assert.ok(rows.length === ROWS.length || gone.every(({ text }) => text.includes(file)));
    const late = { n: 99, text: 'later' };
    assert.deepEqual(await outbox.append([late]), ['kept']);
    assert.deepEqual(await drain(outbox), [late]);
    await outbox.close();
    rmSync(folder, { recursive: true });
    return ROWS.length - rows.length;
  }

  const flipped = (at: number, mask: number): Buffer => {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= mask;
    return bytes;
  };

  const told: readonly [what: string, at: () => number, mask: number][] = [
    ['the number of the format to write', () => 18, 4],
    ['the number of the format of tables', () => 47, 128],
    ['a letter of the name of a column, in another case', () => whole.indexOf('reader(id') + 'reader('.length, 32],
    ['a letter of the name of a column', () => whole.indexOf('pending(reader integer not null, seq') + 33, 1],
    ['a letter of the word that makes numbers of entries', () => whole.indexOf('entry(seq integer') + 10, 1],
  ];
  for (const [what, at, mask] of told)
    it(`gives all of its rows: ${what}`, async () => {
      assert.equal(await look('one', flipped(at(), mask)), 0);
    });

  it('gives all others where a value is of another type', async () => {
    const db = new DatabaseSync(place.file);
    db.exec('update entry set blob = 7 where seq = 3; pragma wal_checkpoint(truncate)');
    db.close();
    assert.equal(await look('one', readFileSync(place.file)), 2);
  });

  it('whichever byte it is', async () => {
    const used = [...whole.keys()].filter(at => whole[at] !== 0);
    const first = Math.floor(Math.random() * STEP);
    const places = used.filter((_, at) => at % STEP === first);
    const next = places.values();
    const work = async (): Promise<void> => {
      for (const at of next)
        for (const mask of STEP === 1 ? [1 << (at % 8), 0xff] : [1 << (at % 8)])
          try {
            await look(`${at}-${mask}`, flipped(at, mask));
          } catch (error) {
            throw new Error(`byte ${at}, ${mask}: ${(error as Error).message}`, { cause: error });
          }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  });
});
