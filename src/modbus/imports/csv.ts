// Registers as a table of text: pasted from a sheet, read from a file, or written to one; lines that cannot be read are reported.
import { expected } from '../../kernel/fault.ts';
import type { AddressBase } from '../address.ts';
import { parseMap } from '../map.ts';
import { registerKeys } from '../register.ts';
import { asNumber, MOST_ROWS } from './imported.ts';

/** A register as the map has it, before it is checked: addresses as the table writes them. */
export type CsvRow = Record<string, unknown>;
export type CsvTable = { rows: CsvRow[]; problems: { line: number; says: string }[] };

/** What headings may be called. */
const columns: Readonly<Record<string, string>> = {
  ...Object.fromEntries(registerKeys.map(key => [key.toLowerCase(), key])),
  ...{ name: 'metric', tag: 'metric', register: 'address', addr: 'address', datatype: 'type', data_type: 'type' },
  ...{
    byte_order: 'order',
    word_order: 'order',
    byteorder: 'order',
    factor: 'scale',
    function: 'table',
    period: 'every',
  },
  ...{ 'unit of measure': 'unit', units: 'unit', 'unit-of-measure': 'unit', registers: 'length', count: 'length' },
};
const numeric = new Set(['length', 'bit', 'width', 'scale', 'offset', 'min', 'max', 'every', 'occurrence']);
/** Without a heading. */
const usual = ['metric', 'address', 'type', 'order', 'scale', 'offset', 'unit', 'table'];
const tables: Readonly<Record<string, string>> = {
  ...{ '1': 'coil', '2': 'discrete', '3': 'holding', '4': 'input' },
  ...{
    coils: 'coil',
    'discrete input': 'discrete',
    discrete_input: 'discrete',
    'holding register': 'holding',
    'input register': 'input',
  },
};

/** Commas, semicolons or tabs; quoted cells; a heading in the first line or the usual order of columns. */
export function fromCsv(text: string, base: AddressBase = 0): CsvTable {
  const lines = linesOf(text.replace(/^\uFEFF/, ''));
  const separator = separatorOf(lines[0]?.text ?? '');
  const problems: CsvTable['problems'] = [];
  const rows: CsvRow[] = [];
  let headings: (string | undefined)[] = usual;
  const seen = new Set<string>();
  for (const [at, { text: line, number }] of lines.entries()) {
    const cells = cellsOf(line, separator);
    if (at === 0 && cells.some(cell => columns[cell.trim().toLowerCase()] === 'address')) {
      headings = cells.map(cell => columns[cell.trim().toLowerCase()]);
      for (const [n, cell] of cells.entries())
        if (headings[n] === undefined && cell.trim() !== '')
          problems.push({ line: number, says: `column ${cell.trim()} is not known` });
      continue;
    }
    if (rows.length >= MOST_ROWS) {
      problems.push({ line: number, says: `more than ${MOST_ROWS} registers` });
      break;
    }
    const row = rowOf(cells, headings);
    const wrong =
      faultOf(row, base) ??
      (seen.has(String(row['metric'])) ? expected('metric', 'a name of its own', row['metric']) : undefined);
    if (wrong === undefined) {
      seen.add(String(row['metric']));
      rows.push(row);
    } else problems.push({ line: number, says: wrong });
  }
  return { rows, problems };
}

/** What a map with this register alone would be refused for. */
function faultOf(row: CsvRow, base: AddressBase): string | undefined {
  try {
    const needsTable = base !== '4xxxx' && row['table'] === undefined;
    parseMap(JSON.stringify({ name: 'csv', base, ...(needsTable && { table: 'holding' }), registers: [row] }), 'csv');
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^csv, register 1(?: \([^)]*\))?, /, '');
  }
}

function rowOf(cells: readonly string[], headings: readonly (string | undefined)[]): CsvRow {
  const row: CsvRow = {};
  for (const [at, cell] of cells.entries()) {
    const key = headings[at];
    const value = cell.trim();
    if (key === undefined || value === '') continue;
    if (key === 'address' || key === 'scaleFactor') row[key] = /^0x[0-9a-f]+$/i.test(value) ? Number(value) : value;
    else if (numeric.has(key)) row[key] = asNumber(value.replace(/^(-?\d+),(\d+)$/, '$1.$2')) ?? value;
    else if (key === 'names' || key === 'model' || key === 'notImplemented') row[key] = jsonOr(value);
    else if (key === 'type' || key === 'table') row[key] = tables[value.toLowerCase()] ?? value.toLowerCase();
    else row[key] = key === 'order' ? value.toUpperCase() : value;
  }
  return row;
}

function jsonOr(value: string): unknown {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'number' ? value : parsed;
  } catch {
    return value;
  }
}

/** Lines with something on them; a quoted cell may have line ends. */
function linesOf(text: string): { text: string; number: number }[] {
  const lines: { text: string; number: number }[] = [];
  let open = '';
  let first = 1;
  for (const [at, line] of text.split(/\r\n|\n|\r/).entries()) {
    if (open === '') first = at + 1;
    const whole = open === '' ? line : `${open}\n${line}`;
    open = (whole.match(/"/g)?.length ?? 0) % 2 === 1 ? whole : '';
    if (open === '' && whole.trim() !== '' && !whole.startsWith('#')) lines.push({ text: whole, number: first });
  }
  if (open !== '') lines.push({ text: open, number: first });
  return lines;
}

/** The one that the first line has most of. */
function separatorOf(line: string): string {
  const count = (one: string) => line.split(one).length;
  return [',', ';', '\t'].toSorted((a, b) => count(b) - count(a))[0] ?? ',';
}

function cellsOf(line: string, separator: string): string[] {
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < line.length; at++) {
    const character = line[at];
    if (quoted && character === '"' && line[at + 1] === '"') {
      cell += '"';
      at++;
    } else if (character === '"' && (quoted || cell.trim() === '')) {
      quoted = !quoted;
      if (quoted) cell = '';
    } else if (!quoted && character === separator) {
      cells.push(cell);
      cell = '';
    } else cell += character;
  }
  return [...cells, cell];
}

/** A heading and a line for each register, with the columns that any of them has. */
export function toCsv(rows: readonly CsvRow[]): string {
  const used = registerKeys.filter(key => rows.some(row => row[key] !== undefined));
  const quote = (value: unknown) => {
    const text = value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
    return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [used.join(','), ...rows.map(row => used.map(key => quote(row[key])).join(','))].join('\n').concat('\n');
}
