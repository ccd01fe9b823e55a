// How a column's values compare: numbers as numbers, times as instants, ids as they are written; by PostgreSQL's rules for each type.
import { NUMERIC } from '../reading/payload.ts';
import type { ColumnType } from './columns.ts';

export type Comparable = number | bigint | string | boolean;

/** The value as its column compares it; undefined when it is none of that type. */
export function typed(value: unknown, type: ColumnType): Comparable | undefined {
  switch (type) {
    case 'float8':
      return numberOf(value);
    case 'int8':
      return wholeOf(value);
    case 'timestamptz':
      return instantOf(String(value));
    case 'bool':
      return booleanOf(value);
    case 'uuid':
      return uuidOf(String(value));
    case 'text':
      return typeof value === 'object' ? undefined : String(value);
    case 'jsonb':
      return undefined;
  }
}

/** The one text of a value, by which filters for it are found. */
export function keyOf(value: unknown): string {
  return String(value);
}

const INFINITE = /^\s*([+-]?)inf(inity)?\s*$/i;

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value;
  if (typeof value !== 'string') return undefined;
  if (NUMERIC.test(value.trim())) return Number.isFinite(Number(value)) ? Number(value) : undefined;
  const infinite = INFINITE.exec(value);
  if (infinite === null) return undefined;
  return infinite[1] === '-' ? -Infinity : Infinity;
}

const WHOLE = /^\s*([+-]?)0*(\d{1,19})\s*$/;
const MOST_WHOLE = 2n ** 63n;

/** One that a number cannot hold exactly is a bigint: it compares with numbers, and is none of them. */
function wholeOf(value: unknown): number | bigint | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? exact(BigInt(value)) : undefined;
  const [found, sign = '', digits = ''] = WHOLE.exec(String(value)) ?? [];
  if (found === undefined) return undefined;
  const whole = BigInt(digits) * (sign === '-' ? -1n : 1n);
  return whole < MOST_WHOLE && whole >= -MOST_WHOLE ? exact(whole) : undefined;
}

function exact(whole: bigint): number | bigint {
  return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
}

const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(\.\d{1,9})?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$/i;

/** Microseconds since 1970, as fine as the database keeps time. A time without zone is UTC. */
function instantOf(text: string): number | undefined {
  const found = TIME.exec(text.trim());
  if (found === null) return undefined;
  const [, day, minutes = '00:00', seconds = ':00', fraction = '', zone = 'Z'] = found;
  const offset = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2').toUpperCase();
  const ms = Date.parse(`${day}T${minutes}${seconds}${offset}`);
  // The language counts the 31st of February as a day of March.
  const exists = new Date(`${day}T00:00Z`).toJSON()?.startsWith(day!) === true;
  return Number.isNaN(ms) || !exists ? undefined : ms * 1000 + Math.round(Number(`0${fraction}`) * 1_000_000);
}

const TRUE = /^\s*(t|tr|tru|true|y|ye|yes|on|1)\s*$/i;
const FALSE = /^\s*(f|fa|fal|fals|false|n|no|of|off|0)\s*$/i;

function booleanOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value;
  const text = String(value);
  return TRUE.test(text) ? true : FALSE.test(text) ? false : undefined;
}

function uuidOf(text: string): string | undefined {
  const digits = /^\{?([0-9a-f-]{32,39})\}?$/i.exec(text)?.[1]?.replaceAll('-', '').toLowerCase();
  return digits?.length === 32 ? hyphened(digits) : undefined;
}

/** 32 hex digits as the database writes a uuid. */
export function hyphened(digits: string): string {
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
