// Does a value fit its column? As the text that PostgreSQL reads, or the reason why not; nothing is rounded or cut silently.
import { expected } from '../../kernel/fault.ts';
import { NUMERIC } from '../../reading/payload.ts';
import { quantity } from '../../reading/quantity.ts';
import type { Column } from './table.ts';

export type Fitted = { text: string } | { fault: string };
type Fit = (value: unknown, column: Column) => Fitted;

const text = (it: string): Fitted => ({ text: it });
const misfit = ({ name, type }: Column, what: string, value: unknown): Fitted => ({
  fault: expected(`column ${name} (${type})`, what, typeof value === 'number' ? String(value) : value),
});

const WHOLE: Readonly<Record<string, readonly [least: bigint, most: bigint]>> = {
  int2: [-(2n ** 15n), 2n ** 15n - 1n],
  int4: [-(2n ** 31n), 2n ** 31n - 1n],
  int8: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** A number as text, also where it came as text or as true and false; undefined for anything else. */
function decimal(value: unknown): string | undefined {
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : undefined;
  return typeof value === 'string' && NUMERIC.test(value.trim()) ? value.trim() : undefined;
}

const whole: Fit = (value, column) => {
  const [least, most] = WHOLE[column.base]!;
  const given = decimal(value);
  const number = Number(given);
  if (given === undefined || !Number.isInteger(number)) return misfit(column, 'a whole number', value);
  // Beyond 2^53 a text says more than a number can hold.
  const exact = /^[+-]?\d+$/.test(given) ? BigInt(given) : BigInt(number);
  return exact >= least && exact <= most
    ? text(String(exact))
    : misfit(column, `a whole number from ${least} to ${most}`, value);
};

const floating: Fit = (value, column) => {
  const given = decimal(value);
  const number = column.base === 'float4' ? Math.fround(Number(given)) : Number(given);
  return given !== undefined && Number.isFinite(number) ? text(given) : misfit(column, 'a finite number', value);
};

const numeric: Fit = (value, column) => {
  const given = decimal(value);
  if (given === undefined) return misfit(column, 'a finite number', value);
  const { precision, scale = 0 } = column;
  if (precision !== undefined && Math.abs(Number(given)) >= 10 ** (precision - scale))
    return misfit(column, `a number below 10^${precision - scale}`, value);
  return text(given);
};

const YES = new Set(['true', 't', 'yes', 'y', 'on', '1']);
const NO = new Set(['false', 'f', 'no', 'n', 'off', '0']);
const truth: Fit = (value, column) => {
  const word = String(value).trim().toLowerCase();
  if (typeof value === 'object' || (!YES.has(word) && !NO.has(word))) return misfit(column, 'true or false', value);
  return text(String(YES.has(word)));
};

/** UTF-8 has no half of a surrogate pair: another text would be stored. */
const WHOLE_TEXT = 'text of whole characters';
const characters: Fit = (value, column) => {
  const given = typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (given.includes('\0')) return misfit(column, 'text without U+0000', value);
  if (!given.isWellFormed()) return misfit(column, WHOLE_TEXT, value);
  // Code points, as PostgreSQL counts; fewer than the units of a JavaScript string.
  if (column.length !== undefined && given.length > column.length && [...given].length > column.length)
    return misfit(column, `at most ${column.length} characters`, value);
  return text(given);
};

/** Of a system type PostgreSQL cuts off without a word what is longer. */
const MOST_BYTES: Readonly<Record<string, number>> = { name: 63, char: 1 };
const short: Fit = (value, column) => {
  const fit = characters(value, column);
  const most = MOST_BYTES[column.base]!;
  return 'text' in fit && Buffer.byteLength(fit.text) > most
    ? misfit(column, `at most ${quantity(most, 'byte')}`, value)
    : fit;
};

const json: Fit = value => text(JSON.stringify(value));

/** Not `now` or `infinity`, which PostgreSQL would take for a time. */
const DATED = /^\d{4,6}-\d\d-\d\d([T ].*)?$/s;
const time: Fit = (value, column) => {
  if (typeof value === 'string' && DATED.test(value.trim())) return text(value.trim());
  const moment = typeof value === 'number' ? new Date(value) : undefined;
  return moment !== undefined && Number.isFinite(moment.getTime()) && moment.getTime() >= 0
    ? text(moment.toISOString().replace(/^\+/, ''))
    : misfit(column, 'a time in ISO 8601, or milliseconds since 1970', value);
};

const uuid: Fit = (value, column) =>
  typeof value === 'string' && /^[0-9a-f]{32}$/i.test(value.replaceAll('-', ''))
    ? text(value)
    : misfit(column, 'a uuid', value);

/** Hex digits in pairs are bytes; any other text is its own bytes. */
const bytes: Fit = (value, column) => {
  if (typeof value !== 'string') return misfit(column, 'hex digits or text', value);
  if (!value.isWellFormed()) return misfit(column, WHOLE_TEXT, value);
  return text(`\\x${/^([0-9a-f]{2})*$/i.test(value) ? value : Buffer.from(value).toString('hex')}`);
};

/** Enumerations, addresses, intervals, ranges: PostgreSQL knows. */
const other: Fit = (value, column) =>
  characters(column.array && Array.isArray(value) ? arrayText(value) : value, { ...column, length: undefined });

/** As PostgreSQL reads it (array_in); an array within one is a further dimension. */
function arrayText(items: readonly unknown[]): string {
  const texts = items.map(item => {
    if (item === null || item === undefined) return 'NULL';
    if (Array.isArray(item)) return arrayText(item);
    const given = typeof item === 'object' ? JSON.stringify(item) : String(item);
    return `"${given.replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${texts.join(',')}}`;
}

const fits: Readonly<Record<string, Fit>> = {
  ...{ int2: whole, int4: whole, int8: whole, float4: floating, float8: floating, numeric },
  ...{
    bool: truth,
    text: characters,
    varchar: characters,
    bpchar: characters,
    name: short,
    char: short,
    json,
    jsonb: json,
  },
  ...{ timestamptz: time, timestamp: time, date: time, uuid, bytea: bytes },
};

/** `null` for what is not there: the column gets NULL where it may, and refuses the row where it may not. */
export function fitted(value: unknown, column: Column): Fitted | null {
  if (value === undefined || value === null)
    return column.notNull ? misfit(column, 'a value', 'none, and the column is NOT NULL') : null;
  try {
    return (fits[column.base] ?? other)(value, column);
  } catch {
    return misfit(column, 'something that JSON can hold', typeof value);
  }
}
