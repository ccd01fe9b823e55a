// A file in the place of an outbox that never was one: it is set aside, and the outbox works.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { drain, outboxPlace } from './outbox.fixture.ts';

describe('an outbox in whose place lies something else', () => {
  const place = outboxPlace();

  it('says that a file was found empty', async () => {
    writeFileSync(place.file, '');
    const it = await place.open<number>();
    assert.match(place.gone[0]?.text ?? '', /was empty: what lay there is lost/);
    assert.deepEqual(await it.append([1]), ['kept']);
  });

  for (const table of ['entry(a)', 'pending(a, b, c)'])
    it(`goes on with the database of another program, which has a table ${table}`, async () => {
      const db = new DatabaseSync(place.file);
      db.exec(`create table ${table}`);
      db.close();
      const it = await place.open<number>();
      assert.match(place.gone[0]?.text ?? '', /\(tables of something else\).*the damaged file is kept as/);
      await it.append([1, 2]);
      assert.deepEqual(await drain(it), [1, 2]);
    });

  it('goes on with a file that is nothing at all', async () => {
    writeFileSync(place.file, 'this was never an outbox, but it is long enough to look like one'.repeat(50));
    const it = await place.open<number>();
    const [, aside] = /kept as (\S+)$/.exec(place.gone[0]?.text ?? '') ?? [];
    assert.match(readFileSync(aside!, 'utf8'), /^this was never an outbox/);
    assert.deepEqual(
      readdirSync(place.folder).filter(name => name.includes('mended')),
      [],
    );
    await it.append([1, 2]);
    assert.deepEqual(await drain(it), [1, 2]);
  });
});
