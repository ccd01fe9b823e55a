// Tables of the operator's own on a real PostgreSQL: what lands in which column of which table, whatever their names are.
import assert from 'node:assert/strict';
import { digest } from '../../kernel/bytes.ts';
import type { Reading } from '../../reading/reading.ts';
import { quoted } from './name.ts';
import { arrived, columns, onOwnTables, outage, reasonsOf } from '../../../test/support/own-tables.ts';
import { listTables } from './table.ts';

describe('own table sink', () => {
  const { db, open, into } = onOwnTables();

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
    const sink = into({
      table: listed!,
      columns: columns({ [column]: 'deviceId', 'c,0': 'telemetry.v', SELECT: `='; DROP TABLE receipts; --` }),
      key: column,
      conflict: 'update',
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
      const sink = into({ table, columns: columns({ v: 'telemetry.v' }), key: '', conflict: 'skip' });
      assert.equal((await sink.check()).table.schema, 'plant', table);
    }
    const names = await listTables(db.store.query);
    assert.ok(names.includes('plant.meter') && !names.some(name => name.startsWith('pg_')), names.join());
  });

  it('waits while no row has a partition, and says so; refuses alone what has none where others have theirs', async () => {
    await db.store.query('CREATE TABLE parted (at timestamptz, v int) PARTITION BY RANGE (at)');
    const sink = into({
      table: 'parted',
      columns: columns({ at: 'timestamp', v: 'telemetry.v' }),
      key: '',
      conflict: 'skip',
    });
    const row = arrived(1, { v: 1 });
    const says = outage(
      /^database: no partition of relation "parted" found for row; none of these rows has a partition: make it/,
    );
    await assert.rejects(sink.write([row]), says);
    await db.store.query(
      "CREATE TABLE parted_2026 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    );
    assert.deepEqual(await sink.write([row]), ['stored']);
    const far = arrived(400 * 86_400_000, { v: 2 });
    const [alone, beside] = reasonsOf(await sink.write([far, arrived(2, { v: 3 })]));
    assert.match(alone!, /no partition of relation "parted" found for row/);
    assert.equal(beside, 'stored');
    assert.ok(!(await listTables(db.store.query)).includes('public.parted_2026'));
  });
});
