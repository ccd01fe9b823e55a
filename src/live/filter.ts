// Row filters of live channels, `column=op.value[,…]` in the grammar of Supabase Realtime: parsed once at subscribe, then a plain predicate.
import type { Columns, ColumnType } from './columns.ts';
import { type Comparable, keyOf, typed } from './compare.ts';
import { inList, split, unquote } from './filter-text.ts';
import { compile } from './regexp.ts';

type ReadColumn = (column: string) => unknown;

/** Conditions that must all hold. */
export type Filter = {
  /** Equal for filters that mean the same, so that they share one evaluation. */
  text: string;
  /** Absent columns are NULL: no comparison holds for them, also no negated one; only `is` and `isdistinct` do. */
  holds(read: ReadColumn): boolean;
  /** The only texts (`keyOf`) of a column for which it can hold: filters are found by them instead of being tried. */
  key?: Key;
  /** What its regular expressions weigh, a short one 1: a client may have few of them. */
  expressions: number;
};
export type Key = { column: string; values: readonly string[] };
export type Refused = { refused: string };

export const noFilter: Filter = { text: '', holds: () => true, expressions: 0 };
const MAX_LENGTH = 1024;
/** A longer regular expression counts as several. */
const STEPS_OF_ONE = 32;

type Condition = { column: string; holds(value: unknown): boolean; values?: readonly string[]; weight?: number };

/** The filter, or what is wrong with it in words. An empty text filters nothing. */
export function parseFilter(text: string, columns: Columns): Filter | Refused {
  if (text.trim() === '') return noFilter;
  if (text.length > MAX_LENGTH)
    return { refused: `filter: expected at most ${MAX_LENGTH} characters, got ${text.length}` };
  const parts = split(text);
  if (parts === undefined) return { refused: 'filter: a quote is not closed' };
  const conditions: Condition[] = [];
  for (const part of parts) {
    const condition = parseCondition(part, columns);
    if (typeof condition === 'string') return { refused: `filter: ${condition}` };
    conditions.push(condition);
  }
  const indexed = conditions.find(({ values }) => values !== undefined);
  return {
    text: parts.join(','),
    holds: read => conditions.every(({ column, holds }) => holds(read(column) ?? null)),
    ...(indexed && { key: { column: indexed.column, values: indexed.values! } }),
    expressions: conditions.reduce((sum, { weight = 0 }) => sum + weight, 0),
  };
}

// The seed writes `anomaly_score.lt.0`, its client libraries `anomaly_score=lt.0`; both are taken.
const CONDITION = /^([a-z_][a-z0-9_]*)\s*[=.](not\.)?([a-z]+)\.(.*)$/is;

function parseCondition(text: string, columns: Columns): Condition | string {
  const found = CONDITION.exec(text);
  if (found === null) return `expected column=op.value, got ${JSON.stringify(text.slice(0, 80))}`;
  const [, column = '', not, op = '', operand = ''] = found;
  const type = Object.hasOwn(columns, column) ? columns[column] : undefined;
  if (type === undefined) return `column ${column} does not exist here`;
  if (operand === 'undefined') return `${column} is compared with "undefined"`;
  const test = testOf(op, operand, type);
  if (typeof test === 'string') return `${column}: ${test}`;
  const negated = not !== undefined;
  const { ofNull, holds, values, weight } = test;
  return {
    column,
    holds(value) {
      const verdict = value === null ? (ofNull ?? null) : holds(value);
      return verdict !== null && verdict !== negated;
    },
    // Times are written in many ways, so that they cannot be found by their text.
    ...(values !== undefined && !negated && type !== 'timestamptz' && { values }),
    ...(weight !== undefined && { weight }),
  };
}

/** null: undecided, as every comparison with NULL is, and then its negation too. `values` are the only ones for which it can hold. */
type Test = {
  holds(value: unknown): boolean | null;
  ofNull?: boolean;
  values?: readonly string[];
  weight?: number;
};

/** Or what is wrong. */
function testOf(op: string, operand: string, type: ColumnType): Test | string {
  if (op === 'is') return isTest(operand.toLowerCase(), type);
  if (op === 'in') return inTest(operand, type);
  const literal = unquote(operand);
  if (op === 'like' || op === 'ilike' || op === 'match' || op === 'imatch') {
    if (type !== 'text') return `${op} needs a text column, this one is ${type}`;
    const pattern = op.endsWith('like') ? likeExpression(literal) : literal;
    const compiled = compile(pattern, op.startsWith('i'));
    if ('refused' in compiled) return compiled.refused;
    return { holds: value => compiled(String(value)), weight: Math.ceil(compiled.steps / STEPS_OF_ONE) };
  }
  const wanted = typed(literal, type);
  if (wanted === undefined) return `expected a ${type} value, got ${JSON.stringify(operand.slice(0, 80))}`;
  if (op === 'isdistinct') return { holds: value => typed(value, type) !== wanted, ofNull: true };
  const verdict = Object.hasOwn(verdicts, op) ? verdicts[op]! : undefined;
  if (verdict === undefined) return `operator ${op} is not known`;
  const holds = (value: unknown): boolean | null => {
    const got = typed(value, type);
    return got === undefined ? null : verdict(signOf(got, wanted));
  };
  return op === 'eq' ? { holds, values: [keyOf(wanted)] } : { holds };
}

const verdicts: Readonly<Record<string, (sign: number) => boolean>> = {
  eq: sign => sign === 0,
  neq: sign => sign !== 0,
  lt: sign => sign < 0,
  lte: sign => sign <= 0,
  gt: sign => sign > 0,
  gte: sign => sign >= 0,
};

function signOf(got: Comparable, wanted: Comparable): number {
  return got < wanted ? -1 : got > wanted ? 1 : 0;
}

function isTest(word: string, type: ColumnType): Test | string {
  if (word === 'null') return { holds: () => false, ofNull: true };
  if (word !== 'true' && word !== 'false' && word !== 'unknown')
    return `is: expected null, true, false or unknown, got ${JSON.stringify(word.slice(0, 40))}`;
  if (type !== 'bool') return `is.${word} needs a bool column, this one is ${type}`;
  return { holds: value => word !== 'unknown' && typed(value, type) === (word === 'true'), ofNull: word === 'unknown' };
}

function inTest(operand: string, type: ColumnType): Test | string {
  if (!operand.startsWith('(') || !operand.endsWith(')')) return 'in: expected a list in parentheses';
  const items = inList(operand.slice(1, -1));
  if (items === undefined) return 'in: a quote is not closed';
  const wanted = new Set<Comparable>();
  for (const item of items) {
    if (item === null) continue;
    const value = typed(item, type);
    if (value === undefined) return `expected a ${type} value, got ${JSON.stringify(item.slice(0, 80))}`;
    wanted.add(value);
  }
  const otherwise = items.includes(null) ? null : false;
  const holds = (value: unknown): boolean | null => {
    const got = typed(value, type);
    return got === undefined ? null : wanted.has(got) || otherwise;
  };
  return { holds, values: [...wanted].map(keyOf) };
}

/** LIKE as a regular expression: % any text, _ any character, a backslash before either means itself; * is taken for %, as in PostgREST. */
function likeExpression(pattern: string): string {
  const whole = pattern.replace(/\\([\s\S])|[\s\S]/g, (char, escaped: string | undefined) => {
    if (escaped !== undefined) return literally(escaped);
    if (char === '%' || char === '*') return '.*';
    return char === '_' ? '.' : literally(char);
  });
  return `^${whole}$`;
}

function literally(char: string): string {
  return /[\\^$.*+?()[\]{}|]/.test(char) ? `\\${char}` : char;
}
