// Values to words: whatever can be written reads back as the same value, and what a register cannot hold is refused.
import assert from 'node:assert/strict';
import { encodeField, merged } from './encode.ts';
import type { Field } from './field.ts';
import { parseMap } from './map.ts';
import { decodeField } from './values.ts';

const field = (register: object): Field => {
  const map = { name: 'm', table: 'holding', registers: [{ metric: 'a', address: 0, ...register }] };
  const [only] = parseMap(JSON.stringify(map), 'm.json').fields;
  assert.ok(only);
  return only;
};
const hex = (words: readonly number[]) => words.map(word => word.toString(16).padStart(4, '0')).join(' ');

describe('encodeField', () => {
  const cases: [register: object, value: unknown, words: string][] = [
    [{ type: 'int16' }, -1, 'ffff'],
    [{ type: 'uint16' }, 65535, 'ffff'],
    [{ type: 'int16', scale: 0.1 }, 21.5, '00d7'],
    [{ type: 'int16', scale: 0.1, offset: -40 }, 0.3, '0193'],
    [{ type: 'int32', order: 'CDAB' }, 65537, '0001 0001'],
    [{ type: 'int32', order: 'CDAB' }, -2, 'fffe ffff'],
    [{ type: 'uint32', order: 'BADC' }, 0x12345678, '3412 7856'],
    [{ type: 'uint32', order: 'DCBA' }, 0x12345678, '7856 3412'],
    [{ type: 'uint64' }, '18446744073709551615', 'ffff ffff ffff ffff'],
    [{ type: 'int64', order: 'GHEFCDAB' }, '-9223372036854775807', '0001 0000 0000 8000'],
    [{ type: 'float32' }, Math.fround(123.456), '42f6 e979'],
    [{ type: 'float32', order: 'CDAB' }, Math.fround(123.456), 'e979 42f6'],
    [{ type: 'float64' }, 123.456, '405e dd2f 1a9f be77'],
    [{ type: 'bcd', length: 2 }, 123456, '0012 3456'],
    [{ type: 'string', length: 3 }, 'Nivus', '4e69 7675 7300'],
    [{ type: 'string', length: 3, order: 'BADC' }, 'Nivus', '694e 7576 0073'],
    [{ type: 'enum', names: { 0: 'off', 2: 'on' } }, 'on', '0002'],
    [{ type: 'bool' }, true, '0001'],
    [{ table: 'coil' }, true, '0001'],
  ];
  for (const [register, value, words] of cases)
    it(`${JSON.stringify(register)} ${value} is ${words}, and reads back`, () => {
      const own = field(register);
      const encoded = encodeField(own, value);
      assert.ok('words' in encoded, JSON.stringify(encoded));
      assert.equal(hex(encoded.words), words);
      const bytes = Buffer.from(words.replaceAll(' ', ''), 'hex');
      assert.deepEqual(decodeField(own, own.table === 'coil' ? bytes.subarray(1) : bytes), { value });
    });

  const refused: [register: object, value: unknown, reason: RegExp][] = [
    [{ type: 'int16' }, 40000, /a: expected -32768 to 32767 in its registers, got "40000"/],
    [{ type: 'uint16' }, -1, /expected 0 to 65535/],
    [{ type: 'uint16' }, 1.5, /expected a whole number for uint16, got 1.5/],
    [{ type: 'int16' }, Number.NaN, /expected a number/],
    [{ type: 'int16' }, Infinity, /expected a number/],
    [{ type: 'int16' }, null, /expected a number/],
    [{ type: 'int16' }, '12a', /expected a number, got "12a"/],
    [{ type: 'int16', scale: 0.1, min: 5, max: 30, unit: '°C' }, 31, /expected 5 to 30 °C, got 31/],
    [{ type: 'float32' }, 1e39, /expected a number that a float32 holds/],
    [{ type: 'float32', min: 0 }, -1, /expected 0 to Infinity, got -1/],
    [{ type: 'uint64' }, '18446744073709551616', /in its registers/],
    [{ type: 'bcd', length: 1 }, 10000, /expected 0 to 9999/],
    [{ type: 'string', length: 1 }, 'abc', /a text of at most 2 bytes/],
    [{ type: 'enum', names: { 1: 'on' } }, 'off', /expected one of on, got "off"/],
    [{ type: 'bits', bit: 4, width: 2 }, 4, /expected 0 to 3, got "4"/],
    [{ table: 'coil' }, 2, /expected true or false, got 2/],
    [{ table: 'input', type: 'int16' }, 1, /expected a holding register or a coil, got "input"/],
    [{ type: 'int16', scaleFactor: 5 }, 1, /without a scale factor/],
    [{ type: 'flags', names: { 0: 'a' } }, 'a', /a type that can be written, got "flags"/],
  ];
  for (const [register, value, reason] of refused)
    it(`${JSON.stringify(register)} refuses ${value}`, () => {
      const encoded = encodeField(field(register), value);
      assert.match('refused' in encoded ? encoded.refused : '', reason);
    });

  it('changes only its own bits', () => {
    const cases: [register: object, value: unknown, now: number[], words: number[]][] = [
      [{ type: 'bit', bit: 3 }, true, [0xf0f0], [0xf0f8]],
      [{ type: 'bit', bit: 4 }, false, [0xf0f0], [0xf0e0]],
      [{ type: 'bits', bit: 4, width: 4 }, 5, [0xffff], [0xff5f]],
      [{ type: 'bits', bit: 0, width: 8, order: 'BADC' }, 5, [0xffff], [0x05ff]],
      [{ type: 'bit', bit: 16, length: 2, order: 'CDAB' }, true, [1, 0], [1, 1]],
    ];
    for (const [register, value, now, words] of cases) {
      const encoded = encodeField(field(register), value);
      assert.ok('words' in encoded);
      assert.deepEqual(merged(encoded, now), words);
    }
  });
});
