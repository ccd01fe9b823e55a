// A journal whose file is damaged while it is open: it is mended at once and goes on, as after a restart, and a copy says what it lacks.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { overwrite, rubbish } from '../../../test/support/overwrite.ts';
import { openJournal } from './journal.ts';
import type { Journal } from './contract.ts';
import { journalPlace } from './journal.fixture.ts';

// Far more than the cache of SQLite holds, which would hide the damage.
const OLD = 200;
const NEW = 50;
const BYTES = 40_000;

/** `least`: how many of those that lay in the file before it was opened are still there. */
const HARMS: readonly { what: string; least: number; harm(file: string): void }[] = [
  {
    what: 'overwritten in its middle',
    least: OLD * 0.9,
    harm: file => overwrite(file, (statSync(file).size >> 13) * 4096, rubbish(65_536)),
  },
  { what: 'cut by half', least: OLD * 0.3, harm: file => truncateSync(file, statSync(file).size >> 1) },
  { what: 'emptied', least: 0, harm: file => truncateSync(file, 0) },
  { what: 'robbed of its write-ahead log', least: OLD, harm: file => truncateSync(`${file}-wal`, 0) },
];

describe('a journal that is damaged while it is open', () => {
  const place = journalPlace();
  let journal: Journal;
  const mended: string[] = [];
  beforeEach(async () => {
    mended.length = 0;
    const first = await place.open();
    await Promise.all(Array.from({ length: OLD }, (_, n) => first.append(`${n}`, randomBytes(BYTES), ['a', 'b'])));
    await first.note('kept', 'over it');
    await first.close();
    journal = await openJournal(place.file, { onMended: text => mended.push(text) });
    for (let n = OLD; n < OLD + NEW; n++) await journal.append(`${n}`, randomBytes(BYTES), ['a', 'b']);
  });
  afterEach(() => journal.close());

  async function numbersOf(reader: string, it = journal): Promise<number[]> {
    const found: number[] = [];
    for (let after = 0; ; ) {
      const entries = await it.read(reader, after);
      if (entries.length === 0) return found;
      found.push(...entries.map(({ meta }) => Number(meta)));
      after = entries.at(-1)!.seq;
    }
  }

  for (const { what, least, harm } of HARMS) {
    it(`${what}: takes and acknowledges as before`, async () => {
      harm(place.file);
      journal.ack(
        'a',
        Array.from({ length: OLD }, (_, at) => at + 1),
      );
      await journal.append(`${OLD + NEW}`, randomBytes(BYTES), ['a']);
      assert.equal(journal.state().fault, undefined);
      assert.equal((await numbersOf('a')).at(-1), OLD + NEW);
      await numbersOf('b');
      assert.equal(mended.length, 1);
      assert.match(mended[0]!, /lost/);
      assert.ok(readdirSync(place.folder).some(name => name.includes('.damaged-')));
      await journal.close();
      journal = await openJournal(place.file);
      assert.equal(journal.loss, undefined);
      assert.deepEqual([...journal.readers].sort(), ['a', 'b']);
      assert.equal(journal.notes.get('kept'), 'over it');
      assert.equal((await numbersOf('a')).at(-1), OLD + NEW);
    });

    it(`${what}: gives what can be read, and a copy of that which names what it lacks`, async () => {
      harm(place.file);
      const copy = join(place.folder, 'copy.db');
      assert.match((await journal.copyTo(copy)) ?? 'nothing is named', /damaged .*: \d+ entries saved, .* lost/);
      const other = await openJournal(copy);
      const found = await numbersOf('b', other);
      await other.close();
      assert.ok(found.filter(n => n < OLD).length >= least, `${found.length} are there`);
      assert.deepEqual(
        found,
        found.toSorted((a, b) => a - b),
      );
      assert.deepEqual(
        (await numbersOf('b')).filter(n => n < OLD),
        found.filter(n => n < OLD),
      );
      assert.equal(await journal.copyTo(`${copy}.2`), undefined, 'told once');
    });
  }
});
