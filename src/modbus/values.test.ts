// Words to values: all types in all orders, and every way not to be a value.
import assert from 'node:assert/strict';
import { type Field, type FieldType, fieldTypes, type WordOrder } from './field.ts';
import { type Decoded, decodeField } from './values.ts';

const spanOf = (type: FieldType) => {
  const size = fieldTypes[type];
  return typeof size === 'number' ? size : (size.usual ?? size.most);
};
const field = (type: FieldType, more: Partial<Field> = {}): Field => ({
  metric: 'm',
  table: 'holding',
  address: 0,
  span: spanOf(type),
  type,
  order: 'ABCD',
  scale: 1,
  offset: 0,
  factor: undefined,
  unit: undefined,
  min: -Infinity,
  max: Infinity,
  notImplemented: [],
  bit: 0,
  width: undefined,
  names: {},
  format: undefined,
  every: undefined,
  models: [],
  occurrence: 1,
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
    ['54B2 49AD 2594 C37D', field('float64'), 1e100],
    ['8000 0000', field('float32'), 0],
    ['0000 0000 0000 002A', field('int64'), 42],
    ['FFFF FFFF FFFF FFD6', field('int64'), -42],
    ['001F FFFF FFFF FFFF', field('uint64'), Number.MAX_SAFE_INTEGER],
    ['0020 0000 0000 0001', field('uint64'), '9007199254740993'],
    ['0001 0000 0000 0020', field('uint64', { order: 'CDAB' }), '9007199254740993'],
    ['8000 0000 0000 0000', field('int64'), '-9223372036854775808'],
    ['FFFF FFFF FFFF FFFF', field('uint64'), '18446744073709551615'],
    ['0020 0000 0000 0001', field('uint64', { scale: 0.001 }), 9007199254740.992],
    ['1234', field('bcd', { span: 1 }), 1234],
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
    ['0000', field('int16', { offset: -40, min: -40, max: 160 }), -40],
  ];
  for (const [hex, given, gives] of cases)
    it(`${given.type} ${given.order} ${hex} is ${JSON.stringify(gives)}`, () => {
      const decoded = decode(hex, given);
      assert.ok('value' in decoded, JSON.stringify(decoded));
      assert.ok(Object.is(decoded.value, gives), `got ${JSON.stringify(decoded.value)}`);
    });

  const more: typeof cases = [
    ['80FF', field('int8h'), -128],
    ['80FF', field('int8l'), -1],
    ['80FE', field('uint8h'), 128],
    ['80FE', field('uint8l'), 254],
    ['80FE', field('uint8l', { order: 'BADC' }), 128],
    ['3C00', field('float16'), 1],
    ['C500', field('float16'), -5],
    ['3555', field('float16'), 0.333251953125],
    ['0001', field('float16'), 2 ** -24],
    ['7BFF', field('float16'), 65504],
    ['8001 0000', field('bit', { span: 2, bit: 31 }), true],
    ['0001 0000', field('bit', { span: 2, bit: 16 }), true],
    ['0000 0001', field('bit', { span: 2, bit: 16, order: 'CDAB' }), true],
    ['0560', field('bits', { bit: 4, width: 4 }), 6],
    ['0560', field('bits', { bit: 8 }), 5],
    ['0560', field('bits', { bit: 4, width: 4, scale: 0.5 }), 3],
    ['0020 0000 0000 0001', field('bits', { span: 4 }), '9007199254740993'],
    ['0005', field('flags', { names: { 0: 'hot', 1: 'wet', 2: 'loud' } }), 'hot, loud'],
    ['0000', field('flags', { names: { 0: 'hot' } }), 'none'],
    ['0001 0000', field('flags', { span: 2, names: { 16: 'far' } }), 'far'],
    ['1302', field('enum', { bit: 8, width: 4, names: { 3: 'three' } }), 'three'],
    ['0001 0000', field('enum', { span: 2, names: { 65536: 'big' } }), 'big'],
    ['0000 0000', field('datetime', { span: 2, format: 'unix' }), '1970-01-01T00:00:00.000Z'],
    ['0000 0000 6553 F100', field('datetime', { span: 4, format: 'unix' }), '2023-11-14T22:13:20.000Z'],
    ['0000 018B CFE5 6800', field('datetime', { span: 4, format: 'unix-ms' }), '2023-11-14T22:13:20.000Z'],
    ['0000 0001', field('datetime', { span: 2, format: 'since-2000' }), '2000-01-01T00:00:01.000Z'],
    ['0011 0C1F 173B E95C', field('datetime', { span: 4, format: 'iec870' }), '2017-12-31T23:59:59.740'],
    ['07E8 0002 001D 000C 001E 003B', field('datetime', { format: 'parts' }), '2024-02-29T12:30:59.000'],
    ['0018 0002 001D 000C 001E 003B', field('datetime', { format: 'parts', order: 'CDAB' }), '2024-02-29T12:30:59.000'],
  ];
  for (const [hex, given, gives] of more)
    it(`${given.type} ${hex} is ${JSON.stringify(gives)}`, () =>
      assert.deepEqual(decode(hex, given), { value: gives }));

  const factor = { metric: 'f', table: 'holding', address: 9, span: 1 } as const;
  const factored: [hex: string, factor: string | undefined, gives: Decoded][] = [
    ['3039', 'FFFE', { value: 123.45 }],
    ['3039', '0002', { value: 1234500 }],
    ['3039', '0000', { value: 12345 }],
    ['0003', 'FFFF', { value: 0.3 }],
    ['3039', '8000', { absent: 'its scale factor is not implemented by the device (8000)' }],
    ['0003', '000A', { value: 30_000_000_000 }],
    ['0003', 'FFF6', { value: 3e-10 }],
    ['3039', '000B', { absent: 'its scale factor: expected -10 to 10, got 11' }],
    ['3039', undefined, { absent: 'its scale factor did not come' }],
  ];
  for (const [hex, power, gives] of factored)
    it(`${hex} with scale factor ${power}`, () =>
      assert.deepEqual(
        decodeField(
          field('int16', { factor }),
          Buffer.from(hex, 'hex'),
          power === undefined ? undefined : Buffer.from(power, 'hex'),
        ),
        gives,
      ));

  const absent: [hex: string, field: Field, reason: string][] = [
    ['7FC0 0000', field('float32'), 'not a number'],
    ['FFC0 0001', field('float32'), 'not a number'],
    ['7F80 0000', field('float32'), 'infinite'],
    ['FF80 0000', field('float32', { scale: 0.1 }), 'infinite'],
    ['0000 7FC0', field('float32', { order: 'CDAB' }), 'not a number'],
    ['7FF8 0000 0000 0000', field('float64'), 'not a number'],
    ['7FEF FFFF FFFF FFFF', field('float64', { scale: 10 }), 'infinite'],
    ['6974 E718 D7D7 625A', field('float64'), 'no measurement: expected at most 1e100 either way, got 1e+200'],
    ['E974 E718 D7D7 625A', field('float64'), 'no measurement: expected at most 1e100 either way, got -1e+200'],
    [
      '54B2 49AD 2594 C37D',
      field('float64', { scale: 1000 }),
      'no measurement: expected at most 1e100 either way, got 1e+103',
    ],
    ['8000', field('int16', { notImplemented: ['8000'] }), 'not implemented by the device (8000)'],
    ['0080', field('int16', { order: 'BADC', notImplemented: ['8000'] }), 'not implemented by the device (8000)'],
    ['7C01', field('float16'), 'not a number'],
    ['FC00', field('float16'), 'infinite'],
    ['0017 021F 173B E95C', field('datetime', { span: 4, format: 'iec870' }), 'no date (0017021F173BE95C)'],
    ['0017 0C1F 17BB E95C', field('datetime', { span: 4, format: 'iec870' }), 'no date (00170C1F17BBE95C)'],
    ['7FFF FFFF FFFF FFFF', field('datetime', { span: 4, format: 'unix' }), 'no date (7FFFFFFFFFFFFFFF)'],
    ['12A4', field('bcd', { span: 1 }), 'expected decimal digits, got 12A4'],
    ['0007', field('enum', { names: { 2: 'running' } }), 'no name for code 7'],
    ['0000', field('string', { span: 1 }), 'empty text'],
    ['0141', field('string', { span: 1 }), 'not text'],
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
