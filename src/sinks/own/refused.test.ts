// What a table of the operator's own refuses: a mapping that does not fit it waits, a row that does not fit goes alone.
import assert from 'node:assert/strict';
import { digest } from '../../kernel/bytes.ts';
import type { Reading } from '../../reading/reading.ts';
import { arrived, columns, onOwnTables, outage, reasonsOf } from '../../../test/support/own-tables.ts';
import { openStore } from '../../store/store.ts';
import type { ConflictPolicy } from './plan.ts';
import { ownSink } from './sink.ts';
import { listTables } from './table.ts';

describe('own table sink: refused', () => {
  const { db, open, into } = onOwnTables();

  const unfit: readonly [name: string, table: string, map: Record<string, string>, key: string, says: RegExp][] = [
    [
      'no column of the name',
      'v int',
      { w: 'telemetry.v' },
      '',
      /column of public\.own_\d+: expected one of v, got "w"/,
    ],
    ['no such value', 'v int', { v: 'telemetri.v' }, '', /column v: value: expected telemetry/],
    ['nothing mapped', 'v int', { v: '' }, '', /at least one with a value/],
    [
      'a column without default left out',
      'v int, w int NOT NULL',
      { v: 'telemetry.v' },
      '',
      /column w: expected a value: it is NOT NULL and has no default/,
    ],
    [
      'a generated column',
      'v int, w int GENERATED ALWAYS AS (v) STORED',
      { w: 'telemetry.v' },
      '',
      /the database makes it/,
    ],
    ['an identity', 'v int GENERATED ALWAYS AS IDENTITY', { v: 'telemetry.v' }, '', /the database makes it/],
    [
      'a key without index',
      'v int, w int',
      { v: 'telemetry.v' },
      'v',
      /key of .*: expected none: it has no unique key, got "?\(v\)/,
    ],
    ['half a key', 'v int, w int, UNIQUE (v, w)', { v: 'telemetry.v' }, 'v', /expected \(v, w\), got "\(v\)"/],
    [
      'a key without a value',
      'v int, w int, UNIQUE (v, w)',
      { v: 'telemetry.v' },
      'w,v',
      /column w: expected a value: it belongs to the key/,
    ],
    ['a partial index', 'v int', { v: 'telemetry.v' }, 'v', /it has no unique key/],
    [
      'a key that the database makes',
      'v int, w int GENERATED ALWAYS AS (v) STORED UNIQUE',
      { v: 'telemetry.v' },
      'w',
      /it has no unique key/,
    ],
  ];
  for (const [name, table, map, key, says] of unfit)
    it(`waits, and says why: ${name}`, async () => {
      const { sink, sql } = await open(table, map, key);
      if (name === 'a partial index') await sql('CREATE UNIQUE INDEX ON $ (v) WHERE v > 0');
      await assert.rejects(sink.write([arrived(1, { v: 1 })]), outage(says));
    });

  const refused: readonly [
    name: string,
    column: string,
    value: Reading['telemetry'][string] | undefined,
    says: RegExp,
  ][] = [
    ['a fraction for an integer', 'int', 3.2, /column v \(integer\): expected a whole number, got "?3\.2/],
    ['NaN for an integer', 'int', Number.NaN, /expected a whole number, got "NaN"/],
    ['NaN for a float', 'float8', Number.NaN, /expected a finite number/],
    // Looked at once, not for ever.
    ['many digits that are no number', 'float8', `${'1'.repeat(100_000)}x`, /expected a finite number/],
    ['Infinity', 'numeric', Number.POSITIVE_INFINITY, /expected a finite number/],
    ['an overflow of smallint', 'smallint', 40000, /from -32768 to 32767, got "?40000/],
    ['an overflow of bigint', 'bigint', '9223372036854775808', /from -9223372036854775808/],
    ['an overflow of real', 'real', 1e39, /finite number/],
    ['a numeric overflow', 'numeric(5,2)', 1000, /a number below 10\^3/],
    ['a numeric overflow by rounding', 'numeric(5,2)', 999.999, /22003/],
    ['text for a number', 'int', 'much', /expected a whole number, got "much"/],
    ['a text too long', 'varchar(3)', 'four', /at most 3 characters/],
    ['a text too long for a domain', 'short', 'four', /at most 3 characters/],
    ['a text too long for a domain over that', 'curt', 'four', /at most 3 characters/],
    ['a text too long for a domain over an array', 'shorts', '{four}', /22001/],
    ['a word for a domain over a domain over a time', 'moment', 'now', /expected a time/],
    ['a text too long for a name', 'name', 'x'.repeat(64), /column v \(name\): expected at most 63 bytes/],
    ['a text too long for a "char"', '"char"', 'ab', /column v \("char"\): expected at most 1 byte,/],
    ['U+0000', 'text', 'a\0b', /without U\+0000/],
    ['U+0000 in JSON', 'jsonb', 'a\0b', /22P05/],
    ['half a surrogate pair', 'text', '\ud800', /column v \(text\): expected text of whole characters/],
    ['half a surrogate pair for bytes', 'bytea', '\ud800', /column v \(bytea\): expected text of whole characters/],
    ['half a surrogate pair in an array', 'text[]', '{"\ud800"}', /expected text of whole characters/],
    ['half a surrogate pair in JSON', 'jsonb', '\ud800', /22P02/],
    ['a time in the year 0', 'timestamptz', '0000-01-01T00:00:00Z', /22008/],
    ['a time that is a word', 'timestamptz', 'infinity', /expected a time/],
    ['nothing for NOT NULL', 'int NOT NULL', undefined, /expected a value/],
    ['a constraint', 'int CHECK (v < 5)', 7, /23514/],
    ['an enumeration', 'mood', 'angry', /22P02/],
    ['no address', 'inet', 'nowhere', /22P02/],
    ['no uuid', 'uuid', 'x', /expected a uuid/],
  ];
  it('refuses single rows', async () => {
    await db.store.query("CREATE TYPE mood AS ENUM ('calm')");
    await db.store.query(`CREATE DOMAIN short AS varchar(3); CREATE DOMAIN curt AS short;
      CREATE DOMAIN shorts AS varchar(3)[]; CREATE DOMAIN point_in_time AS timestamptz; CREATE DOMAIN moment AS point_in_time`);
    for (const [name, column, value, says] of refused) {
      const { sink, rows } = await open(`n int, v ${column}`, { n: 'telemetry.n', v: 'telemetry.v' });
      const good =
        {
          short: 'abc',
          curt: 'äöü',
          shorts: '{abc}',
          moment: '2026-01-03T16:00:00Z',
          'varchar(3)': 'äöü',
          jsonb: 'a',
          bytea: 'ff',
          'text[]': '{whole}',
          mood: 'calm',
          inet: '::1',
          uuid: digest('x'),
          timestamptz: '9999-12-31T23:59:59.999Z',
        }[column] ?? 1;
      const bad = arrived(1, value === undefined ? { n: 0 } : { n: 0, v: value });
      const outcomes = await sink.write([arrived(2, { n: 1, v: good }), bad, arrived(3, { n: 2, v: good })]);
      assert.match(reasonsOf(outcomes)[1]!, says, name);
      assert.deepEqual([outcomes[0], outcomes[2]], ['stored', 'stored'], name);
      assert.equal((await rows()).length, 2, name);
    }
  });

  it('a view: one that takes no rows waits; a row that lacks what the table below needs goes alone', async () => {
    const { table, sql } = await open('n int, v int NOT NULL', { n: 'telemetry.n' });
    await sql('CREATE VIEW "$ total" AS SELECT count(*) AS n FROM $');
    await sql('CREATE MATERIALIZED VIEW "$ kept" AS SELECT n FROM $');
    await sql('CREATE VIEW "$ named" AS SELECT n, v AS "the value" FROM $');
    const onView = (view: string, map: Record<string, string>) =>
      into({ table: `${table} ${view}`, columns: columns(map), key: '', conflict: 'skip' });
    for (const view of ['total', 'kept'])
      await assert.rejects(
        onView(view, { n: 'telemetry.n' }).write([arrived(1, { n: 1 })]),
        outage(/expected a table, or a view that takes new rows/),
      );
    const named = onView('named', { n: 'telemetry.n', 'the value': 'telemetry.v' });
    const [empty, full] = reasonsOf(await named.write([arrived(2, { n: 2 }), arrived(3, { n: 3, v: 3 })]));
    assert.match(empty!, /null value in column "v".*23502/);
    assert.equal(full, 'stored');
    assert.deepEqual(await listTables(db.store.query).then(names => names.filter(name => name.includes(`${table} `))), [
      `public.${table} named`,
    ]);
  });

  it('a user who lacks a right: waits, says which, and asks for no more than the policy needs', async () => {
    const { table, sql } = await open('k int PRIMARY KEY, v int', { k: 'telemetry.k' });
    const { host, pathname } = new URL(db.server.url);
    await sql(`CREATE ROLE lacking LOGIN PASSWORD 'p'; GRANT INSERT ON $ TO lacking; GRANT INSERT ON receipts TO lacking;
      CREATE SCHEMA hidden; CREATE TABLE hidden.$ (k int, v int); GRANT INSERT ON hidden.$ TO lacking`);
    const store = openStore({ url: `postgres://lacking:p@${host}${pathname}`, connections: 1 });
    const write = (n: number, name: string, key: string, conflict: ConflictPolicy) =>
      ownSink({
        ...{ query: store.query, bulk: store.bulk, target: name },
        mapping: { table: name, columns: columns({ k: 'telemetry.k', v: 'telemetry.v' }), key, conflict },
      }).write([arrived(n, { k: n, v: n })]);
    try {
      await assert.rejects(
        write(1, `hidden.${table}`, '', 'skip'),
        outage(/this user: expected the right to insert k, v/),
      );
      await assert.rejects(write(2, table, 'k', 'skip'), outage(/this user: expected the right to select k,/));
      await sql('GRANT SELECT (k) ON $ TO lacking');
      assert.deepEqual(await write(3, table, 'k', 'skip'), ['stored']);
      await assert.rejects(write(4, table, 'k', 'update'), outage(/to select v, .*to update v,/));
      await sql('GRANT SELECT, UPDATE ON $ TO lacking');
      assert.deepEqual(await write(5, table, 'k', 'update'), ['stored']);
    } finally {
      await store.close();
    }
  });
});
