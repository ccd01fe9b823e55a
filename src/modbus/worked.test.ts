// What documents print, and what others have read from devices, comes out of the shipped maps byte for byte.
import assert from 'node:assert/strict';
import { workedFaults } from './example.ts';
import { parseMap } from './map.ts';
import { findMap, mapNames, shippedFolder } from './maps.ts';
import { rtuFrame } from './rtu-frame.ts';

const shipped = mapNames(shippedFolder).map(name => findMap(name, undefined));

describe('worked examples of shipped maps', () => {
  for (const map of shipped)
    if (map.worked.length > 0)
      it(`${map.name}: ${map.worked.map(({ from }) => from).join('; ')}`, () =>
        assert.deepEqual(workedFaults(map), []));

  it('are those of the document itself for eight common meters and inverters at least', () => {
    const printed = shipped.filter(({ worked }) => worked.some(({ of }) => of === 'document'));
    assert.ok(printed.length >= 8, printed.map(({ name }) => name).join());
  });

  it('are there, or the map says that the document prints none', () => {
    const silent = shipped.filter(({ worked }) => worked.length === 0);
    for (const { name, example } of silent) assert.match(example?.from ?? '', /print/, name);
  });
});

describe('a worked example', () => {
  const frame = (pdu: string) => rtuFrame({ unit: 1, pdu: Buffer.from(pdu, 'hex') }).toString('hex');
  const request = frame('0300000001');
  const answer = frame('03020019');
  const faults = (one: object): string[] => {
    const registers = [{ metric: 'a', address: 0, type: 'int16', scale: 0.1 }];
    const worked = [{ from: 'a document', of: 'document', ...one }];
    return workedFaults(parseMap(JSON.stringify({ name: 'm', table: 'holding', registers, worked }), 'm.json'));
  };

  it('is read as from a serial line or a TCP connection', () => {
    assert.deepEqual(faults({ request, answer, gives: { a: 2.5 } }), []);
    const tcp = { request: '0001 0000 0006 01 03 0000 0001', answer: '0001 0000 0005 01 03 02 0019' };
    assert.deepEqual(faults({ ...tcp, gives: { a: 2.5 } }), []);
  });

  it('may be rounded', () => assert.deepEqual(faults({ registers: { 0: [26] }, gives: { a: 3 } }), []));

  const wrong: [what: string, one: object, fault: RegExp][] = [
    ['another value', { request, answer, gives: { a: 2.4 } }, /^worked 1: worked, a: expected 2.4, got 2.5$/],
    ['a value that is not printed', { request, answer, gives: {} }, /a: expected undefined, got 2.5/],
    [
      'a wrong checksum',
      { request, answer: `${answer.slice(0, -2)}00`, gives: { a: 2.5 } },
      /frame: expected one with/,
    ],
    ['another table', { request: frame('0400000001'), answer, gives: { a: 2.5 } }, /expected function 4, got 3/],
    ['an answer that is too long', { request, answer: frame('030400190000'), gives: {} }, /byte count of 2, got 4/],
    ['an exception', { request, answer: frame('8302'), gives: {} }, /exception 02 illegal data address/],
    ['a write', { request: frame('0600000001'), answer, gives: {} }, /request: expected one that reads/],
    ['other registers', { registers: { 1: [25] }, gives: { a: 2.5 } }, /a metric whose registers are given/],
  ];
  for (const [what, one, fault] of wrong) it(`tells ${what}`, () => assert.match(faults(one)[0] ?? '', fault));
});
