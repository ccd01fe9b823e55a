// Blame: a fault whose code does not tell whose it is, looked into within the transaction: does an item bring it about, or the table?
import { Fault } from '../kernel/fault.ts';
import type { Query, Statement } from '../reading/contracts.ts';
import { asOfRow, mayBeOfRow } from './fault.ts';
import { insertsOf } from './inserts.ts';

export type Blame<Item, Row> = {
  /** The fault as one of these items; as it came where the table is to blame, or nobody can tell. */
  of(fault: Fault, part: readonly Item[]): Promise<Fault>;
  /** Whether it fails without any item, as where a trigger of the whole statement does: hardly one of them is to blame. */
  isWithout(part: readonly Item[]): Promise<boolean>;
  /** What was written, and stays. */
  wrote(sql: string, rows: readonly Row[]): void;
};

/** So many are tried one by one, spread over all: where a table takes none of them, it takes nobody. */
const SAMPLES = 20;

/**
 * An item is to blame where its values alone cannot be read, or where each table that it goes into has taken another one
 * that is new. A table that is missing, or a trigger that fails for everybody, is an outage as before.
 * `items`: all of the write. Each trial is undone to the savepoint `part`.
 */
export function blameAmong<Item, Row>(
  query: Query,
  items: readonly Item[],
  statement: (items: readonly Item[]) => Statement,
  landed: (rows: readonly Row[]) => boolean,
): Blame<Item, Row> {
  /** Tables that have taken an item. */
  const taking = new Set<string>();
  /** Tables for which samples were tried: they take none where they are not among those. */
  const tried = new Set<string>();

  /** By text: what it answers without items. */
  const known = new Map<string, Promise<readonly Row[] | undefined>>();

  const tablesOf = (sql: string): readonly string[] => insertsOf(sql).map(({ table }) => table);

  /** What it answers; undefined where it is refused. Rejects where nobody answers. */
  async function trial(sql: string, values: readonly unknown[]): Promise<readonly Row[] | undefined> {
    let rows: readonly Row[] | undefined;
    try {
      rows = await query<Row>(sql, values);
    } catch (error) {
      if (!(error instanceof Fault) || (error.kind === 'outage' && !mayBeOfRow(error))) throw error;
    }
    await query('ROLLBACK TO SAVEPOINT part');
    return rows;
  }

  async function isUnreadable(part: readonly Item[]): Promise<boolean> {
    const { reads, values } = statement(part);
    if (reads === undefined || (await trial(reads, values)) !== undefined) return false;
    // A type that is gone, or whose reading is broken, is nobody's value.
    return (await trial(reads, emptied(values))) !== undefined;
  }

  function wrote(sql: string, rows: readonly Row[]): void {
    if (landed(rows)) for (const table of tablesOf(sql)) taking.add(table);
  }

  async function isWithout(part: readonly Item[]): Promise<boolean> {
    const { sql, values } = statement(part);
    known.set(sql, known.get(sql) ?? trial(sql, emptied(values)));
    return (await known.get(sql)) === undefined;
  }

  async function tryFor(table: string): Promise<void> {
    if (taking.has(table) || tried.has(table)) return;
    tried.add(table);
    const others = items.filter(item => tablesOf(statement([item]).sql).includes(table));
    const step = Math.ceil(others.length / SAMPLES);
    for (let at = 0; at < others.length && !taking.has(table); at += step) {
      const { sql, values } = statement([others[at]!]);
      const rows = await trial(sql, values);
      if (rows !== undefined) wrote(sql, rows);
    }
  }

  async function takesOthers(sql: string): Promise<boolean> {
    const tables = tablesOf(sql);
    for (const table of tables) {
      await tryFor(table);
      if (!taking.has(table)) return false;
    }
    return tables.length > 0;
  }

  return {
    async of(fault, part) {
      const { sql } = statement(part);
      const isTaken = tablesOf(sql).every(table => taking.has(table));
      return isTaken || (await isUnreadable(part)) || (await takesOthers(sql)) ? asOfRow(fault) : fault;
    },
    isWithout,
    wrote,
  };
}

/** The same statement for no items. */
const emptied = (values: readonly unknown[]): readonly unknown[] =>
  values.map(value => (Array.isArray(value) ? [] : value));
