// fieldline score: adds an anomaly score to each row of a CSV `timestamp,value` as it streams through.
import type { Scored } from '../src/anomaly/score.ts';
import { series } from '../src/anomaly/series.ts';
import { expected } from '../src/kernel/fault.ts';
import { isoTime } from '../src/reading/time.ts';
import { linesOf } from './io.ts';
import { subcommand } from './subcommand.ts';

const USAGE = `Usage: fieldline score [--explain] [--alarms] < in.csv > out.csv

Reads CSV with the columns timestamp and value (time without zone is UTC) and writes the same rows with anomaly_score as
the last column: 1 is normal, below 0 an anomaly.

  --explain   adds kind, expected and band before it
  --alarms    adds severity (of the value) and alarm (the worst severity of an episode, until the series was normal for a while)`;

/** Columns that an option adds before the score, in this order. */
const COLUMNS = { explain: ['kind', 'expected', 'band'], alarms: ['severity', 'alarm'] } as const;
const options = { explain: { type: 'boolean' }, alarms: { type: 'boolean' } } as const;

/** Exit code: 0, or 2 for wrong use or input that is no such CSV. */
export const run = subcommand({ name: 'score', text: USAGE, options }, async ({ values }, io) => {
  const names = (['explain', 'alarms'] as const).flatMap(option => (values[option] ? COLUMNS[option] : []));
  const one = series();
  let columns: Columns | undefined;
  for await (const row of rowsOf(io.stdin)) {
    if (columns === undefined) {
      const cells = cellsOf(row.replace(/^\ufeff/, ''));
      columns = columnsOf(cells);
      if (columns === undefined) {
        io.stderr(expected('score', 'a CSV that begins with timestamp,value', row));
        return 2;
      }
      if (columns.header) {
        await io.stdout([row, ...names, 'anomaly_score'].join(','));
        continue;
      }
    }
    if (row === '') {
      await io.stdout(row);
      continue;
    }
    const cells = cellsOf(row);
    const value = valueOfCell(cells[columns.value]);
    const scored = value === undefined ? undefined : one.score(timeOfCell(cells[columns.timestamp]), value);
    // A row that ends early is filled up, so that the score stands in its column.
    const filling = Array.from({ length: Math.max(0, columns.width - cells.length) }, () => '');
    const told = explained(scored);
    const score = scored === undefined ? '' : exact(scored.score, 6);
    await io.stdout([row, ...filling, ...names.map(name => told[name] ?? ''), score].join(','));
  }
  return 0;
});

type Columns = { timestamp: number; value: number; width: number; header: boolean };

/** From the first row: a header with both names, or a row of data with a time first. */
function columnsOf(cells: readonly string[]): Columns | undefined {
  const names = cells.map(cell => cell.trim().toLowerCase());
  const timestamp = names.indexOf('timestamp');
  const value = names.indexOf('value');
  if (timestamp >= 0 && value >= 0) return { timestamp, value, width: cells.length, header: true };
  if (cells.length === 2 && timeOfCell(cells[0]) !== undefined)
    return { timestamp: 0, value: 1, width: 2, header: false };
  return undefined;
}

/** Cells by the name of their column. */
function explained(scored: Scored | undefined): Readonly<Record<string, string>> {
  if (scored === undefined) return {};
  const { severity = '', alarm, kind, expected: forecast, band } = scored;
  return {
    kind,
    expected: forecast === undefined ? '' : exact(forecast, 9),
    band: band === undefined ? '' : `${exact(band[0], 9)}..${exact(band[1], 9)}`,
    severity,
    alarm: alarm?.severity ?? '',
  };
}

/** Significant digits, so that a score just below 0 stays below 0. */
function exact(value: number, digits: number): string {
  return String(Number(value.toPrecision(digits)));
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/** A number too large for a double is the largest one: it is a number all the same. */
function valueOfCell(cell: string | undefined): number | undefined {
  const text = cell?.trim() ?? '';
  if (!NUMBER.test(text)) return undefined;
  return Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, Number(text)));
}

/** Milliseconds since the epoch; a date alone or a time without seconds will do. Undefined when it is no time. */
function timeOfCell(cell: string | undefined): number | undefined {
  const text = (cell ?? '')
    .trim()
    .replace(/^(\d{4}-\d\d-\d\d)$/, '$1T00:00:00')
    .replace(/^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d)$/, '$1:00');
  const iso = isoTime(text);
  return iso === undefined ? undefined : Date.parse(iso);
}

/** Cells of one row, without their quotes (RFC 4180). */
function cellsOf(row: string): string[] {
  if (!row.includes('"')) return row.split(',');
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < row.length; at++) {
    const char = row[at] as string;
    if (char === '"' && quoted && row[at + 1] === '"') cell += row[++at];
    else if (char === '"') quoted = !quoted;
    else if (char === ',' && !quoted) {
      cells.push(cell);
      cell = '';
    } else cell += char;
  }
  return [...cells, cell];
}

// A quote that is never closed must not gather the whole input.
const LONGEST_ROW = 65_536;

/** Rows without their line ending. A line break inside quotes belongs to its row. */
async function* rowsOf(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  let row: string | undefined;
  let quoted = false;
  for await (const lines of linesOf(stream))
    for (const { text } of lines) {
      row = row === undefined ? text : `${row}\n${text}`;
      if (text.includes('"') && text.split('"').length % 2 === 0) quoted = !quoted;
      if (quoted && row.length < LONGEST_ROW) continue;
      yield row;
      row = undefined;
      quoted = false;
    }
  if (row !== undefined) yield row;
}
