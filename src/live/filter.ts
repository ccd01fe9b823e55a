// Row filters of live channels, `column=op.value[,…]` in the grammar of PostgREST and Supabase Realtime: parsed once at subscribe, then a plain predicate.

/** How a column compares: 9 < 100 as numbers, times as instants, all else as text. */
export type ColumnType = 'number' | 'text' | 'boolean' | 'time';
export type Columns = Readonly<Record<string, ColumnType>>;
type ReadColumn = (column: string) => unknown;

export type Condition = {
  column: string;
  holds(value: unknown): boolean;
  /** The only text (`keyOf`) for which it can hold; the hub finds such filters by value instead of trying each. */
  equals?: string;
};
/** Conditions that must all hold. `text` is equal for filters that mean the same, so that they share one evaluation. */
export type Filter = { text: string; conditions: readonly Condition[] };

export const noFilter: Filter = { text: '', conditions: [] };
const MAX_LENGTH = 1024;

/** The filter, or what is wrong with it in words. An empty text filters nothing. */
export function parseFilter(text: string, columns: Columns): Filter | { refused: string } {
  if (text.trim() === '') return noFilter;
  if (text.length > MAX_LENGTH)
    return { refused: `filter: expected at most ${MAX_LENGTH} characters, got ${text.length}` };
  const parts = split(text);
  if (parts === undefined) return { refused: 'filter: a quote or parenthesis is not closed' };
  const conditions: Condition[] = [];
  for (const part of parts) {
    const condition = parseCondition(part.trim(), columns);
    if (typeof condition === 'string') return { refused: `filter: ${condition}` };
    conditions.push(condition);
  }
  return { text: parts.map(part => part.trim()).join(','), conditions };
}

/** Absent columns are NULL: no comparison holds for them. */
export function matches(filter: Filter, read: ReadColumn): boolean {
  return filter.conditions.every(condition => condition.holds(read(condition.column) ?? null));
}

/** One row and a second one: both must hold. */
export function both(one: Filter, other: Filter): Filter {
  if (one.conditions.length === 0) return other;
  if (other.conditions.length === 0) return one;
  return { text: `${one.text},${other.text}`, conditions: [...one.conditions, ...other.conditions] };
}

/** The condition `column = value` for a value that is known, not typed by anyone. */
export function equalTo(column: string, value: string): Filter {
  const conditions = [{ column, equals: value, holds: (got: unknown) => got !== null && keyOf(got) === value }];
  return { text: `${column}=eq.${JSON.stringify(value)}`, conditions };
}

export function keyOf(value: unknown): string {
  return String(value);
}

// The seed writes `anomaly_score.lt.0`, its client libraries `anomaly_score=lt.0`; both are taken.
const CONDITION = /^([a-z_][a-z0-9_]*)[=.](not\.)?([a-z]+)\.(.*)$/is;

function parseCondition(text: string, columns: Columns): Condition | string {
  const found = CONDITION.exec(text);
  if (found === null) return `expected column=op.value, got ${JSON.stringify(text.slice(0, 80))}`;
  const [, column = '', not, op = '', operand = ''] = found;
  const type = Object.hasOwn(columns, column) ? columns[column] : undefined;
  if (type === undefined) return `column ${column} does not exist here`;
  if (operand === 'undefined') return `${column} is compared with "undefined"`;
  if (op === 'is') return isCondition(column, operand.toLowerCase(), not !== undefined);
  const test = op === 'in' ? inTest(operand, type) : comparison(op, operand, type);
  if (typeof test === 'string') return `${column}: ${test}`;
  const holds = (value: unknown): boolean => value !== null && test(value) !== (not !== undefined);
  const indexed = op === 'eq' && not === undefined && type !== 'time';
  return indexed ? { column, holds, equals: keyOf(typed(unquote(operand), type)) } : { column, holds };
}

function isCondition(column: string, word: string, negated: boolean): Condition | string {
  const wanted = new Map<string, unknown>([
    ['null', null],
    ['unknown', null],
    ['true', true],
    ['false', false],
  ]);
  if (!wanted.has(word)) return `is: expected null, true, false or unknown, got ${JSON.stringify(word.slice(0, 40))}`;
  return { column, holds: value => (value === wanted.get(word)) !== negated };
}

type Test = (value: unknown) => boolean;

function inTest(operand: string, type: ColumnType): Test | string {
  if (!operand.startsWith('(') || !operand.endsWith(')')) return 'in: expected a list in parentheses';
  const tests: Test[] = [];
  for (const item of split(operand.slice(1, -1)) ?? []) {
    const test = comparison('eq', item.trim(), type);
    if (typeof test === 'string') return test;
    tests.push(test);
  }
  return value => tests.some(test => test(value));
}

/** Sign of `value` against the operand; undefined where they cannot be compared. */
const verdicts: Readonly<Record<string, (sign: number) => boolean>> = {
  eq: sign => sign === 0,
  neq: sign => sign !== 0,
  lt: sign => sign < 0,
  lte: sign => sign <= 0,
  gt: sign => sign > 0,
  gte: sign => sign >= 0,
};

function comparison(op: string, operand: string, type: ColumnType): Test | string {
  const verdict = Object.hasOwn(verdicts, op) ? verdicts[op] : undefined;
  if (verdict === undefined) return `operator ${op} is not known`;
  const wanted = typed(unquote(operand), type);
  if (wanted === undefined) return `expected a ${type} value, got ${JSON.stringify(operand.slice(0, 80))}`;
  return value => {
    const got = typed(value, type);
    return got !== undefined && verdict(got < wanted ? -1 : got > wanted ? 1 : 0);
  };
}

/** The value as its column compares it; undefined when it is none of that type. */
function typed(value: unknown, type: ColumnType): number | string | boolean | undefined {
  switch (type) {
    case 'number': {
      const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
      return Number.isNaN(number) ? undefined : number;
    }
    case 'time': {
      const ms = Date.parse(String(value));
      return Number.isNaN(ms) ? undefined : ms;
    }
    case 'boolean':
      return value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined;
    case 'text':
      return String(value);
  }
}

/** Splits at commas outside parentheses and double quotes; a quote opens only after `.`, `(` or `,`. Undefined when something stays open. */
function split(text: string): string[] | undefined {
  const parts: string[] = [];
  let from = 0;
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
    } else if (char === '"' && (at === 0 || '.(,'.includes(text[at - 1]!))) quoted = true;
    else if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
    if (depth < 0) return undefined;
  }
  if (quoted || depth > 0) return undefined;
  return [...parts, text.slice(from)];
}

function unquote(text: string): string {
  const quoted = /^"(.*)"$/s.exec(text);
  return quoted === null ? text : quoted[1]!.replace(/\\(.)/gs, '$1');
}
