// Request grouping: which reads fetch all fields of a map in the fewest requests a device accepts.
import { expected, Fault } from '../kernel/fault.ts';
import { isBitTable, type Table } from './link.ts';
import type { Place } from './field.ts';

export type Limits = {
  /** Most registers in one request: 125 by the standard, less on some devices. */
  maxWords: number;
  /** Most bits in one request: 2000 by the standard. */
  maxBits: number;
  /** Registers that nobody asked for and that may be read on the way to the next field; 16 times as many bits. */
  gapBudget: number;
};

/** The smaller ones of what is set and what the map knows of the device. */
export function limitsOf(set: Limits, { maxWords = set.maxWords, gapBudget = set.gapBudget }: Partial<Limits>): Limits {
  return {
    maxWords: Math.min(set.maxWords, maxWords),
    maxBits: set.maxBits,
    gapBudget: Math.min(set.gapBudget, gapBudget),
  };
}

/** One request and the fields it brings. `count` is registers, or bits of a bit table. */
export type Group = { table: Table; address: number; count: number; fields: readonly Place[] };

const endOf = (field: Place) => field.address + field.span;

/** Groups in order of table and address. No field is ever split over two requests: its halves would be of two moments. */
export function plan(fields: readonly Place[], limits: Limits): Group[] {
  const byTable = Map.groupBy(fields, field => field.table);
  return [...byTable.keys()].sort().flatMap(table => groupsOf(table, byTable.get(table) ?? [], limits));
}

function groupsOf(table: Table, fields: readonly Place[], limits: Limits): Group[] {
  const limit = isBitTable(table) ? limits.maxBits : limits.maxWords;
  const budget = isBitTable(table) ? limits.gapBudget * 16 : limits.gapBudget;
  const groups: Group[] = [];
  let open: Place[] = [];
  let start = 0;
  let end = 0;
  const close = () => {
    if (open.length > 0) groups.push({ table, address: start, count: end - start, fields: open });
    open = [];
  };
  for (const field of inOrder(fields)) {
    if (field.span > limit)
      throw new Fault('FIELDLINE_MODBUS', expected(field.metric, `at most ${limit} registers a request`, field.span));
    const fits = Math.max(end, endOf(field)) - start <= limit && field.address - end <= budget;
    if (open.length === 0 || !fits) {
      close();
      start = field.address;
      end = start;
    }
    open.push(field);
    end = Math.max(end, endOf(field));
  }
  close();
  return groups;
}

/**
 * Smaller groups to try after the unit refused this one (exception 02 or 03): first without the gaps, which strict
 * devices refuse, then halves. Empty when nothing is left to divide: that field itself is refused.
 */
export function split(group: Group): Group[] {
  const whole: Limits = { maxWords: group.count, maxBits: group.count, gapBudget: 0 };
  const runs = groupsOf(group.table, group.fields, whole);
  if (runs.length > 1) return runs;
  const addresses = [...new Set(group.fields.map(field => `${field.address}+${field.span}`))];
  if (addresses.length === 1) return [];
  const half = Math.ceil(group.fields.length / 2);
  const fields = inOrder(group.fields);
  return [fields.slice(0, half), fields.slice(half)].flatMap(part => groupsOf(group.table, part, whole));
}

const inOrder = (fields: readonly Place[]) => fields.toSorted((a, b) => a.address - b.address || b.span - a.span);
