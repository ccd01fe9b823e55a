// CSV: who gets it, and what a spreadsheet makes of each value.
import assert from 'node:assert/strict';
import { csvOf, wantsCsv } from './csv.ts';

describe('CSV', () => {
  const accepts: [accept: string | undefined, csv: boolean][] = [
    [undefined, false],
    ['*/*', false],
    ['application/json', false],
    ['text/csv', true],
    ['TEXT/CSV; charset=utf-8', true],
    ['text/csv, application/json', true],
    ['application/json, text/csv', false],
    ['text/csv;q=0.5, application/json', false],
    ['application/json;q=0.5, text/csv;q=0.9', true],
    ['text/csv;q=0.9, */*;q=0.1', true],
    ['text/csv;q=0.5, */*', false],
    ['text/csv;q=0', false],
    ['text/csv;q=many', false],
    ['text/csv-schema', false],
    ['text/html,application/xhtml+xml,*/*;q=0.8', false],
    [',,;;', false],
  ];
  for (const [accept, csv] of accepts)
    it(`${csv ? 'goes to' : 'does not go to'} who accepts ${accept}`, () =>
      assert.equal(wantsCsv(accept === undefined ? {} : { accept }), csv));

  const cells: [value: unknown, cell: string][] = [
    [null, ''],
    [undefined, ''],
    ['', ''],
    [0, '0'],
    [-1.5, '-1.5'],
    [1e21, '1e+21'],
    [Number.NaN, ''],
    [Number.POSITIVE_INFINITY, ''],
    [false, 'false'],
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "a"', '"say ""a"""'],
    ['two\nlines', '"two\nlines"'],
    ['ré\u{1f600}\u202e', 'ré\u{1f600}\u202e'],
    ['=1+1', "'=1+1"],
    ['=HYPERLINK("x","y")', `"'=HYPERLINK(""x"",""y"")"`],
    ['+49', "'+49"],
    ['-1', "'-1"],
    ['@SUM(1)', "'@SUM(1)"],
    ['\t=1', "'\t=1"],
    ['\r=1', `"'\r=1"`],
    ['\n=1', `"'\n=1"`],
    ['＝1+1', "'＝1+1"],
    [{ a: [1, 'b,"'] }, '"{""a"":[1,""b,\\""""]}"'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
  ];
  for (const [value, cell] of cells)
    it(`writes ${JSON.stringify(value)} as ${JSON.stringify(cell)}`, () =>
      assert.equal(csvOf(['x', 'y'], [{ x: value, y: 1 }]), `x,y\r\n${cell},1\r\n`));

  it('keeps names harmless too', () => assert.equal(csvOf(['=a', 'b,c'], []), `'=a,"b,c"\r\n`));
});
