// Values that a real PostgreSQL or the checks before it refuse: only their reading is rejected, with the reason.
import assert from 'node:assert/strict';
import { digest } from '../kernel/bytes.ts';
import type { Sink } from '../reading/contracts.ts';
import type { Reading } from '../reading/reading.ts';
import { reading } from './reading.fixture.ts';
import { readingSink } from './readings.ts';
import { onDatabase } from '../../test/support/database.ts';

describe('reading sink: values that it refuses', () => {
  const db = onDatabase();
  let sink: Sink<Reading>;
  before(() => {
    sink = readingSink({ query: db.store.prepared, bulk: db.store.bulk, target: 'test' });
  });

  const refused: readonly [name: string, row: unknown, reason: RegExp][] = [
    ['no reading', 'text', /expected a reading, got "text"/],
    ['null', null, /expected a reading, got null/],
    ['no device', reading({ a: 1 }, {}, { deviceId: '' }), /expected a deviceId/],
    ['U+0000 in the device', reading({ a: 1 }, {}, { deviceId: 'a\0' }), /22021/],
    ['U+0000 in a metric', reading({ 'a\0': 1 }), /22021/],
    ['U+0000 in the metadata', reading({ a: 1 }, { extra: { x: '\0' } }), /22P05/],
    ['half a surrogate pair', reading({ a: 1 }, { extra: { x: '\ud800' } }), /22P02|22P05/],
    [
      'half a pair in the device',
      reading({ a: 1 }, {}, { deviceId: 'd\ud800' }),
      /deviceId: expected whole characters/,
    ],
    [
      'half a pair in the protocol',
      reading({ a: 1 }, {}, { protocol: '\udc00' as 'mqtt' }),
      /protocol: expected whole/,
    ],
    ['half a pair in a metric', reading({ '\ud800': 1 }), /telemetry: expected whole characters/],
    ['half a pair in a value', reading({ a: 'open \udfff' }), /telemetry: expected whole characters/],
    ['half a pair in a column', reading({ a: 1 }, { scannerId: '\ud800' }), /metadata.scannerId: expected whole/],
    ['half a pair in a reason', reading({}, { quality: { a: '\ud800' } }), /metadata.quality: expected whole/],
    ['year 0', reading({ a: 1 }, {}, { timestamp: '0000-01-01T00:00:00.000Z' }), /expected a timestamp/],
    ['year 9999', reading({ a: 1 }, {}, { timestamp: '9999-12-31T23:59:59.999Z' }), /expected a timestamp/],
    ['no time', reading({ a: 1 }, {}, { timestamp: 'soon' }), /expected a timestamp/],
    ['31 February', reading({ a: 1 }, {}, { timestamp: '2026-02-31T00:00:00.000Z' }), /expected a timestamp|22008/],
    ['hour 25', reading({ a: 1 }, {}, { timestamp: '2026-02-01T25:00:00.000Z' }), /expected a timestamp/],
    ['NaN', reading({ a: Number.NaN }), /finite number.*NaN/],
    ['Infinity', reading({ power_kw: Number.POSITIVE_INFINITY }), /finite number.*Infinity/],
    ['text for a number column', reading({ power_kw: 'much' }), /power_kw.*a number/],
    ['an object as value', reading({ a: {} as never }), /finite number/],
    ['an endless score', reading({ a: 1 }, { receivedScore: Number.NaN }), /score/],
    ['metadata that is no JSON', reading({ a: 1 }, { extra: { big: 1n } }), /JSON/],
    [
      'metadata too deep',
      reading({ a: 1 }, { extra: { deep: JSON.parse('['.repeat(7000) + ']'.repeat(7000)) } }),
      /54001|JSON/,
    ],
    ['a device id too long for an index', reading({ a: 1 }, {}, { deviceId: longText() }), /54000/],
  ];
  for (const [name, row, reason] of refused)
    it(`rejects ${name}, alone and among others`, async () => {
      const [alone] = await sink.write([row as Reading]);
      assert.match((alone as { rejected: string }).rejected, reason);
      const among = await sink.write([reading({ b: 1 }), row as Reading, reading({ power_kw: 2 })]);
      assert.equal(among[0], 'stored');
      assert.match((among[1] as { rejected: string }).rejected, reason);
      assert.equal(among[2], 'stored');
    });
});

/** Longer than an index entry may be, and not to be compressed below it. */
function longText(): string {
  return Array.from({ length: 300 }, (_, n) => digest(String(n))).join('');
}
