// Every type in every order at every kind of address, from the words of a device to the value: 64 bits exact, also on their way through JSON.
import assert from 'node:assert/strict';
import type { Value } from '../reading/reading.ts';
import { type FieldType, fieldTypes, longOrders, type WordOrder, wordOrders } from './field.ts';
import { parseMap } from './map.ts';
import { limits } from './poller.fixture.ts';
import { registerReader } from './reader.ts';
import { systemTiming } from './timing.ts';

/** Bytes as a document writes them, the most significant first. */
const cases: [type: FieldType, bytes: string, value: Value, more?: object][] = [
  ['int16', 'FFD6', -42],
  ['uint16', 'FFD6', 65_494],
  ['int32', 'FFFE1DC0', -123_456],
  ['uint32', 'FFFE1DC0', 4_294_843_840],
  ['int64', 'FFEFFFFFFFFFFFFF', -4_503_599_627_370_497],
  ['int64', '8000000000000001', '-9223372036854775807'],
  ['uint64', '0020000000000001', '9007199254740993'],
  ['uint64', 'FFFFFFFFFFFFFFFE', '18446744073709551614'],
  ['uint64', '000000001CB08D2A', 481_332_522],
  ['int8h', 'FE7F', -2],
  ['int8l', 'FE7F', 127],
  ['uint8h', 'FE7F', 254],
  ['uint8l', 'FE7F', 127],
  ['float16', '3C01', 1.0009765625],
  ['float32', '42F6E979', 123.45600128173828],
  ['float64', '405EDD2F1A9FBE77', 123.456],
  ['bool', '0100', true],
  ['bit', '0400', true, { bit: 10 }],
  ['bits', '12345678', 0x456, { length: 2, bit: 8, width: 12 }],
  ['flags', '0005', 'low, high', { names: { 0: 'low', 1: 'off', 2: 'high' } }],
  ['enum', '0102', 'running', { names: { 258: 'running' } }],
  ['bcd', '1234567890123456', 1_234_567_890_123_456, { length: 4 }],
  ['string', '4E6976757321', 'Nivus!', { length: 3 }],
  ['datetime', '65B9A0C0', '2024-01-31T01:22:08.000Z', { length: 2, format: 'unix' }],
];
/** The wire's bytes of a value by the letters of its order: A is the most significant byte of a document. */
function onWire(bytes: string, order: WordOrder, type: FieldType): string {
  const each = bytes.match(/../g) ?? [];
  const words = each.length / 2;
  // Texts keep their words in reading order; only the bytes in them may be swapped.
  if (type === 'string') return order[0] === 'A' || order === 'CDAB' ? bytes : swapped(each);
  if (words === 3) return bytes;
  const long = Object.keys(longOrders).find(name => longOrders[name] === order) ?? '';
  const letters = words === 1 ? (order === 'ABCD' || order === 'CDAB' ? 'AB' : 'BA') : words === 2 ? order : long;
  return [...letters].map(letter => each[letter.charCodeAt(0) - 65]).join('');
}
const swapped = (each: string[]) => each.map((_, at) => each[at ^ 1]).join('');

const bases: [base: 0 | 1 | '4xxxx', first: number][] = [
  [0, 100],
  [1, 101],
  ['4xxxx', 40_101],
  ['4xxxx', 400_101],
  ['4xxxx', 30_101],
];

describe('every type', () => {
  it('has a case', () =>
    assert.deepEqual(new Set(cases.map(([type]) => type)), new Set(Object.keys(fieldTypes) as FieldType[])));

  for (const order of wordOrders)
    for (const [base, first] of bases)
      it(`in order ${order}, addresses from ${first} counted by ${base}`, async () => {
        const words = new Map<number, number>();
        let at = 100;
        const registers = cases.map(([type, bytes, , more], n) => {
          const wire = Buffer.from(onWire(bytes, order, type), 'hex');
          const address = at - 100 + first;
          for (let word = 0; word < wire.length; word += 2) words.set(at++, wire.readUInt16BE(word));
          return { metric: `m${n}`, address, type, order, ...more };
        });
        const table = base === '4xxxx' ? {} : { table: 'holding' };
        const map = parseMap(JSON.stringify({ name: 't', base, ...table, registers }), 't.json');
        const asked = new Set<string>();
        const reader = registerReader({
          bus: {
            async read({ table: kind, address, count }) {
              asked.add(kind);
              const data = Buffer.alloc(2 * count);
              for (let word = 0; word < count; word++) data.writeUInt16BE(words.get(address + word) ?? 0, 2 * word);
              return data;
            },
          },
          unit: 1,
          fields: map.fields,
          limits,
          timing: systemTiming,
        });
        const { telemetry, quality } = await reader.poll();
        assert.deepEqual(quality, {});
        assert.deepEqual([...asked], [first === 30_101 ? 'input' : 'holding']);
        const wanted = Object.fromEntries(cases.map(([, , value], n) => [`m${n}`, value]));
        assert.deepEqual(telemetry, wanted);
        assert.deepEqual(JSON.parse(JSON.stringify(telemetry)), wanted, 'through JSON');
      });
});
