// Filters of /rest/v1 (PostgREST's horizontal filtering), compiled to SQL: every value is a parameter, every name one of the table.
import { type Bind, type ColumnSql, columnSql } from './rest-column.ts';
import { unreadable } from './rest-problem.ts';
import type { RestTable } from './rest-tables.ts';
import { listIn, split, unquote } from './rest-words.ts';

const MAX_DEPTH = 8;
const MAX_CONDITIONS = 100;
const MAX_PATTERN = 200;

const comparisons: Readonly<Record<string, string>> = { eq: '=', neq: '<>', gt: '>', gte: '>=', lt: '<', lte: '<=' };
const patterns: Readonly<Record<string, string>> = { like: 'LIKE', ilike: 'ILIKE', match: '~', imatch: '~*' };
/** Why an operator of PostgREST is refused: no column here has a type that it is for. */
const refused: Readonly<Record<string, string>> = {
  ...Object.fromEntries(['ov', 'sl', 'sr', 'nxr', 'nxl', 'adj'].map(op => [op, 'arrays and ranges'])),
  ...Object.fromEntries(['fts', 'plfts', 'phfts', 'wfts'].map(op => [op, 'full-text search'])),
};

/** The conditions of a query string, joined by AND; `fields` are those that are no word of the query itself. */
export function filterSql(fields: readonly (readonly [string, string])[], table: RestTable, bind: Bind): string {
  let left = MAX_CONDITIONS;
  const spend = () => {
    if (left-- === 0) throw unreadable(`filters: expected at most ${MAX_CONDITIONS}`);
  };

  const tree = (kind: string, negated: boolean, list: string, depth: number): string => {
    if (depth > MAX_DEPTH) throw unreadable(`filters: expected at most ${MAX_DEPTH} levels`);
    if (!list.startsWith('(') || !list.endsWith(')')) throw unreadable(`${kind}: expected conditions in parentheses`);
    const parts = split(list.slice(1, -1)).map(part => member(part.trim(), depth));
    return `${negated ? 'NOT ' : ''}(${parts.join(kind === 'or' ? ' OR ' : ' AND ')})`;
  };
  const member = (text: string, depth: number): string => {
    const nested = /^(not\.)?(and|or)(\([\s\S]*\))$/.exec(text);
    if (nested !== null) return tree(nested[2]!, nested[1] !== undefined, nested[3]!, depth + 1);
    const found = /^("(?:[^"\\]|\\.)*"|[^.]+?)\.([\s\S]*)$/.exec(text);
    if (found === null) throw unreadable(`"${text.slice(0, 80)}": expected column.operator.value`);
    spend();
    return conditionSql(columnSql(found[1]!, table, bind), found[2]!, bind, unquote);
  };

  const all = fields.map(([field, value]) => {
    const logic = /^(not\.)?(and|or)$/.exec(field);
    if (logic !== null) return tree(logic[2]!, logic[1] !== undefined, value.trim(), 1);
    spend();
    // Outside a list, quotes are part of the value.
    return conditionSql(columnSql(field, table, bind), value, bind, operand => operand);
  });
  return all.length === 0 ? 'true' : all.join(' AND ');
}

/** May its time grow without measure? */
export function hasExpression(fields: readonly (readonly [string, string])[]): boolean {
  return fields.some(([, value]) => /\bi?match[.(]/.test(value));
}

/** `[not.]operator[(any|all)].value` */
function conditionSql(column: ColumnSql, text: string, bind: Bind, meant: (operand: string) => string): string {
  const found = /^(not\.)?([a-z]+)(?:\((\w*)\))?\.([\s\S]*)$/.exec(text);
  if (found === null) throw unreadable(`"${text.slice(0, 80)}": expected operator.value, such as eq.1`);
  const [, not, op = '', modifier, operand = ''] = found;
  if (operand.includes('\0')) throw unreadable(`${column.name}: expected a text without NUL`);
  const sql =
    modifier !== undefined && (modifier === 'any' || modifier === 'all')
      ? anyOrAll(column, op, modifier, listIn(operand, '{}'), bind)
      : single(column, op, operand, bind, meant);
  return not === undefined ? sql : `NOT (${sql})`;
}

function single(column: ColumnSql, op: string, operand: string, bind: Bind, meant: (text: string) => string): string {
  const { sql, type, name } = column;
  const value = () => `${bind(meant(operand))}::${type}`;
  if (Object.hasOwn(comparisons, op)) return `${sql} ${comparisons[op]} ${value()}`;
  if (Object.hasOwn(patterns, op))
    return `${textOf(column, op)} ${patterns[op]} ${bind(patternOf(op, meant(operand)))}::text`;
  switch (op) {
    case 'in':
      return `${sql} = ANY (${bind(listIn(operand, '()'))}::${type}[])`;
    case 'is':
      return `${sql} IS ${isWord(column, operand)}`;
    case 'isdistinct':
      return operand === 'null' ? `${sql} IS NOT NULL` : `${sql} IS DISTINCT FROM ${value()}`;
    case 'cs':
    case 'cd':
      if (type !== 'jsonb') throw unreadable(`${name}: ${op} is for JSON columns, this one is ${type}`);
      return `${sql} ${op === 'cs' ? '@>' : '<@'} ${value()}`;
    default:
      throw unreadable(
        Object.hasOwn(refused, op)
          ? `${name}: ${op} is for ${refused[op]}, which no column here offers`
          : `${name}: operator ${op.slice(0, 40)} is not known`,
      );
  }
}

function anyOrAll(column: ColumnSql, op: string, kind: 'any' | 'all', items: readonly string[], bind: Bind): string {
  const quantified = kind.toUpperCase();
  if (Object.hasOwn(comparisons, op) && op !== 'neq')
    return `${column.sql} ${comparisons[op]} ${quantified} (${bind(items)}::${column.type}[])`;
  if (Object.hasOwn(patterns, op))
    return `${textOf(column, op)} ${patterns[op]} ${quantified} (${bind(items.map(item => patternOf(op, item)))}::text[])`;
  throw unreadable(`${column.name}: operator ${op.slice(0, 40)} takes no list`);
}

function textOf({ sql, type, name }: ColumnSql, op: string): string {
  if (type !== 'text') throw unreadable(`${name}: ${op} is for text columns, this one is ${type}`);
  return sql;
}

/** In a URL `*` stands for `%`. References to groups would make the time of a regular expression unbounded. */
function patternOf(op: string, given: string): string {
  if (op === 'like' || op === 'ilike') {
    return given.replaceAll('*', '%');
  }
  if (given.length > MAX_PATTERN || /\\\d/.test(given))
    throw unreadable(`${op}: expected a regular expression of at most ${MAX_PATTERN} characters without references`);
  return given;
}

function isWord({ type, name }: ColumnSql, operand: string): string {
  const word = operand.toLowerCase();
  if (word === 'null') return 'NULL';
  if (word === 'not_null') return 'NOT NULL';
  if (['true', 'false', 'unknown'].includes(word)) {
    if (type === 'bool') return word.toUpperCase();
    throw unreadable(`${name}: is.${word} is for boolean columns, this one is ${type}`);
  }
  throw unreadable(`${name}: is: expected null, not_null, true, false or unknown, got "${operand.slice(0, 40)}"`);
}
