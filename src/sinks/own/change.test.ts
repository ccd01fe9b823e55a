// A table of the operator's own that changes while rows are written.
import assert from 'node:assert/strict';
import { openStore } from '../../store/store.ts';
import { arrived, columns, onOwnTables, outage, reasonsOf } from '../../../test/support/own-tables.ts';
import type { Mapping } from './plan.ts';
import { ownSink } from './sink.ts';

describe('own table sink: a table that changes while rows are written', () => {
  const { db, open } = onOwnTables();

  const basic = () => open('k int PRIMARY KEY, v float8', { k: 'telemetry.k', v: 'telemetry.v' }, 'k');
  const row = (k: number) => arrived(k, { k, v: k + 0.5 });

  const waits: readonly [name: string, change: string, says: RegExp, mend: string][] = [
    [
      'dropped',
      'DROP TABLE $',
      /table own_\d+: expected to be there, got none/,
      'CREATE TABLE $ (k int PRIMARY KEY, v float8)',
    ],
    ['a column renamed', 'ALTER TABLE $ RENAME v TO w', /expected one of k, w, got "v"/, 'ALTER TABLE $ RENAME w TO v'],
    ['a column dropped', 'ALTER TABLE $ DROP v', /expected one of k, got "v"/, 'ALTER TABLE $ ADD v float8'],
    [
      'its key dropped',
      'ALTER TABLE $ DROP CONSTRAINT $_pkey',
      /it has no unique key/,
      'ALTER TABLE $ ADD PRIMARY KEY (k)',
    ],
    [
      'a column more that must have a value',
      'ALTER TABLE $ ADD x int NOT NULL DEFAULT 1; ALTER TABLE $ ALTER x DROP DEFAULT',
      /column x: expected a value/,
      'ALTER TABLE $ ALTER x SET DEFAULT 7',
    ],
    [
      'the right to write taken',
      'REVOKE INSERT ON $ FROM writer',
      /this user: expected the right to insert k, v/,
      'GRANT INSERT ON $ TO writer',
    ],
  ];
  for (const [name, change, says, mend] of waits)
    it(`${name}: rows wait, and land when it is mended`, async () => {
      const { sink, sql, rows, table } = await basic();
      const as = name.startsWith('the right') ? await writer(table) : undefined;
      const under = as?.sink ?? sink;
      assert.deepEqual(await under.write([row(1)]), ['stored']);
      for (const part of change.split(';')) await sql(part);
      for (const attempt of [1, 2]) await assert.rejects(under.write([row(2)]), outage(says), `${attempt}`);
      await sql(mend);
      assert.deepEqual(await under.write([row(2)]), ['stored']);
      assert.deepEqual((await rows('k')).at(-1), { k: 2 });
      await as?.store.close();
    });

  /** A sink of a user who may only do what a writer must. */
  async function writer(table: string) {
    await db.store.query("CREATE ROLE writer LOGIN PASSWORD 'w'");
    await db.store.query(`GRANT INSERT, SELECT ON ${table}, receipts TO writer`);
    const url = new URL(db.server.url);
    url.username = 'writer';
    const theirs = openStore({ url: url.href, password: 'w', connections: 2 });
    const mapping: Mapping = {
      table,
      columns: columns({ k: 'telemetry.k', v: 'telemetry.v' }),
      key: 'k',
      conflict: 'skip',
    };
    return { store: theirs, sink: ownSink({ query: theirs.query, bulk: theirs.bulk, target: 'w', mapping }) };
  }

  it('a type that still fits is taken up at once; what does not fit is refused, never rounded', async () => {
    const { sink, sql, rows } = await basic();
    assert.deepEqual(await sink.write([row(1)]), ['stored']);
    await sql('ALTER TABLE $ ALTER v TYPE numeric(10,3)');
    assert.deepEqual(await sink.write([row(2)]), ['stored']);
    await sql('ALTER TABLE $ ALTER v TYPE int USING round(v)');
    const outcomes = await sink.write([row(3), arrived(4, { k: 4, v: 4 })]);
    assert.match(reasonsOf(outcomes)[0]!, /column v \(integer\): expected a whole number, got "3\.5"/);
    assert.equal(outcomes[1], 'stored');
    await sql('ALTER TABLE $ ALTER v TYPE text');
    assert.deepEqual(await sink.write([row(5)]), ['stored']);
    assert.deepEqual(await rows('k, v'), [
      { k: 1, v: '2' },
      { k: 2, v: '3' },
      { k: 4, v: '4' },
      { k: 5, v: '5.5' },
    ]);
  });

  it('replaced by another table of the same name: its rows go to the new one, each once', async () => {
    const { sink, sql, rows } = await open('v int', { v: 'telemetry.v' });
    const messages = [1, 2].map(v => arrived(v, { v }));
    assert.deepEqual(await sink.write(messages), ['stored', 'stored']);
    await sql('DROP TABLE $');
    await sql('CREATE TABLE $ (v int)');
    // What the old table had is new to this one: a replay fills it.
    assert.deepEqual(await sink.write(messages), ['stored', 'stored']);
    assert.deepEqual(await sink.write(messages), ['duplicate', 'duplicate']);
    assert.equal((await rows()).length, 2);
  });
});
