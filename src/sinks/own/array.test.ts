// Arrays in a table of the operator's own: what went in comes out, and what cannot is refused.
import assert from 'node:assert/strict';
import { onDatabase } from '../../../test/support/database.ts';
import { ownSink } from './sink.ts';

const arrays: readonly [name: string, type: string, value: unknown, held: unknown | RegExp][] = [
  ['numbers', 'int[]', [1, 2], [1, 2]],
  ['numbers as texts', 'float8[]', ['1.5', '-2'], [1.5, -2]],
  ['nothing', 'int[]', [], []],
  ['a NULL, and the word', 'text[]', [null, 'NULL'], [null, 'NULL']],
  [
    'all that means something in an array',
    'text[]',
    ['a"b', 'c\\d', '{}', ',', ' ', ''],
    ['a"b', 'c\\d', '{}', ',', ' ', ''],
  ],
  [
    'lines, tabs and what JSON escapes',
    'text[]',
    ['a\nb\tc', '\u0001', '\u{1f600}'],
    ['a\nb\tc', '\u0001', '\u{1f600}'],
  ],
  [
    'two dimensions',
    'int[]',
    [
      [1, 2],
      [3, 4],
    ],
    [
      [1, 2],
      [3, 4],
    ],
  ],
  ['objects', 'jsonb[]', [{ a: '"' }, { b: [1] }], [{ a: '"' }, { b: [1] }]],
  ['a text that is an array', 'int[]', '{7,8}', [7, 8]],
  ['U+0000', 'text[]', ['a\0b'], /without U\+0000/],
  ['a fraction among integers', 'int[]', [1, 1.5], /22P02/],
  ['NaN among integers', 'int[]', [Number.NaN], /22P02/],
  ['dimensions that do not fit', 'int[]', [[1, 2], [3]], /2202E|22P02/],
];

describe('own table sink: arrays', () => {
  const db = onDatabase();
  for (const [at, [name, type, value, held]] of arrays.entries())
    it(name, async () => {
      const table = `arrays_${at}`;
      await db.store.query(`CREATE TABLE ${table} (v ${type})`);
      const sink = ownSink({
        ...{ query: db.store.query, bulk: db.store.bulk, target: table },
        mapping: { table, columns: [{ column: 'v', from: 'metadata.v' }], key: '', conflict: 'skip' },
      });
      const row = {
        deviceId: 'd',
        protocol: 'p',
        timestamp: '2026-01-03T16:00:00Z',
        telemetry: {},
        metadata: { v: value },
      };
      const [outcome] = await sink.write([{ row, topic: undefined }]);
      const rows = await db.store.query<{ v: unknown }>(`SELECT v FROM ${table}`);
      if (held instanceof RegExp) assert.match((outcome as { rejected: string }).rejected, held);
      assert.deepEqual(rows, held instanceof RegExp ? [] : [{ v: held }]);
    });
});
