// Registers as a table of text: pasted from a sheet, read from a file, or written to one; lines that cannot be read are reported.
import { expected } from '../../kernel/fault.ts';
import { type AddressBase, addressBases, protocolAddress, referenceOf } from '../address.ts';
import { type Table, tables as tableNames } from '../link.ts';
import { registerKeys } from '../register.ts';
import { asNumber, asObject, MOST_ROWS, registerFault } from './imported.ts';

/** A register as the map has it, before it is checked: addresses as the table writes them. */
export type CsvRow = Record<string, unknown>;
export type CsvTable = { rows: CsvRow[]; problems: { line: number; says: string }[] };

/** What headings may be called, in lower case with underscores between their words. */
const columns: Readonly<Record<string, string>> = {
  ...Object.fromEntries(registerKeys.map(key => [key.toLowerCase(), key])),
  ...{ name: 'metric', tag: 'metric', register: 'address', addr: 'address', datatype: 'type', data_type: 'type' },
  ...{ byte_order: 'order', word_order: 'order', byteorder: 'order', wordorder: 'order', factor: 'scale' },
  ...{ function: 'table', function_code: 'table', period: 'every', registers: 'length', count: 'length' },
  ...{ unit_of_measure: 'unit', units: 'unit', description: 'note', comment: 'note', remark: 'note' },
};
function columnOf(heading: string): string | undefined {
  const words = heading
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, '_');
  return Object.hasOwn(columns, words) ? columns[words] : undefined;
}
/** What documents call the types; a word, or a number of no told size, may be anything. */
const types: Readonly<Record<string, string>> = {
  ...{ u16: 'uint16', u32: 'uint32', u64: 'uint64', s16: 'int16', s32: 'int32', s64: 'int64' },
  ...{ i16: 'int16', i32: 'int32', i64: 'int64', f32: 'float32', f64: 'float64' },
  ...{ float: 'float32', real: 'float32', double: 'float64', boolean: 'bool', utf8: 'string', ascii: 'string' },
};
const numeric = new Set(['length', 'bit', 'width', 'scale', 'offset', 'min', 'max', 'every', 'occurrence']);
/** How a table says that its addresses are counted. */
const BASE = /^\uFEFF?#\s*base\s+(0|1|4xxxx)\s*$/m;
/** Lines that a quoted cell may go over. */
const LONGEST_CELL = 20;
/** Nobody reads more of them, and each has cost its check. */
const MOST_PROBLEMS = 500;
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

/**
 * Commas, semicolons or tabs; quoted cells; a heading in the first line or the usual order of columns. `base` is how the
 * map at hand counts; a table that says how it counts itself (`# base 1`, as ours do) is brought to that.
 */
export function fromCsv(text: string, base: AddressBase = 0): CsvTable {
  const told = BASE.exec(text)?.[1];
  const own = addressBases.find(one => String(one) === told) ?? base;
  const problems: CsvTable['problems'] = [];
  const rows: CsvRow[] = [];
  let headings: (string | undefined)[] = usual;
  const seen = new Set<string>();
  for (const [at, { cells, number }] of recordsOf(text.replace(/^\uFEFF/, ''), problems).entries()) {
    if (at === 0 && cells.some(cell => columnOf(cell) === 'address')) {
      headings = cells.map(columnOf);
      for (const [n, cell] of cells.entries())
        if (headings[n] === undefined && cell.trim() !== '')
          problems.push({ line: number, says: `column ${cell.trim()} is not known` });
      continue;
    }
    const full =
      rows.length >= MOST_ROWS
        ? `more than ${MOST_ROWS} registers`
        : problems.length >= MOST_PROBLEMS
          ? `more than ${MOST_PROBLEMS} lines that cannot be read`
          : undefined;
    if (full !== undefined) {
      problems.push({ line: number, says: full });
      break;
    }
    const row = rowOf(cells, headings);
    const wrong =
      registerFault(row, own) ??
      (seen.has(String(row['metric'])) ? expected('metric', 'a name of its own', row['metric']) : undefined);
    if (wrong === undefined) {
      seen.add(String(row['metric']));
      rows.push(rebased(row, own, base));
    } else problems.push({ line: number, says: wrong });
  }
  return { rows, problems: problems.toSorted((a, b) => a.line - b.line) };
}

/** The same registers, counted as the map does. */
function rebased(row: CsvRow, from: AddressBase, to: AddressBase): CsvRow {
  if (from === to) return row;
  const named = tableNames.find(one => one === row['table']);
  const table: Table | undefined = named ?? (from === '4xxxx' ? undefined : 'holding');
  const written = (key: string) => {
    const place = protocolAddress(String(row[key]), from, table);
    if ('expected' in place) return {};
    const address = to === '4xxxx' ? referenceOf(place.table, place.address) : place.address + to;
    return { [key]: address, table: place.table };
  };
  return { ...row, ...written('scaleFactor'), ...written('address') };
}

