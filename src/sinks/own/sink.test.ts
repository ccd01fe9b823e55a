// Tables of the operator's own on a real PostgreSQL: policies, hostile names, and what happens when the table changes under the writer.
import assert from 'node:assert/strict';
import { digest } from '../../kernel/bytes.ts';
import { Fault } from '../../kernel/fault.ts';
import type { Outcome } from '../../reading/contracts.ts';
import type { Metadata, Reading } from '../../reading/reading.ts';
import { openStore } from '../../store/store.ts';
import { quoted } from './name.ts';
import type { ConflictPolicy, Mapping } from './plan.ts';
import type { Arrived } from './rows.ts';
import { ownSink } from './sink.ts';
import { listTables } from './table.ts';
import { onDatabase } from '../../../test/support/database.ts';

const START = Date.UTC(2026, 0, 3, 16);
let made = 0;
const arrived = (n: number, telemetry: Reading['telemetry'], metadata: Metadata = {}): Arrived => ({
  topic: 'plant/meter',
  row: {
    deviceId: 'meter',
    protocol: 'mqtt',
    timestamp: new Date(START + n).toISOString(),
    telemetry,
    metadata: { digest: digest(String(made++)), ...metadata },
  } satisfies Reading,
});
const columns = (map: Record<string, string>) => Object.entries(map).map(([column, from]) => ({ column, from }));
const reasonsOf = (outcomes: readonly Outcome[]) =>
  outcomes.map(outcome => (typeof outcome === 'string' ? outcome : outcome.rejected));

