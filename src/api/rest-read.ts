// Reads of /rest/v1: the statement of a query string, and its rows in the form that the client accepts.
import type { IncomingHttpHeaders } from 'node:http';
import type { Query } from '../reading/contracts.ts';
import { csvAnswer, wantsCsv } from './csv.ts';
import { newest } from './newest.ts';
import { filterSql, hasExpression } from './rest-filter.ts';
import { notOne, Refused, restProblem } from './rest-problem.ts';
import { orderSql, selectSql, windowOf } from './rest-select.ts';
import type { RestTable } from './rest-tables.ts';
import type { Written } from './rest-write.ts';
import type { Answer } from './route.ts';

/** Words of the query string that are no filters. */
const WORDS = new Set(['select', 'order', 'limit', 'offset', 'columns', 'on_conflict', 'apikey']);

/** Field and value of each filter. */
export function filtersOf(url: URL): readonly (readonly [string, string])[] {
  return [...url.searchParams].filter(([field]) => !WORDS.has(field));
}

/** `Prefer: count=exact, return=minimal` as a map. */
export function preferences(headers: IncomingHttpHeaders): ReadonlyMap<string, string> {
  const words = String(headers['prefer'] ?? '').split(',');
  return new Map(words.map(word => word.trim().split('=', 2) as [string, string]));
}

type Row = Readonly<Record<string, unknown>>;

/** Asks the database: `brief` where the client's filter may make it endless. */
export type Asking = { query: Query; brief: Query };

/** Throws Refused. */
export async function readRows(
  asking: Asking,
  table: RestTable,
  url: URL,
  headers: IncomingHttpHeaders,
  { head, org }: { head: boolean; org: string | undefined },
): Promise<Answer> {
  const values: unknown[] = [org ?? null];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const word = (name: string) => url.searchParams.get(name) ?? undefined;
  const window = windowOf(word('limit'), word('offset'), headers);
  const filters = filtersOf(url);
  const query = hasExpression(filters) ? asking.brief : asking.query;
  const condition = filterSql(filters, table, bind);
  const from = `${table.from('$1')} WHERE ${condition}`;
  // The total needs the values of the conditions only; those of selection and order come after.
  const counted = values.length;
  const { sql, names } = selectSql(word('select') ?? '*', table, bind);
  const order = orderedBy(orderSql(word('order'), table, bind));
  const wantsCount = preferences(headers).has('count');
  // Who asks for nothing but the number gets no rows read.
  const numberOnly = head && wantsCount;
  const limit = numberOnly ? 0 : window.limit;
  const read = (since: string | undefined) => {
    const newer = since === undefined ? '' : ` AND ${table.name}.${table.time} > $${values.length + 1}`;
    const statement = `SELECT ${sql} FROM ${from}${newer}${order} LIMIT ${limit} OFFSET ${window.offset}`;
    return query<Row>(statement, since === undefined ? values : [...values, since]);
  };
  const [rows, total] = await Promise.all([
    limit > 0 && newestFirst(word('order'), table) ? newest(query, read, limit) : read(undefined),
    wantsCount ? totalOf(query, from, values.slice(0, counted)) : undefined,
  ]);
  if (total !== undefined && window.offset > 0 && window.offset >= total)
    throw new Refused(restProblem(416, 'PGRST103', `offset: expected one below the ${total} rows there are`));
  const size = numberOnly ? Math.max(0, Math.min(window.limit, (total ?? 0) - window.offset)) : rows.length;
  const range = size === 0 ? '*' : `${window.offset}-${window.offset + size - 1}`;
  const answer = numberOnly ? { status: 200, body: [] } : inForm(rows, names, headers);
  const partial = total !== undefined && size < total && answer.status === 200;
  return {
    ...answer,
    status: partial ? 206 : answer.status,
    headers: { ...answer.headers, 'content-range': `${range}/${total ?? '*'}` },
  };
}

function newestFirst(order: string | undefined, { time }: RestTable): boolean {
  return time !== undefined && order !== undefined && new RegExp(`^\\s*"?${time}"?\\.desc\\b`).test(order);
}

async function totalOf(query: Query, from: string, values: readonly unknown[]): Promise<number> {
  const [row] = await query<{ total: number }>(`SELECT count(*) AS total FROM ${from}`, values);
  return row?.total ?? 0;
}

/** The rows that were written, as `select` and `order` want them. */
export async function readWritten(
  query: Query,
  table: RestTable,
  { condition, values: found }: Written,
  url: URL,
  status: number,
  headers: IncomingHttpHeaders,
): Promise<Answer> {
  const values = [...found];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const { sql, names } = selectSql(url.searchParams.get('select') ?? '*', table, bind);
  const order = orderedBy(orderSql(url.searchParams.get('order') ?? undefined, table, bind));
  const rows = await query<Row>(`SELECT ${sql} FROM ${table.name} WHERE ${condition}${order}`, values);
  return { ...inForm(rows, names, headers), status };
}

function orderedBy(order: string | undefined): string {
  return order === undefined ? '' : ` ORDER BY ${order}`;
}

/** Does the client take exactly one row, as an object? */
export function wantsOne({ accept = '' }: IncomingHttpHeaders): boolean {
  return accept.startsWith('application/vnd.pgrst.object');
}

/** As JSON or CSV; exactly one row as an object where the client asks for that. */
function inForm(rows: readonly Row[], names: readonly string[], headers: IncomingHttpHeaders): Answer {
  if (wantsCsv(headers)) return csvAnswer(names, rows);
  const shown = headers.accept?.includes('nulls=stripped') ? rows.map(withoutNulls) : rows;
  if (!wantsOne(headers)) return { status: 200, body: shown };
  if (shown.length !== 1) throw new Refused(notOne(shown.length));
  return {
    status: 200,
    body: shown[0],
    headers: { 'content-type': 'application/vnd.pgrst.object+json; charset=utf-8' },
  };
}

function withoutNulls(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null));
}
