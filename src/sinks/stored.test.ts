// What the sink tells of the rows it has stored, against the rows themselves: ids, digests and metadata, also beside duplicates.
import assert from 'node:assert/strict';
import type { Reading } from '../reading/reading.ts';
import { storedOf } from '../reading/stored.ts';
import { onDatabase } from '../../test/support/database.ts';
import { reading } from './reading.fixture.ts';
import { readingSink } from './readings.ts';

describe('stored rows', () => {
  const db = onDatabase();

  /** A mixed batch; `from` numbers its values. */
  const batch = (from: number): Reading[] =>
    Array.from({ length: 40 }, (_, n) => {
      const value = from + n;
      const metadata = { sessionId: `s${n % 3}`, extra: { value, 'ü"\\': [1, null] } };
      const kinds: Reading['telemetry'][] = [
        { value_mm: value },
        { flow_rate: value },
        { power_kw: value },
        { temperature: value },
      ];
      return reading(kinds[n % 4]!, metadata, { deviceId: `d${39 - n}` });
    });

  it('are told with id, digest and metadata as they stand in the table; duplicates are not', async () => {
    const sink = readingSink({ query: db.store.prepared, bulk: db.store.bulk, target: 'test' });
    const first = batch(0);
    await sink.write(first);
    // Every other one comes again, among new ones.
    const again = structuredClone(first).filter((_, n) => n % 2 === 0);
    const second = batch(1000).flatMap((fresh, n) => [fresh, ...(again[n] === undefined ? [] : [again[n]])]);
    const outcomes = await sink.write(second);
    assert.deepEqual(
      second.map((one, n) => outcomes[n] === 'duplicate' && storedOf(one) === undefined).filter(Boolean).length,
      again.length,
    );
    const rows = await db.store.query<{ key: string; row: Record<string, unknown> }>(
      ['measurements', 'flow_data', 'energy_readings', 'sensor_readings']
        .map(table => `SELECT '${table} ' || device_id || ' ' || digest AS key, to_jsonb(t) AS row FROM ${table} AS t`)
        .join(' UNION ALL '),
    );
    const known = new Map(rows.map(({ row }) => [String(row['digest']).replaceAll('-', ''), row]));
    const told = [...first, ...second].flatMap(one => storedOf(one) ?? []);
    assert.equal(told.length, 80);
    assert.equal(known.size, 80);
    for (const { id, digest, metadata } of told) {
      const row = known.get(digest)!;
      assert.equal(id, row['id']);
      assert.equal(id !== undefined, 'value_mm' in row || 'flow_rate' in row);
      assert.deepEqual(metadata === null ? null : JSON.parse(metadata), row['metadata']);
    }
  });

  it('hold metrics whose names every object knows', async () => {
    const sink = readingSink({ query: db.store.prepared, bulk: db.store.bulk, target: 'names' });
    const quality = { toString: 'it broke', humidity: 'not available' };
    const given = [
      reading({ flow_rate: 1, constructor: 2 }, {}, { deviceId: 'names' }),
      reading({ constructor: 3, co2: 400 }, { quality }, { deviceId: 'names' }),
    ];
    assert.deepEqual(await sink.write(given), ['stored', 'stored']);
    const [flow] = await db.store.query("SELECT metadata FROM flow_data WHERE device_id = 'names'");
    assert.deepEqual(flow, { metadata: { telemetry: { constructor: 2 } } });
    assert.deepEqual(
      await db.store.query(
        `SELECT metric, value, value_text, quality FROM sensor_readings WHERE device_id = 'names' ORDER BY metric COLLATE "C"`,
      ),
      [
        { metric: 'co2', value: 400, value_text: null, quality: null },
        { metric: 'constructor', value: 3, value_text: null, quality: null },
        { metric: 'humidity', value: null, value_text: null, quality: 'not available' },
        { metric: 'toString', value: null, value_text: null, quality: 'it broke' },
      ],
    );
  });

  it('count their ids in order of arrival', async () => {
    const sink = readingSink({ query: db.store.prepared, bulk: db.store.bulk, target: 'order' });
    const many = Array.from({ length: 300 }, (_, n) => reading({ value_mm: n }, {}, { deviceId: `o${(n * 7) % 13}` }));
    await sink.write(many);
    const ids = many.map(one => storedOf(one)!.id!);
    assert.deepEqual(
      ids,
      ids.map((_, n) => ids[0]! + n),
    );
  });
});
