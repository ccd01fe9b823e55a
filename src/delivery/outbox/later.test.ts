// An outbox that a later version of Fieldline has written, or that another process has open: left as it is, and told in words.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { drain, outboxPlace } from './outbox.fixture.ts';
import { openOutbox } from './outbox.ts';

describe('an outbox that is not for this program', () => {
  const place = outboxPlace();
  const changed = (sql: string): void => {
    const db = new DatabaseSync(place.file);
    db.exec(sql);
    db.close();
  };
  const refused = (words: RegExp) =>
    assert.rejects(place.open(), { code: 'FIELDLINE_DIR', kind: 'outage', message: words });

  const layouts: [what: string, later: string, back: string][] = [
    ['says a later layout', 'pragma user_version = 1', 'pragma user_version = 0'],
    ['has a column more', 'alter table entry add column kind', 'alter table entry drop column kind'],
    [
      'has a column more that must be filled',
      "alter table note add column at not null default ''",
      'alter table note drop column at',
    ],
  ];
  for (const [what, later, back] of layouts)
    it(`is refused where it ${what}, and goes on with the program it belongs to`, async () => {
      const it = await place.open<number>();
      await it.append([1, 2]);
      await it.close();
      changed(later);
      await refused(
        /a file of a later version of Fieldline: install that version again, which sends what lies in it, or move/,
      );
      assert.deepEqual(
        readdirSync(place.folder).filter(name => /damaged|new|mending/.test(name)),
        [],
      );
      changed(back);
      const again = await place.open<number>();
      assert.deepEqual(await drain(again), [1, 2]);
      assert.deepEqual(place.gone, []);
    });

  it('is told to be another gateway’s where another process has it open', async () => {
    await (await place.open<number>()).append([1]);
    await assert.rejects(openOutbox(place.file), {
      message: /it is locked: another process works with it, maybe a second gateway on this data directory/,
    });
  });
});
