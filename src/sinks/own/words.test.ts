// What operators type for a table of their own: names, keys, and where a value comes from.
import assert from 'node:assert/strict';
import type { Reading } from '../../reading/reading.ts';
import { parseTableName, quoted, tableText } from './name.ts';
import { keyNames } from './plan.ts';
import { parseSource, sourcesOf } from './source.ts';

const names: readonly [text: string, name: [schema: string | undefined, table: string] | RegExp][] = [
  ['meter', [undefined, 'meter']],
  [' plant.meter ', ['plant', 'meter']],
  ['"My Schema"."a.b"', ['My Schema', 'a.b']],
  ['plant."say ""x"""', ['plant', 'say "x"']],
  ["x'; DROP TABLE y; --", [undefined, "x'; DROP TABLE y; --"]],
  ['a.b.c', /expected a name/],
  ['', /expected a name/],
  ['a.', /expected a name/],
  ['.b', /expected a name/],
  ['"open', /expected a name/],
  ['a"b', /expected a name/],
  ['ü'.repeat(32), /1 to 63 bytes/],
  ['nul\0', /1 to 63 bytes/],
  ['half\ud800', /1 to 63 bytes/],
];

const reading: Reading = {
  deviceId: 'd',
  protocol: 'mqtt',
  timestamp: '2026-01-03T16:00:00.000Z',
  telemetry: { power_kw: 1, 'a.b': 2 },
  metadata: { entry: 'e/1', location: { lat: 1, lon: 2 }, raw: { topic: 't', hex: 'c0' }, receivedAt: 0 },
};
const sources: readonly [from: string, value: unknown][] = [
  ['deviceId', 'd'],
  ['telemetry.power_kw', 1],
  ['telemetry.a.b', 2],
  ['telemetry.none', undefined],
  ['metadata.location.lat', 1],
  ['metadata.location.lat.deeper', undefined],
  ['rawHex', 'c0'],
  ['receivedAt', '1970-01-01T00:00:00.000Z'],
  ['=', ''],
  ['= spaced ', ' spaced '],
  ['=telemetry.power_kw', 'telemetry.power_kw'],
  // Only what the payload holds itself.
  ['telemetry.constructor', undefined],
  ['telemetry.__proto__', undefined],
  ['metadata.location.toString', undefined],
];

describe('own table: what is typed', () => {
  for (const [text, expected] of names)
    it(`table ${JSON.stringify(text)}`, () => {
      const parsed = parseTableName(text);
      if (expected instanceof RegExp) return assert.match(String(parsed), expected);
      assert.deepEqual(parsed, { schema: expected[0], table: expected[1] });
      const again = { schema: expected[0] ?? 'public', table: expected[1] };
      assert.deepEqual(parseTableName(tableText(again)), again);
    });

  it('quotes names, and refuses what can be none', () => {
    assert.equal(quoted('a"; DROP TABLE b; --'), '"a""; DROP TABLE b; --"');
    for (const bad of ['', 'a\0', 'x'.repeat(64)]) assert.throws(() => quoted(bad), /1 to 63 bytes/);
  });

  it('reads keys', () => {
    assert.deepEqual(keyNames('device, time'), ['device', 'time']);
    assert.deepEqual(keyNames(' "a,b" ,c,"say ""x""" '), ['a,b', 'c', 'say "x"']);
    assert.deepEqual(keyNames(' , '), []);
  });

  for (const [from, value] of sources)
    it(`value ${JSON.stringify(from)}`, () => {
      const source = parseSource(from);
      assert.ok(typeof source !== 'string');
      assert.equal(source.read({ reading, topic: 't', metric: undefined }), value);
    });

  it('says what may be typed where it is nothing of that', () => {
    for (const from of ['', 'device', 'telemetry.', 'metadata.', 'toString', 'constructor'])
      assert.match(String(parseSource(from)), /expected telemetry\.<metric>/, from);
  });

  it('offers what a reading has, without what only matters on the way', () => {
    const offered = sourcesOf(reading);
    for (const source of ['telemetry.power_kw', 'metadata.location.lon', 'deviceId', 'rawHex'])
      assert.ok(offered.includes(source), source);
    assert.ok(!offered.includes('metadata.entry'));
  });
});
