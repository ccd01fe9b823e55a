// Table of values as instruments and spreadsheets write it: what stands between cells, which columns count, how numbers and times are written.
import { NUMERIC } from '../src/reading/payload.ts';
import { isoTime } from '../src/reading/time.ts';
import { linesOf } from './io.ts';

const DELIMITERS = [',', ';', '\t', '|'];
const TIMES = ['timestamp', 'time', 'datetime', 'date', 'ts', 'created_at'];
/** As in what Fieldline exports. */
const SERIES = ['device_id', 'metric'];
/** What a laser distance is of, the first that a row tells: as the node judges it, whatever meter measured it. */
const ELEMENTS = ['element_id', 'element_type'];
const SCORE = 'anomaly_score';

export type Table = {
  readonly delimiter: string;
  /** Places of the columns, and how many there are. A time may stand in two: a date and a time of day. */
  readonly time: readonly number[];
  readonly values: readonly number[];
  readonly width: number;
  /** Of the columns that tell which series a row is of. */
  readonly by: readonly number[];
  readonly elements: readonly number[];
  /** Of the column that tells the metric, where that is one of these. */
  readonly metric?: number | undefined;
  /** The names of the columns, where the first row tells them. */
  readonly names?: readonly string[];
  /** Of a column that counts, where another one is called the same. */
  readonly twice?: string | undefined;
  /** A score stands in the file already. */
  readonly hasScore?: boolean;
};

/** Columns by name, several apart by commas, where they are not called timestamp and value; `by`: those that tell the series. */
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
  const placesOf = (some: readonly string[]) => some.map(placeOf).filter(place => place >= 0);
  const time = wanted.time === undefined ? timesOf(lower, placesOf(TIMES)) : wanted.time.split(',').map(placeOf);
  const by = wanted.by?.split(',').map(placeOf) ?? placesOf(SERIES);
  const elements = wanted.by === undefined ? placesOf(ELEMENTS) : [];
  // Where one column is left it can only be that, unless its name is a number: then this is no header.
  const taken = [...time, ...by, ...elements, placeOf(SCORE)];
  const others = names.flatMap((name, place) => (taken.includes(place) || name === '' ? [] : [place]));
  const isOther = wanted.value === undefined && others.length === 1 && Number.isNaN(Number(names[others[0]!]));
  const whole = placeOf(wanted.value ?? 'value');
  const named = whole < 0 && wanted.value !== undefined ? wanted.value.split(',').map(placeOf) : [whole];
  const values = whole < 0 && isOther ? [others[0]!] : named;
  if (time.length === 0 || [...time, ...values, ...by].includes(-1)) return undefined;
  if (values.some((place, at) => time.includes(place) || values.indexOf(place) < at)) return undefined;
  const metric = by.find(place => lower[place] === 'metric');
  const twice = names.find((_, place) => {
    const first = lower.indexOf(lower[place]!);
    return first !== place && [...time, ...values, ...by].includes(first);
  });
  const isDistance = values.every(place => lower[place] === 'value_mm');
  const columns = { time, values, by, elements: isDistance ? elements : [], metric, width: cells.length };
  return { delimiter, ...columns, names, twice, hasScore: lower.includes(SCORE) };
}

/** Of those that may hold a time the first, with the date before it where that is a column of its own. */
function timesOf(names: readonly string[], [first, ...rest]: readonly number[]): number[] {
  if (first === undefined) return [];
  const date = names[first] === 'time' ? rest.find(place => names[place] === 'date') : undefined;
  return date === undefined ? [first] : [date, first];
}

function headless(row: string, delimiter: string): Table | undefined {
  const cells = cellsOf(row, delimiter);
  const isData = cells.length === 2 && timeOfCell(cells[0]) !== undefined;
  return isData ? { delimiter, time: [0], values: [1], width: 2, by: [], elements: [] } : undefined;
}