describe('own table sink', () => {
  const db = onDatabase();

  let tables = 0;
  /** A table of these columns and a sink into it; `$` stands for the name of the table. */
  async function open(
    definition: string,
    map: Record<string, string>,
    key = '',
    conflict: ConflictPolicy = 'skip',
    more: Partial<Mapping> = {},
  ) {
    const table = `own_${tables++}`;
    await db.store.query(`CREATE TABLE ${table} (${definition})`);
    const mapping = { table, columns: columns(map), key, conflict, ...more };
    const sink = ownSink({ query: db.store.query, bulk: db.store.bulk, target: table, mapping });
    const sql = (text: string) => db.store.query(text.replaceAll('$', table));
    return { table, sink, sql, rows: (what = '*') => sql(`SELECT ${what} FROM $ ORDER BY 1`) };
  }
  const outage = (says: RegExp) => (fault: unknown) => {
    assert.ok(fault instanceof Fault);
    assert.equal(fault.kind, 'outage');
    assert.match(fault.message, says);
    return true;
  };

  it('fills columns of many types from all parts of a reading', async () => {
    const { sink, rows } = await open(
      `at timestamptz, day date, device char(8), power numeric(8,2), whole smallint, big bigint, on_ boolean, small real,
       frame bytea, id uuid, deep text, score float8, all_ jsonb, topic text, fixed text, number int, missing text DEFAULT 'table',
       ip inet, tags text[]`,
      {
        ...{ at: 'timestamp', day: 'timestamp', device: 'deviceId', power: 'telemetry.power_kw', whole: 'telemetry.n' },
        ...{ big: 'telemetry.big', on_: 'telemetry.on', small: 'telemetry.power_kw', frame: 'rawHex', id: 'digest' },
        ...{ deep: 'metadata.extra.a.b', score: 'anomalyScore', all_: 'reading', topic: 'topic', fixed: '=hall 7' },
        ...{ number: '=42', missing: '', ip: 'metadata.extra.ip', tags: 'metadata.extra.tags' },
      },
    );
    const id = digest('whole row');
    const message = arrived(
      1,
      { power_kw: 3.456, n: 7, big: '9007199254740993', on: true },
      {
        ...{ digest: id, rawHex: 'c0ff', anomaly: { score: -0.5, metric: 'n', kind: 'spike' } },
        ...{ extra: { a: { b: 'inside' }, ip: '10.0.0.7', tags: ['a "b"', 'c\\d', null] }, entry: 'e/1' },
      },
    );
    assert.deepEqual(await sink.write([message]), ['stored']);
    const [row] = (await rows('*, frame::text AS frame, at::text, day::text')) as Record<string, unknown>[];
    const { all_, ...plain } = row!;
    assert.deepEqual(plain, {
      ...{ at: '2026-01-03 16:00:00.001+00', day: '2026-01-03', device: 'meter   ', power: '3.46', whole: 7 },
      ...{ big: '9007199254740993', on_: true, small: 3.456, frame: '\\xc0ff', deep: 'inside', score: -0.5 },
      ...{ id: id.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'), topic: 'plant/meter', fixed: 'hall 7' },
      ...{ number: 42, missing: 'table', ip: '10.0.0.7', tags: ['a "b"', 'c\\d', null] },
    });
    assert.equal((all_ as Reading).deviceId, 'meter');
    assert.equal('entry' in (all_ as Reading).metadata, false);
  });

  it('makes a row for each metric where the columns ask for it', async () => {
    const { sink, rows } = await open(
      'device text, metric text, v float8, CHECK (v < 100), UNIQUE (device, metric, v)',
      { device: 'deviceId', metric: 'metric', v: 'value' },
      'device, metric, v',
    );
    const outcomes = await sink.write([arrived(1, { a: 1, b: true }), arrived(2, { a: 2, c: 100 }), arrived(3, {})]);
    assert.match(reasonsOf(outcomes)[1]!, /violates check constraint/);
    assert.deepEqual([outcomes[0], outcomes[2]], ['stored', 'duplicate']);
    assert.deepEqual(await rows('metric, v'), [
      { metric: 'a', v: 1 },
      { metric: 'a', v: 2 },
      { metric: 'b', v: 1 },
    ]);
  });

  const policies: readonly [policy: ConflictPolicy, outcomes: readonly (string | RegExp)[], held: number][] = [
    ['skip', ['stored', 'duplicate', 'duplicate'], 1],
    ['update', ['stored', 'stored', 'stored'], 3],
    ['reject', ['stored', /duplicate key value/, /duplicate key value/], 1],
  ];
  for (const [policy, expected, held] of policies)
    for (const together of [true, false])
      it(`${policy}: three messages with one key ${together ? 'in one write' : 'one after the other'}`, async () => {
        const { sink, rows } = await open(
          'k text PRIMARY KEY, v int',
          { k: 'deviceId', v: 'telemetry.v' },
          'k',
          policy,
        );
        const messages = [1, 2, 3].map(v => arrived(v, { v }));
        const outcomes: Outcome[] = [];
        if (together) outcomes.push(...(await sink.write(messages)));
        else for (const message of messages) outcomes.push(...(await sink.write([message])));
        for (const [at, reason] of reasonsOf(outcomes).entries())
          if (typeof expected[at] === 'string') assert.equal(reason, expected[at]);
          else assert.match(reason, expected[at]!);
        assert.deepEqual(await rows('v'), [{ v: held }]);
        // The same messages again, as after a crash: nothing is new, and what was refused is refused again.
        const again = reasonsOf(await sink.write(messages));
        assert.equal(again[policy === 'update' ? 2 : 0], 'duplicate');
        assert.deepEqual(await rows('v'), [{ v: held }]);
      });

  it('lets an earlier row of the batch stand where the last one is refused', async () => {
    const { sink, rows } = await open(
      'k text PRIMARY KEY, v int CHECK (v < 10)',
      { k: 'deviceId', v: 'telemetry.v' },
      'k',
      'update',
    );
    const outcomes = await sink.write([1, 2, 99].map(v => arrived(v, { v })));
    assert.deepEqual(outcomes.slice(0, 2), ['stored', 'stored']);
    assert.match(reasonsOf(outcomes)[2]!, /violates check/);
    assert.deepEqual(await rows('v'), [{ v: 2 }]);
  });

  it('knows keys as the table does: rounded, padded, without regard to case', async () => {
    await db.store.query("CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
    for (const policy of ['skip', 'update'] as const) {
      const { sink, rows } = await open(
        'v numeric(6,1), t text COLLATE nocase, n int, UNIQUE (v, t)',
        { v: 'telemetry.v', t: 'telemetry.t', n: 'telemetry.n' },
        'v,t',
        policy,
      );
      const outcomes = await sink.write([
        arrived(1, { v: 1.04, t: 'a', n: 1 }),
        arrived(2, { v: 1, t: 'A', n: 2 }),
        arrived(3, { v: 2, t: 'b', n: 3 }),
      ]);
      assert.deepEqual(
        outcomes,
        policy === 'skip' ? ['stored', 'duplicate', 'stored'] : ['stored', 'stored', 'stored'],
      );
      assert.equal((await rows()).length, 2);
    }
  });

  it('remembers messages by receipt where they have no time of their own', async () => {
    const { sink, rows } = await open('at timestamptz, v int', { at: 'timestamp', v: 'telemetry.v' }, '');
    const first = arrived(1, { v: 1 }, { digest: 'same', receipt: { key: 'client 7', redelivered: false } });
    const again = arrived(99, { v: 1 }, { digest: 'same', receipt: { key: 'client 7', redelivered: true } });
    assert.deepEqual(await sink.write([first, again]), ['stored', 'duplicate']);
    assert.deepEqual(await sink.write([again]), ['duplicate']);
    assert.equal((await rows()).length, 1);
  });

  it('takes hostile names for names', async () => {
    const schema = `s"; DROP TABLE receipts; --`;
    const column = `c"') VALUES (1); --`;
    const table = `x'.y"z $1 \\ ü`;
    await db.store.query(`CREATE SCHEMA ${quoted(schema)}`);
    await db.store.query(
      `CREATE TABLE ${quoted(schema)}.${quoted(table)} (${quoted(column)} text PRIMARY KEY, "c,0" int, "SELECT" text)`,
    );
    const listed = (await listTables(db.store.query)).find(name => name.includes('DROP'));
    const sink = ownSink({
      query: db.store.query,
      bulk: db.store.bulk,
      target: 'hostile',
      mapping: {
        table: listed!,
        columns: columns({ [column]: 'deviceId', 'c,0': 'telemetry.v', SELECT: `='; DROP TABLE receipts; --` }),
        key: column,
        conflict: 'update',
      },
    });
    assert.deepEqual(await sink.write([arrived(1, { v: 5 })]), ['stored']);
    assert.deepEqual(await db.store.query(`SELECT * FROM ${quoted(schema)}.${quoted(table)}`), [
      { [column]: 'meter', 'c,0': 5, SELECT: `'; DROP TABLE receipts; --` },
    ]);
  });

  it('finds a table by its name as typed, in lower case, and in the schema that is named', async () => {
    await db.store.query('CREATE SCHEMA plant');
    await db.store.query('CREATE TABLE plant.meter (v int)');
    for (const table of ['plant.meter', 'Plant.METER', '"plant"."meter"', ' plant.meter ']) {
      const sink = ownSink({
        query: db.store.query,
        bulk: db.store.bulk,
        target: table,
        mapping: { table, columns: columns({ v: 'telemetry.v' }), key: '', conflict: 'skip' },
      });
      assert.equal((await sink.check()).table.schema, 'plant', table);
    }
    const names = await listTables(db.store.query);
    assert.ok(names.includes('plant.meter') && !names.some(name => name.startsWith('pg_')), names.join());
  });

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
    ['Infinity', 'numeric', Number.POSITIVE_INFINITY, /expected a finite number/],
    ['an overflow of smallint', 'smallint', 40000, /from -32768 to 32767, got "?40000/],
    ['an overflow of bigint', 'bigint', '9223372036854775808', /from -9223372036854775808/],
    ['an overflow of real', 'real', 1e39, /finite number/],
    ['a numeric overflow', 'numeric(5,2)', 1000, /a number below 10\^3/],
    ['a numeric overflow by rounding', 'numeric(5,2)', 999.999, /22003/],
    ['text for a number', 'int', 'much', /expected a whole number, got "much"/],
    ['a text too long', 'varchar(3)', 'four', /at most 3 characters/],
    ['a text too long for a domain', 'short', 'four', /at most 3 characters/],
    ['U+0000', 'text', 'a\0b', /without U\+0000/],
    ['U+0000 in JSON', 'jsonb', 'a\0b', /22P05/],
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
    await db.store.query('CREATE DOMAIN short AS varchar(3)');
    for (const [name, column, value, says] of refused) {
      const { sink, rows } = await open(`n int, v ${column}`, { n: 'telemetry.n', v: 'telemetry.v' });
      const good =
        {
          short: 'abc',
          'varchar(3)': 'äöü',
          jsonb: 'a',
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

  it('refuses what has no partition, and says so; with the partition it lands', async () => {
    await db.store.query('CREATE TABLE parted (at timestamptz, v int) PARTITION BY RANGE (at)');
    const sink = ownSink({
      query: db.store.query,
      bulk: db.store.bulk,
      target: 'parted',
      mapping: { table: 'parted', columns: columns({ at: 'timestamp', v: 'telemetry.v' }), key: '', conflict: 'skip' },
    });
    const row = arrived(1, { v: 1 });
    assert.match(reasonsOf(await sink.write([row]))[0]!, /no partition of relation "parted" found for row/);
    await db.store.query(
      "CREATE TABLE parted_2026 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    );
    assert.deepEqual(await sink.write([row]), ['stored']);
    assert.ok(!(await listTables(db.store.query)).includes('public.parted_2026'));
  });

  describe('a table that changes while rows are written', () => {
    const basic = () => open('k int PRIMARY KEY, v float8', { k: 'telemetry.k', v: 'telemetry.v' }, 'k');
    const row = (k: number) => arrived(k, { k, v: k + 0.5 });

    const waits: readonly [name: string, change: string, says: RegExp, mend: string][] = [
      [
        'dropped',
        'DROP TABLE $',
        /table own_\d+: expected to be there, got none/,
        'CREATE TABLE $ (k int PRIMARY KEY, v float8)',
      ],
      [
        'a column renamed',
        'ALTER TABLE $ RENAME v TO w',
        /expected one of k, w, got "v"/,
        'ALTER TABLE $ RENAME w TO v',
      ],
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
        /permission denied.*lacks the right/,
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
        await assert.rejects(
          under.write([row(2)]),
          (error: unknown) => error instanceof Fault && error.kind === 'outage',
        );
        // The first answer may be the database's own; from the second on it is ours.
        await assert.rejects(under.write([row(2)]), outage(says));
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
});
