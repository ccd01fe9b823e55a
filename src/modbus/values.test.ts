// Words to values: all types in all orders, and every way not to be a value.
import assert from 'node:assert/strict';
import { type Decoded, decodeField, type Field, type FieldType, fieldTypes, type WordOrder } from './values.ts';

const field = (type: FieldType, more: Partial<Field> = {}): Field => ({
  metric: 'm',
  table: 'holding',
  address: 0,
  span: fieldTypes[type] ?? 1,
  type,
  order: 'ABCD',
  scale: 1,
  offset: 0,
  unit: undefined,
  min: -Infinity,
  max: Infinity,
  notImplemented: [],
  bit: 0,
  names: {},
  ...more,
});
const decode = (hex: string, given: Field): Decoded =>
  decodeField(given, new Uint8Array(Buffer.from(hex.replace(/ /g, ''), 'hex')));

describe('decodeField', () => {
  const cases: [hex: string, field: Field, gives: unknown][] = [
    ['0001', field('int16'), 1],
    ['FFFF', field('int16'), -1],
    ['8000', field('int16'), -32768],
    ['FFFF', field('uint16'), 65535],
    ['0100', field('uint16', { order: 'BADC' }), 1],
    ['0100', field('uint16', { order: 'DCBA' }), 1],
    ['0001', field('uint16', { order: 'CDAB' }), 1],
    ['8000 0000', field('int32'), -2147483648],
    ['FFFF FFFF', field('uint32'), 4294967295],
    ['42F6 E979', field('float32'), Math.fround(123.456)],
    ['E979 42F6', field('float32', { order: 'CDAB' }), Math.fround(123.456)],
    ['F642 79E9', field('float32', { order: 'BADC' }), Math.fround(123.456)],
    ['79E9 F642', field('float32', { order: 'DCBA' }), Math.fround(123.456)],
    ['405E DD2F 1A9F BE77', field('float64'), 123.456],
    ['BE77 1A9F DD2F 405E', field('float64', { order: 'CDAB' }), 123.456],
    ['5E40 2FDD 9F1A 77BE', field('float64', { order: 'BADC' }), 123.456],
    ['77BE 9F1A 2FDD 5E40', field('float64', { order: 'DCBA' }), 123.456],
    ['8000 0000', field('float32'), 0],
    ['0000 0000 0000 002A', field('int64'), 42],
    ['FFFF FFFF FFFF FFD6', field('int64'), -42],
    ['001F FFFF FFFF FFFF', field('uint64'), Number.MAX_SAFE_INTEGER],
    ['0020 0000 0000 0001', field('uint64'), '9007199254740993'],
    ['0001 0000 0000 0020', field('uint64', { order: 'CDAB' }), '9007199254740993'],
    ['8000 0000 0000 0000', field('int64'), '-9223372036854775808'],
    ['FFFF FFFF FFFF FFFF', field('uint64'), '18446744073709551615'],
    ['0020 0000 0000 0001', field('uint64', { scale: 0.001 }), 9007199254740.992],
    ['1234', field('bcd'), 1234],
    ['0012 3456', field('bcd', { span: 2 }), 123456],
    ['9999 9999 9999 9999', field('bcd', { span: 4 }), '9999999999999999'],
    ['0000', field('bool'), false],
    ['0100', field('bool'), true],
    ['01', field('bool', { table: 'coil' }), true],
    ['00', field('bool', { table: 'discrete', order: 'DCBA' }), false],
    ['8001', field('bit', { bit: 0 }), true],
    ['8001', field('bit', { bit: 15 }), true],
    ['8001', field('bit', { bit: 1 }), false],
    ['0180', field('bit', { bit: 15, order: 'BADC' }), true],
    ['0002', field('enum', { names: { 2: 'running' } }), 'running'],
    ['4E69 7675 7300', field('string', { span: 3 }), 'Nivus'],
    ['694E 7576 0073', field('string', { span: 3, order: 'BADC' }), 'Nivus'],
    ['4E69 2020', field('string', { span: 2, order: 'CDAB' }), 'Ni'],
    ['6DB3 0000', field('string', { span: 2 }), 'm³'],
    ['00D7', field('int16', { scale: 0.1 }), 21.5],
    ['0003', field('int16', { scale: 0.1 }), 0.3],
    ['0003', field('int16', { scale: 1.1 }), 3.3],
    ['0003', field('int16', { scale: 0.1, offset: -0.1 }), 0.2],
    ['FFFF', field('int16', { scale: 32.767 / 32767 }), -0.001],
    ['0000', field('int16', { scale: -1 }), 0],
    ['00C8', field('int16', { offset: -40, min: -40, max: 160 }), 160],
  ];
  for (const [hex, given, gives] of cases)
    it(`${given.type} ${given.order} ${hex} is ${JSON.stringify(gives)}`, () => {
      const decoded = decode(hex, given);
      assert.ok('value' in decoded, JSON.stringify(decoded));
      assert.ok(Object.is(decoded.value, gives), `got ${JSON.stringify(decoded.value)}`);
    });

  const absent: [hex: string, field: Field, reason: string][] = [
    ['7FC0 0000', field('float32'), 'not a number'],
    ['FFC0 0001', field('float32'), 'not a number'],
    ['7F80 0000', field('float32'), 'infinite'],
    ['FF80 0000', field('float32', { scale: 0.1 }), 'infinite'],
    ['0000 7FC0', field('float32', { order: 'CDAB' }), 'not a number'],
    ['7FF8 0000 0000 0000', field('float64'), 'not a number'],
    ['7FEF FFFF FFFF FFFF', field('float64', { scale: 10 }), 'infinite'],
    ['8000', field('int16', { notImplemented: ['8000'] }), 'not implemented by the device (8000)'],
    ['0080', field('int16', { order: 'BADC', notImplemented: ['8000'] }), 'not implemented by the device (8000)'],
    ['12A4', field('bcd'), 'expected decimal digits, got 12A4'],
    ['0007', field('enum', { names: { 2: 'running' } }), 'no name for code 7'],
    ['0000', field('string'), 'empty text'],
    ['0141', field('string'), 'not text'],
    ['03E7', field('int16', { min: -40, max: 150, unit: '°C' }), 'out of range: expected -40 to 150 °C, got 999'],
    ['FFFF', field('int16', { min: 0 }), 'out of range: expected at least 0, got -1'],
    [
      'FFFF FFFF FFFF FFFF',
      field('uint64', { max: 1e9 }),
      'out of range: expected at most 1000000000, got 18446744073709551615',
    ],
  ];
  for (const [hex, given, reason] of absent)
    it(`${given.type} ${hex} is absent: ${reason}`, () => assert.deepEqual(decode(hex, given), { absent: reason }));

  it('never gives NaN or Infinity, whatever the bytes', () => {
    const orders: WordOrder[] = ['ABCD', 'CDAB', 'BADC', 'DCBA'];
    let seed = 7;
    const byte = () => {
      seed = (seed * 48271) % 0x7fffffff;
      return seed & 0xff;
    };
    for (const type of Object.keys(fieldTypes) as FieldType[])
      for (const order of orders)
        for (let round = 0; round < 100; round++) {
          const given = field(type, { order, names: { 1: 'one' }, scale: round % 2 === 0 ? 1 : 0.01 });
          const decoded = decodeField(given, Uint8Array.from({ length: given.span * 2 }, byte));
          if ('value' in decoded && typeof decoded.value === 'number') assert.ok(Number.isFinite(decoded.value));
        }
  });
});