/** By which series a row is judged. */
export function keyOf(cells: readonly string[], { by, elements }: Table): string {
  const element = elements.map(place => cells[place]).find(cell => cell !== undefined && cell.trim() !== '');
  if (element !== undefined) return JSON.stringify(element);
  return by.length === 0 ? '' : JSON.stringify(by.map(place => cells[place]));
}

/** What a row says of its time, and that in ms. Where a date stands apart, the time of day may hold it all the same. */
export function timeIn(cells: readonly string[], { time }: Table): { readonly said: string; readonly ms?: number } {
  const said = time.map(place => cells[place] ?? '').join(' ');
  const ms = timeOfCell(said) ?? (time.length > 1 ? timeOfCell(cells[time.at(-1)!]) : undefined);
  return ms === undefined ? { said } : { said, ms };
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
  // Between day and time some write a comma, before AM and PM a narrow blank.
  const plain = (cell ?? '').trim().replace(/,?\s+/g, ' ');
  const text = of24Hours(plain)
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

/** Cells of one row, without their quotes (RFC 4180). A quote inside a cell that has begun without one is part of it (5" pipe). */
export function cellsOf(row: string, delimiter: string): string[] {
  if (!row.includes('"')) return row.split(delimiter);
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < row.length; at++) {
    const char = row[at] as string;
    if (char === '"' && quoted && row[at + 1] === '"') cell += row[++at];
    else if (char === '"' && (quoted || cell.trim() === '')) quoted = !quoted;
    else if (char === delimiter && !quoted) {
      cells.push(cell);
      cell = '';
    } else cell += char;
  }
  return [...cells, cell];
}

/** Whether a quoted cell goes on behind this line. */
function endsQuoted(line: string, begins: boolean, delimiters: readonly string[]): boolean {
  let quoted = begins;
  let isBlank = !begins;
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string;
    if (quoted && char !== '"') continue;
    if (quoted && line[at + 1] === '"') at++;
    else if (quoted) quoted = false;
    else if (delimiters.includes(char)) isBlank = true;
    else if (char === '"' && isBlank) [quoted, isBlank] = [true, false];
    else if (char !== ' ') isBlank = false;
  }
  return quoted;
}

/** A text as one cell. */
export const cellOf = (text: string, delimiter: string): string =>
  text.includes(delimiter) || /["\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;

// A quote that is never closed must not gather the whole input.
const LONGEST_ROW = 65_536;

/** `line`: in which it begins, counted from 1. `isCut`: it was longer; `isOpen`: a quote in it is never closed. */
export type Row = { readonly line: number; readonly text: string; readonly isCut: boolean; readonly isOpen: boolean };

/** Rows without their line ending. A line break inside quotes belongs to its row; behind a quote that is not closed each line is a row. */
export async function* rowsOf(stream: NodeJS.ReadableStream, delimiter: () => string | undefined): AsyncGenerator<Row> {
  let held: Row[] = [];
  let length = 0;
  let quoted = false;
  let line = 0;
  for await (const lines of linesOf(stream))
    for (const { text, cut } of lines) {
      line++;
      if (quoted || text.includes('"')) {
        const between = delimiter();
        quoted = endsQuoted(text, quoted, between === undefined ? DELIMITERS : [between]);
      }
      if (!quoted && held.length === 0) {
        yield { line, text, isCut: cut, isOpen: false };
        continue;
      }
      held.push({ line, text, isCut: cut, isOpen: false });
      length += text.length;
      if (quoted && length < LONGEST_ROW) continue;
      yield* quoted ? apart(held) : [joined(held)];
      held = [];
      length = 0;
      quoted = false;
    }
  yield* apart(held);
}

function joined(rows: readonly Row[]): Row {
  return { ...rows[0]!, text: rows.map(({ text }) => text).join('\n'), isCut: rows.some(({ isCut }) => isCut) };
}

const apart = (rows: readonly Row[]): Row[] => rows.map((row, at) => ({ ...row, isOpen: at === 0 }));
