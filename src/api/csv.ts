// Rows as CSV (RFC 4180), for spreadsheets.
import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from './route.ts';

/** Does the client ask for CSV rather than JSON? */
export function wantsCsv(headers: IncomingHttpHeaders): boolean {
  const accept = headers.accept?.toLowerCase() ?? '';
  const csv = accept.indexOf('text/csv');
  const json = accept.indexOf('application/json');
  return csv >= 0 && (json < 0 || csv < json);
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
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = value instanceof Date ? value.toISOString() : typeof value === 'string' ? value : JSON.stringify(value);
  // A spreadsheet would run a text that begins like a formula.
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
