// What /rest/v1 gives back and in which order: `select`, `order`, `limit`, `offset` and Range.
import type { IncomingHttpHeaders } from 'node:http';
import { type Bind, columnSql } from './rest-column.ts';
import { Refused, restProblem, unreadable } from './rest-problem.ts';
import type { ColumnType, RestTable } from './rest-tables.ts';
import { split, unquote } from './rest-words.ts';
import { isoSql } from './times.ts';

export const MAX_ROWS = 10_000;
const ALIAS = /^[\p{L}\p{N}_ .-]{1,63}$/u;

/** The list behind SELECT, and the names of its columns. */
export function selectSql(select: string, table: RestTable, bind: Bind): { sql: string; names: readonly string[] } {
  const items = split(select.trim() === '' ? '*' : select).flatMap(item => {
    if (item.trim() === '*') return Object.keys(table.columns);
    return [item.trim()];
  });
  const names: string[] = [];
  const parts = items.map(item => {
    const [, alias, rest = item] = /^("(?:[^"\\]|\\.)*"|[^:"()]+):(?!:)([\s\S]+)$/.exec(item) ?? [];
    const [, named = rest, cast] = /^([\s\S]*?)::(\w+)$/.exec(rest) ?? [];
    if (/\(\s*\)$/.test(named))
      throw unreadable(`select: ${item.slice(0, 80)}: aggregates are not offered; use /api/history`);
    if (named.includes('('))
      throw new Refused(restProblem(400, 'PGRST200', `select: ${item.slice(0, 80)}: other tables cannot be embedded`));
    const { sql, type, name } = columnSql(named, table, bind);
    const as = alias === undefined ? name : unquote(alias.trim());
    if (!ALIAS.test(as) || as === '__proto__') throw unreadable(`select: expected a name, got "${as.slice(0, 40)}"`);
    names.push(as);
    const shown = type === 'timestamptz' ? isoSql(sql) : sql;
    return `${cast === undefined ? shown : castSql(shown, type, cast)} AS "${as}"`;
  });
  return { sql: parts.join(', '), names };
}

/** Types that a client may ask for, by each of their names. */
const casts: Readonly<Record<string, string>> = {
  ...{ text: 'text', varchar: 'text', bool: 'bool', boolean: 'bool', json: 'jsonb', jsonb: 'jsonb' },
  ...{ smallint: 'int2', int2: 'int2', int: 'int4', integer: 'int4', int4: 'int4', bigint: 'int8', int8: 'int8' },
  ...{ real: 'float4', float4: 'float4', float8: 'float8', numeric: 'float8' },
};

/** Through its text where PostgreSQL knows no way from one type to the other, so that only a value can be at fault. */
function castSql(sql: string, from: ColumnType, cast: string): string {
  const to = Object.hasOwn(casts, cast) ? casts[cast]! : undefined;
  if (to === undefined)
    throw unreadable(`select: expected a cast to one of ${Object.keys(casts).join(', ')}, got ${cast.slice(0, 40)}`);
  const isNumber = from === 'int8' || from === 'float8';
  return isNumber && /^(int|float)/.test(to) ? `(${sql})::${to}` : `(${sql})::text::${to}`;
}

/** The list behind ORDER BY; undefined for no order. */
export function orderSql(order: string | undefined, table: RestTable, bind: Bind): string | undefined {
  if (order === undefined || order.trim() === '') return undefined;
  const terms = split(order).map(term => {
    const found = /^([\s\S]+?)(?:\.(asc|desc))?(?:\.(nullsfirst|nullslast))?$/.exec(term.trim());
    if (found === null) throw unreadable('order: expected a column, such as timestamp.desc');
    const [, column = '', direction = 'asc', nulls] = found;
    const last = nulls === undefined ? '' : nulls === 'nullsfirst' ? ' NULLS FIRST' : ' NULLS LAST';
    return `${columnSql(column, table, bind).sql} ${direction.toUpperCase()}${last}`;
  });
  return terms.join(', ');
}

export type Window = { offset: number; limit: number };

/** From `limit` and `offset`, else from `Range: 0-9`. */
export function windowOf(limit: string | undefined, offset: string | undefined, headers: IncomingHttpHeaders): Window {
  const range = limit === undefined && offset === undefined ? headers.range : undefined;
  if (range !== undefined && (headers['range-unit'] ?? 'items') === 'items') {
    const [, first, last] = /^(?:items=)?(\d{1,15})-(\d{0,15})$/.exec(range) ?? [];
    if (first !== undefined) {
      const from = Number(first);
      const to = last === '' ? from + MAX_ROWS - 1 : Number(last);
      if (to < from) throw new Refused(restProblem(416, 'PGRST103', 'Range: expected the end behind the beginning'));
      return { offset: from, limit: Math.min(MAX_ROWS, to - from + 1) };
    }
  }
  return {
    offset: wholeNumber('offset', offset ?? '0'),
    limit: Math.min(MAX_ROWS, wholeNumber('limit', limit ?? String(MAX_ROWS))),
  };
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw unreadable(`${name}: expected a whole number, got "${text.slice(0, 40)}"`);
  return Number(text);
}
