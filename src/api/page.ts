// Pages of a list: `limit` rows at a time, and a cursor that goes on behind the last one, whatever is added meanwhile.
import { expected } from '../kernel/fault.ts';
import { instantOf, UUID } from './fields.ts';
import type { Answer } from './route.ts';
import { type Problem, problem } from './problem.ts';

/** Where a page ended: the values that the list is ordered by. */
export type Cursor = readonly (string | number)[];

/** As it stands in a Link: JSON in base64url, opaque to clients. */
export function cursorText(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(cursor)).toString('base64url');
}

type Part = 'time' | 'number' | 'text' | 'uuid';

/** The cursor of a query string, of so many parts; a problem where it is none of ours. */
export function readCursor(given: string | undefined, shape: readonly Part[]): Cursor | undefined | Problem {
  if (given === undefined) return undefined;
  const says = expected('cursor', 'one that an earlier answer gave', given);
  const wrong = problem(400, 'Bad request', says, 'cursor');
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(given, 'base64url').toString());
  } catch {
    return wrong;
  }
  if (!Array.isArray(value) || value.length !== shape.length) return wrong;
  const fits = shape.every((kind, at) => isPart(value[at], kind));
  return fits ? (value as Cursor) : wrong;
}

function isPart(value: unknown, kind: Part): boolean {
  if (kind === 'number') return Number.isSafeInteger(value);
  if (typeof value !== 'string' || value.length > 200 || value.includes('\0')) return false;
  if (kind === 'text') return true;
  if (kind === 'uuid') return UUID.test(value);
  return /^[\d-]+T[\d:]+\.\d{3,6}Z$/.test(value) && instantOf(value) !== undefined;
}

/** Link to the next page (RFC 8288), where one follows: `rows` hold one more than was asked for. */
export function pageOf<Row>(
  url: URL,
  rows: readonly Row[],
  limit: number,
  cursorOf: (last: Row) => Cursor,
): { rows: readonly Row[]; headers: Readonly<Record<string, string>> } {
  if (rows.length <= limit) return { rows, headers: {} };
  const page = rows.slice(0, limit);
  const next = new URL(url);
  next.searchParams.set('cursor', cursorText(cursorOf(page.at(-1)!)));
  return { rows: page, headers: { link: `<${next.pathname}${next.search}>; rel="next"` } };
}

/** 200 with the rows of a page, and its Link where more follow. */
export function rowsAnswer(rows: readonly unknown[], headers: Readonly<Record<string, string>>): Answer {
  return { status: 200, body: rows, headers };
}