function rowOf(cells: readonly string[], headings: readonly (string | undefined)[]): CsvRow {
  const row: CsvRow = {};
  for (const [at, cell] of cells.entries()) {
    const key = headings[at];
    const value = cell.trim();
    if (key === undefined || value === '') continue;
    if (key === 'address' || key === 'scaleFactor') row[key] = addressOf(value);
    else if (numeric.has(key)) row[key] = asNumber(value.replace(/^(-?\d+),(\d+)$/, '$1.$2')) ?? value;
    else if (key === 'names' || key === 'model' || key === 'notImplemented') row[key] = jsonOr(value);
    else if (key === 'table') row[key] = tables[value.toLowerCase()] ?? value.toLowerCase();
    else if (key === 'type') row[key] = types[value.toLowerCase()] ?? value.toLowerCase();
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

/** `0x1F4` and `1F4h` are hex; the rest is left to the map. */
function addressOf(written: string): number | string {
  const hex = /^(?:0x([0-9a-f]{1,5})|([0-9a-f]{1,5})h)$/i.exec(written);
  return hex === null ? written : Number.parseInt(hex[1] ?? hex[2] ?? '', 16);
}

/** Cells of the lines with something on them. A quoted cell may go over lines; where its quote is never closed, its line is left out alone. */
function recordsOf(text: string, problems: CsvTable['problems']): { cells: string[]; number: number }[] {
  const lines = text.split(/\r\n|\n|\r/);
  // Sheets of some countries tell their separator in a line of its own.
  const told = /^"?sep=(.)"?$/i.exec(lines[0] ?? '')?.[1];
  const separator = told ?? separatorOf(lines.find(line => line.trim() !== '') ?? '');
  const records: { cells: string[]; number: number }[] = [];
  for (let at = told === undefined ? 0 : 1; at < lines.length && problems.length < MOST_PROBLEMS; at++) {
    const number = at + 1;
    const line = lines[at] ?? '';
    if (line.trim() === '' || line.startsWith('#')) continue;
    let read = cellsOf(line, separator);
    let last = at;
    while (read.open && last + 1 < lines.length && last - at < LONGEST_CELL)
      read = cellsOf(lines[++last] ?? '', separator, read.cells);
    if (read.open) problems.push({ line: number, says: 'a quote is not closed' });
    else {
      records.push({ cells: read.cells, number });
      at = last;
    }
  }
  return records;
}

/** The one that the first line has most of. */
function separatorOf(line: string): string {
  const count = (one: string) => line.split(one).length;
  return [',', ';', '\t'].toSorted((a, b) => count(b) - count(a))[0] ?? ',';
}

/** A quote opens a cell only where the cell begins; `open`: the last one is not closed, and the next line goes on in it. */
function cellsOf(line: string, separator: string, begun?: readonly string[]): { cells: string[]; open: boolean } {
  const cells = begun?.slice(0, -1) ?? [];
  let cell = begun === undefined ? '' : `${begun.at(-1)}\n`;
  let open = begun !== undefined;
  for (let at = 0; at < line.length; at++) {
    const character = line[at];
    if (open && character === '"' && line[at + 1] === '"') {
      cell += '"';
      at++;
    } else if (open && character === '"') open = false;
    else if (!open && character === '"' && cell.trim() === '') {
      open = true;
      cell = '';
    } else if (!open && character === separator) {
      cells.push(cell);
      cell = '';
    } else cell += character;
  }
  return { cells: [...cells, cell], open };
}

/** The registers of a map, with what the map says for all of them, so that they mean the same in another one. */
export function toCsv(map: CsvRow): string {
  const rows = (Array.isArray(map['registers']) ? map['registers'] : []).map((one: unknown): CsvRow => {
    const row = asObject(one);
    const { span, digits } = asObject(row['scale']);
    const parameter = asObject(map['parameters'])[String(span)];
    const full = asNumber(asObject(parameter)['value'] ?? parameter);
    return {
      ...(map['base'] !== '4xxxx' && map['table'] !== undefined && { table: map['table'] }),
      order: map['order'] ?? 'ABCD',
      ...row,
      ...(full !== undefined && { scale: full / (asNumber(digits) ?? 1) }),
    };
  });
  const base = map['sunspec'] === true ? '' : `# base ${map['base'] ?? 0}\n`;
  return base + linesOf(rows);
}

/** A heading and a line for each register, with the columns that any of them has. */
function linesOf(rows: readonly CsvRow[]): string {
  const used = registerKeys.filter(key => rows.some(row => row[key] !== undefined));
  const quote = (value: unknown) => {
    const text = value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
    return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [used.join(','), ...rows.map(row => used.map(key => quote(row[key])).join(','))].join('\n').concat('\n');
}
