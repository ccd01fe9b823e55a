// Registers as tables of text: any heading, separator and number format, and a report of the lines that cannot be read.
import assert from 'node:assert/strict';
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

  it('writes what it reads', () => {
    const rows = [
      { metric: 'a', address: 1, type: 'enum', names: { 1: 'on', 2: 'off, "really"' }, table: 'input' },
      { metric: 'b', address: 2, type: 'int16', scale: 0.1, unit: 'l/s' },
    ];
    const back = fromCsv(toCsv(rows)).rows;
    assert.deepEqual(
      back.map(row => ({ ...row, address: Number(row['address']) })),
      rows,
    );
  });
});
