// Registers as tables of text: any heading, separator and number format, and a report of the lines that cannot be read.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { addressBases } from '../address.ts';
import { parseMap } from '../map.ts';
import { findMap, mapNames, shippedFolder } from '../maps.ts';
import { fromCsv, toCsv } from './csv.ts';

describe('registers as CSV', () => {
  it('reads pasted tables with any heading and separator, and reports the lines it cannot read', () => {
    const table = fromCsv(
      'Name;Address;Data_Type;Byte_Order;Factor;Unit;Colour\n' +
        'power;100;FLOAT32;cdab;;W;red\n' +
        'temp;0x66;int16;;0,1;"°C; outside";\n' +
        '\n# a comment\n' +
        'bad;70000;int16;;;;\n' +
        'power;1;int16;;;;\n' +
        'odd;1;word;;;;\n',
    );
    assert.deepEqual(table.rows, [
      { metric: 'power', address: '100', type: 'float32', order: 'CDAB', unit: 'W' },
      { metric: 'temp', address: 102, type: 'int16', scale: 0.1, unit: '°C; outside' },
    ]);
    assert.deepEqual(
      table.problems.map(({ line, says }) => `${line} ${says.slice(0, 44)}`),
      [
        '1 column Colour is not known',
        '6 address: expected a number from 0 to 65535, ',
        '7 metric: expected a name of its own, got "pow',
        '8 type: expected one of int16, uint16, int32, ',
      ],
    );
  });

  it('takes a table without a heading in the usual order, also with tabs', () =>
    assert.deepEqual(fromCsv('a\t40001\tuint16\tABCD\t0.5\n', '4xxxx').rows, [
      { metric: 'a', address: '40001', type: 'uint16', order: 'ABCD', scale: 0.5 },
    ]));

  const types = (text: string) => fromCsv(text).rows.map(({ type }) => type);
  it('knows the headings and types of makers’ lists', () => {
    assert.deepEqual(
      types('Name,Address,Data Type\na,1,U16\nb,2,S32\nc,4,I64\nd,8,REAL\ne,10,Double\nf,14,F32\ng,16,Boolean\n'),
      ['uint16', 'int32', 'int64', 'float32', 'float64', 'float32', 'bool'],
    );
    assert.match(fromCsv('metric,address,type\na,1,WORD\n').problems[0]?.says ?? '', /^type: .*got "word"/);
  });

  it('reads sheets that tell their separator, with a byte order mark', () =>
    assert.deepEqual(fromCsv('\uFEFFsep=;\r\nName;Register;Type;Scale\r\na;1F4h;int16;0,1\r\n').rows, [
      { metric: 'a', address: 500, type: 'int16', scale: 0.1 },
    ]));

  it('stops where too many lines cannot be read', () => {
    for (const line of ['a,x', '"a']) {
      const { rows, problems } = fromCsv(`metric,address\n${`${line}\n`.repeat(3000)}`);
      assert.deepEqual([rows.length, problems.length <= 501], [0, true], line);
    }
    const { problems } = fromCsv(`metric,address\n${'a,x\n'.repeat(501)}`);
    assert.deepEqual(problems.at(-1), { line: 502, says: 'more than 500 lines that cannot be read' });
  });

  it('a quote within a cell is a quote, one that is never closed costs its own line', () => {
    const heading = 'metric,address,type,unit,note\n';
    const quotes = 'a,1,int16,5" pipe,\nb,2,int16,"1 ""x""","two\nlines"\nc,3,int16,V,\n';
    assert.deepEqual(
      fromCsv(heading + quotes).rows.map(({ metric, unit, note }) => [metric, unit, note]),
      [
        ['a', '5" pipe', undefined],
        ['b', '1 "x"', 'two\nlines'],
        ['c', 'V', undefined],
      ],
    );
    const table = fromCsv(`${heading}a,1,int16,"5 pipe,\nb,2,int16,V,\nc,3,int16,V,\n`);
    assert.deepEqual(
      table.rows.map(({ metric }) => metric),
      ['b', 'c'],
    );
    assert.deepEqual(table.problems, [{ line: 2, says: 'a quote is not closed' }]);
  });

  it('reports cells that are missing, numbers that are none, and names that no object may have', () => {
    const lines = 'a,1\n,2,int16\nc,,int16\nd,4,int16,1.5\n__proto__,5,int16\ne,6,int16,1.234.5\n';
    assert.deepEqual(
      fromCsv(`metric,address,type,scale\n${lines}`).problems.map(({ line, says }) => `${line} ${says.split(':')[0]}`),
      ['2 type', '3 metric', '4 address', '6 metric', '7 scale'],
    );
  });

  it('writes what it reads', () => {
    const registers = [
      { metric: 'a', address: 1, type: 'enum', order: 'ABCD', names: { 1: 'on', 2: 'off, "really"' }, table: 'input' },
      { metric: 'b', address: 2, type: 'int16', order: 'CDAB', scale: 0.1, unit: 'l/s', table: 'holding' },
    ];
    const back = fromCsv(toCsv({ registers })).rows;
    assert.deepEqual(
      back.map(row => ({ ...row, address: Number(row['address']) })),
      registers,
    );
  });

  it('writes what the map says for all registers, so that they mean the same in a map that says something else', () => {
    for (const name of mapNames(shippedFolder).filter(one => !findMap(one, undefined).sunspec)) {
      const text = readFileSync(path.join(shippedFolder, `${name}.json`), 'utf8');
      for (const base of addressBases) {
        const { rows, problems } = fromCsv(toCsv(JSON.parse(text)), base);
        assert.deepEqual(problems, [], name);
        const table = base === '4xxxx' ? {} : { table: 'coil' };
        const map = parseMap(JSON.stringify({ name, base, ...table, order: 'DCBA', registers: rows }), name);
        assert.deepEqual(map.fields, findMap(name, undefined).fields, `${name} by ${base}`);
      }
    }
  });
});
