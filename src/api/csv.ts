// Rows as CSV (RFC 4180), for spreadsheets.
import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from './route.ts';

/** Does the client ask for CSV rather than JSON? By quality, else by order (RFC 9110 §12.5.1). */
export function wantsCsv(headers: IncomingHttpHeaders): boolean {
  const ranges = (headers.accept ?? '').toLowerCase().split(',').map(rangeOf);
  const csv = ranges.findIndex(({ type }) => type === 'text/csv');
  const json = ranges.findIndex(({ type }) => /^(application\/((.+\+)?json|\*)|\*\/\*)$/.test(type));
  const [wanted, other] = [ranges[csv]?.quality ?? 0, ranges[json]?.quality ?? 0];
  return wanted > other || (wanted > 0 && wanted === other && csv < json);
}

function rangeOf(text: string): { type: string; quality: number } {
  const [type = '', ...parameters] = text.split(';').map(part => part.trim());
  const given = parameters.find(parameter => parameter.startsWith('q='));
  const quality = given === undefined ? 1 : Number(given.slice(2));
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}

export function csvAnswer(
  columns: readonly string[],
  rows: readonly Readonly<Record<string, unknown>>[],
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status: 200,
    text: csvOf(columns, rows),
    headers: { ...headers, 'content-type': 'text/csv; charset=utf-8' },
  };
}

export function csvOf(columns: readonly string[], rows: readonly Readonly<Record<string, unknown>>[]): string {
  const lines = [columns, ...rows.map(row => columns.map(column => row[column]))];
  return lines.map(line => `${line.map(cellOf).join(',')}\r\n`).join('');
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  // What is no finite number is null in JSON, and nothing here.
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  if (typeof value === 'boolean') return String(value);
  const text = value instanceof Date ? value.toISOString() : typeof value === 'string' ? value : JSON.stringify(value);
  // A spreadsheet would run a text that begins like a formula, in signs of full width too.
  const harmless = /^[=+\-@\t\r\n＝＋－＠]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
