// What every importer gives: devices with their register maps, and a report of everything that could not be taken over.
import { reasonOf } from '../../kernel/fault.ts';
import type { AddressBase } from '../address.ts';
import type { FieldType, WordOrder } from '../field.ts';
import type { Table } from '../link.ts';
import { parseMap } from '../map.ts';

/** One register as a map of ours has it, with protocol addresses. */
export type Row = {
  metric: string;
  table: Table;
  address: number;
  type?: FieldType;
  order?: WordOrder;
  length?: number;
  bit?: number;
  scale?: number;
  offset?: number;
  unit?: string;
  every?: number;
  notImplemented?: string[];
};

export type ImportedDevice = {
  name: string;
  /** Where the other program reached it, for the operator to compare. */
  connection: string;
  unit: number;
  periodMs: number | undefined;
  rows: Row[];
};

/** `problems` name the place in the file and what was left out. Never empty-handed without a reason. */
export type Imported = { devices: ImportedDevice[]; problems: string[] };

export type Json = Readonly<Record<string, unknown>>;
export const asObject = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
export const asList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
export const asText = (value: unknown): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';

/** A number, or a text that is one; decimal, or hex with 0x. */
export function asNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** Files of other programs are read up to this size. */
export const MOST_BYTES = 1_000_000;
export const MOST_ROWS = 2000;

/** Letters that are no letter with a mark on it. */
const plainly: Readonly<Record<string, string>> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', ł: 'l', đ: 'd', ð: 'd' };

/** Names as metrics may be: letters, digits and underscores; each once. */
export function metricNames(): (name: string, otherwise: string) => string {
  // With the number that was last put behind it: many that are called alike are not counted through each time.
  const used = new Map<string, number>();
  return (name, otherwise) => {
    const plain = name
      .replace(/[ßæœøłđð]/gi, letter => plainly[letter.toLowerCase()] ?? '')
      .normalize('NFKD')
      .replace(/\p{M}/gu, '')
      .replace(/[^A-Za-z0-9]+/g, '_')
      .replace(/^[^A-Za-z]+|_+$/g, '')
      .toLowerCase()
      .slice(0, 55);
    const first = plain || otherwise;
    let metric = first;
    let last = used.get(first) ?? 1;
    while (used.has(metric)) metric = `${first}_${++last}`;
    used.set(metric, 1).set(first, last);
    return metric;
  };
}

/** What a map with this register alone would be refused for. */
export function registerFault(row: Json, base: AddressBase = 0): string | undefined {
  try {
    const needsTable = base !== '4xxxx' && row['table'] === undefined;
    parseMap(JSON.stringify({ name: 'one', base, ...(needsTable && { table: 'holding' }), registers: [row] }), 'one');
    return undefined;
  } catch (error) {
    return reasonOf(error).replace(/^one, register 1(?: \([^)]*\))?, /, '');
  }
}

/** Adds the row, or the reason why there is none. A period that no poll can have is left out. */
export function take(rows: Row[], problems: string[], where: string, row: Row | string): void {
  if (typeof row === 'string') problems.push(`${where}: ${row}`);
  else if (rows.length >= MOST_ROWS) problems.push(`${where}: more than ${MOST_ROWS} registers`);
  else {
    const { every, ...rest } = row;
    const wrong = registerFault(rest);
    const period = wrong === undefined && every !== undefined ? registerFault(row) : undefined;
    if (wrong === undefined) rows.push(period === undefined ? row : rest);
    const told = wrong ?? period;
    if (told !== undefined) problems.push(`${where}: ${told}`);
  }
}

/** The JSON of a register map with these rows. */
export function mapText(name: string, document: string, rows: readonly Row[]): string {
  const plain =
    name
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[^a-z0-9]+/, '')
      .slice(0, 60) || 'imported';
  return JSON.stringify({ name: plain, document, base: 0, registers: rows }, undefined, 2);
}
