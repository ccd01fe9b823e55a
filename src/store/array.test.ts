// Arrays as parameters, against a real PostgreSQL: in binary they are what the literal would be.
import assert from 'node:assert/strict';
import { onDatabase } from '../../test/support/database.ts';
import { arrayLiteral, encoded } from './array.ts';

describe('arrays', () => {
  const db = onDatabase({ migrated: false });

  it('hands arrays over as they are', async () => {
    const texts = ['', 'a', 'NULL', 'null', '{}', '{a,b}', '"', '\\', '\\"', "'", ' a ', 'a,b', 'é€😀', '\n\t', null];
    const bytes = [new Uint8Array([0, 255, 92, 34]), new Uint8Array(0), null];
    const [row] = await db.store.prepared<Record<string, unknown>>(
      'SELECT $1::text[] AS texts, $2::float8[] AS numbers, $3::bytea[] AS bytes, $4::boolean[] AS flags, $5::jsonb[] AS json',
      [texts, [1.5, -0, 1e300, undefined], bytes, [true, false], [JSON.stringify({ a: '"\\{,}' })]],
    );
    assert.deepEqual(row, {
      texts,
      numbers: [1.5, 0, 1e300, null],
      bytes: bytes.map(one => (one === null ? null : Buffer.from(one))),
      flags: [true, false],
      json: [{ a: '"\\{,}' }],
    });
    assert.equal(arrayLiteral([]), '{}');
  });

  for (const [type, items] of [
    ['int4', [0, -1, 2 ** 31 - 1, -(2 ** 31), null]],
    ['int8', [0, -1, 2 ** 53 - 1, -(2 ** 53 - 1), 4294967296, -4294967297, undefined]],
    ['float8', [0.1, -1e-300, 5e-324, Number.NaN, Infinity, -Infinity]],
    ['boolean', [true, null, false]],
    [
      'text',
      ['', 'x'.repeat(100_000), 'a', '\ud800', 12, true],
      ['', 'x'.repeat(100_000), 'a', '\ufffd', '12', 'true'],
    ],
    ['uuid', ['00112233445566778899aabbccddeeff', '00112233-4455-6677-8899-AABBCCDDEEFF']],
    ['jsonb', ['{"a":[1,"é"]}', 'null', '"x"', null]],
    ['bytea', [new Uint8Array([0, 92, 34]), new Uint8Array(0), null]],
    [
      'timestamptz',
      [
        ...['2026-11-21T03:42:02Z', '2026-11-21T03:42:02.1Z', '2026-11-21T03:42:02.123456Z', '1970-01-01T00:00:00Z'],
        ...[
          '1999-12-31T23:59:59.999999Z',
          '2024-02-29T12:00:00.000Z',
          '2000-03-01T00:00:00.1234Z',
          '0001-01-01T00:00:00Z',
          '1900-02-28T23:59:59.5Z',
          '9999-12-31T23:59:59.999Z',
        ],
        ...['2026-11-21T03:42:02.123456789Z', '2016-12-31T23:59:60Z', '2026-11-21 03:42:02+02', null],
      ],
    ],
    ['text', []],
    ['numeric', [1.5, '12345678901234567890.5', null]],
  ] as [string, unknown[]][])
    it(`hands over ${type}[] of ${items.length} as a literal would be read`, async () => {
      const [row] = await db.store.prepared<{ same: boolean; count: number }>(
        `SELECT $1::${type}[]::text[] = $2::text::${type}[]::text[] AS same, cardinality($1::${type}[]) AS count`,
        [items, arrayLiteral(items)],
      );
      assert.deepEqual(row, { same: true, count: items.length });
    });

  it('hands over a Date as the time that it is', async () => {
    const items = [new Date('2026-11-21T03:42:02.123Z'), null, new Date('1969-12-31T23:59:59.999Z')];
    const [row] = await db.store.prepared('SELECT $1::timestamptz[] = $2::text::timestamptz[] AS same', [
      items,
      '{2026-11-21T03:42:02.123Z,NULL,1969-12-31T23:59:59.999Z}',
    ]);
    assert.deepEqual(row, { same: true });
    await assert.rejects(db.store.prepared('SELECT $1::timestamptz[]', [[new Date(Number.NaN)]]), { kind: 'data' });
  });

  it('leaves it to the server to refuse what has no binary form', async () => {
    for (const [type, item] of [
      ['timestamptz', '2026-02-30T00:00:00Z'],
      ['timestamptz', '2100-02-29T00:00:00Z'],
      ['timestamptz', '2026-13-01T00:00:00Z'],
      ['timestamptz', '2026-01-01T00:60:00Z'],
      ['timestamptz', 'yesterday, perhaps'],
      ['uuid', 'no uuid'],
      ['int4', 2 ** 31],
      ['int4', 1.5],
      ['float8', 'a lot'],
      ['jsonb', '{'],
      ['text', 'nul \0'],
    ])
      await assert.rejects(db.store.prepared(`SELECT $1::${type}[]`, [[item]]), { kind: 'data' }, `${type} ${item}`);
  });

  it('are refused before they are sent where their statement is longer than PostgreSQL takes', () => {
    const twice = (longest: number) => encoded('SELECT $1::text[], $2::int4[]', [['0123456789'], [1, 2]], longest);
    const bytes = twice(1000).reduce<number>((sum, array) => sum + (array as Buffer).length, 0);
    assert.equal(twice(bytes).length, 2);
    assert.throws(() => twice(bytes - 1), RangeError);
  });
});
