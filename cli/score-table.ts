// Table of values as instruments and spreadsheets write it: what stands between cells, which columns count, how numbers and times are written.
import { NUMERIC } from '../src/reading/payload.ts';
import { isoTime } from '../src/reading/time.ts';
import { linesOf } from './io.ts';

const DELIMITERS = [',', ';', '\t', '|'];
const TIMES = ['timestamp', 'time', 'datetime', 'date', 'ts'];
/** As in what Fieldline exports. */
const SERIES = ['device_id', 'metric'];

export type Table = {
  readonly delimiter: string;
  /** Places of the two columns, and how many there are. */
  readonly time: number;
  readonly value: number;
  readonly width: number;
  /** Of the columns that tell which series a row is of. */
  readonly by: readonly number[];
  /** Of the column that tells the metric, where that is one of these. */
  readonly metric?: number | undefined;
  /** The names of the columns, where the first row tells them. */
  readonly names?: readonly string[];
  /** Of a column that counts, where another one is called the same. */
  readonly twice?: string | undefined;
};

/** Columns by name, where they are not called timestamp and value; `by`: those that tell the series, apart by commas. */
export type Wanted = { readonly [Column in 'time' | 'value' | 'by']?: string | undefined };

/** From the first row: a header that names the columns, or a row of data of a time and one value. Undefined for anything else. */
export function tableOf(row: string, wanted: Wanted): Table | undefined {
  const isNamed = Object.values(wanted).some(name => name !== undefined);
  const tables = DELIMITERS.map(
    delimiter => headed(row, delimiter, wanted) ?? (isNamed ? undefined : headless(row, delimiter)),
  );
  return tables.find(table => table !== undefined);
}

function headed(row: string, delimiter: string, wanted: Wanted): Table | undefined {
  const cells = cellsOf(row, delimiter);
  const names = cells.map(cell => cell.trim());
  const lower = names.map(name => name.toLowerCase());
  const placeOf = (name: string) => lower.indexOf(name.trim().toLowerCase());
  const time = wanted.time === undefined ? (TIMES.map(placeOf).find(place => place >= 0) ?? -1) : placeOf(wanted.time);
  const named = placeOf(wanted.value ?? 'value');
  // Of two columns it can only be the other one, unless its name is a number: then this is no header.
  const other =
    wanted.value === undefined && cells.length === 2 && Number.isNaN(Number(names[1 - time])) ? 1 - time : -1;
  const value = named >= 0 ? named : other;
  const by = wanted.by?.split(',').map(placeOf) ?? SERIES.map(placeOf).filter(place => place >= 0);
  if (time < 0 || value < 0 || time === value || by.includes(-1)) return undefined;
  const metric = by.find(place => lower[place] === 'metric');
  const isCounted = (place: number) => [time, value, ...by].includes(place);
  const twice = names.find(
    (_, place) => lower.indexOf(lower[place]!) !== place && isCounted(lower.indexOf(lower[place]!)),
  );
  return { delimiter, time, value, width: cells.length, by, metric, names, twice };
}

function headless(row: string, delimiter: string): Table | undefined {
  const cells = cellsOf(row, delimiter);
  const isData = cells.length === 2 && timeOfCell(cells[0]) !== undefined;
  return isData ? { delimiter, time: 0, value: 1, width: 2, by: [] } : undefined;
}

/** With a decimal comma, thousands apart by points or blanks. */
const COMMA = /^[+-]?(?:\d{1,3}(?:[.\s]\d{3})+|\d*),\d+(?:e[+-]?\d+)?$/i;

/** Whether a cell is a number with a decimal comma, which it can only be where commas do not stand between cells. */
export const hasComma = (cell: string | undefined, { delimiter }: Table): boolean =>
  delimiter !== ',' && COMMA.test(cell?.trim() ?? '');

/** A number too large for a double is the largest one: it is a number all the same. Undefined when it is none. */
export function valueOfCell(cell: string | undefined, table: Table): number | undefined {
  const given = cell?.trim() ?? '';
  const text = hasComma(given, table) ? given.replace(/[.\s]/g, '').replace(',', '.') : given;
  if (!NUMERIC.test(text)) return undefined;
  return Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, Number(text)));
}

/** With morning and afternoon; the month comes first there. */
const TWELVE_HOURS = /^(?:(\d\d?)\/(\d\d?)\/(\d{4})|(\S+)) (0?[1-9]|1[0-2])(:\d\d(?::\d\d(?:\.\d+)?)?) ?([ap])m$/i;

/** The same of 24 hours, the year first. */
const of24Hours = (text: string): string =>
  text.replace(TWELVE_HOURS, (_, month, day, year, date, hour, rest, half) => {
    const from0 = (Number(hour) % 12) + (half.toLowerCase() === 'p' ? 12 : 0);
    const two = (one: string | number) => String(one).padStart(2, '0');
    return `${date ?? `${year}-${two(month)}-${two(day)}`} ${two(from0)}${rest}`;
  });

/** Milliseconds since the epoch. ISO 8601, also a date alone or without seconds; 31.12.2026 23:59; 2026/12/31 9:05; 12/31/2026 9:05 PM; seconds, ms, µs or ns since the epoch. Without zone: UTC. */
export function timeOfCell(cell: string | undefined): number | undefined {
  const text = of24Hours((cell ?? '').trim())
    .replace(
      /^(\d\d?)\.(\d\d?)\.(\d{4})/,
      (_, day, month, year) => `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`,
    )
    .replace(/^(\d{4})\/(\d\d)\/(\d\d)(?!\d)/, '$1-$2-$3')
    .replace(/^(\d{4}-\d\d-\d\d[T ])(\d:)/, '$10$2')
    .replace(/ (?:UTC|GMT)$/i, 'Z')
    .replace(/^(\d{4}-\d\d-\d\d)$/, '$1T00:00:00')
    .replace(/^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d)(?![:\d])/, '$1:00');
  const iso = isoTime(text);
  return iso === undefined ? undefined : Date.parse(iso);
}

/** Cells of one row, without their quotes (RFC 4180). */
export function cellsOf(row: string, delimiter: string): string[] {
  if (!row.includes('"')) return row.split(delimiter);
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < row.length; at++) {
    const char = row[at] as string;
    if (char === '"' && quoted && row[at + 1] === '"') cell += row[++at];
    else if (char === '"') quoted = !quoted;
    else if (char === delimiter && !quoted) {
      cells.push(cell);
      cell = '';
    } else cell += char;
  }
  return [...cells, cell];
}

/** A text as one cell. */
export const cellOf = (text: string, delimiter: string): string =>
  text.includes(delimiter) || /["\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

// A quote that is never closed must not gather the whole input.
const LONGEST_ROW = 65_536;

/** `line`: in which it begins, counted from 1. */
export type Row = { readonly line: number; readonly text: string };

/** Rows without their line ending. A line break inside quotes belongs to its row. */
export async function* rowsOf(stream: NodeJS.ReadableStream): AsyncGenerator<Row> {
  let row: string | undefined;
  let quoted = false;
  let [line, began] = [0, 1];
  for await (const lines of linesOf(stream))
    for (const { text } of lines) {
      line++;
      if (row === undefined) began = line;
      row = row === undefined ? text : `${row}\n${text}`;
      if (text.includes('"') && text.split('"').length % 2 === 0) quoted = !quoted;
      if (quoted && row.length < LONGEST_ROW) continue;
      yield { line: began, text: row };
      row = undefined;
      quoted = false;
    }
  if (row !== undefined) yield { line: began, text: row };
}
