// Blame: a fault whose code does not tell whose it is, looked into within the transaction: does an item bring it about, or the table?
import { Fault } from '../kernel/fault.ts';
import type { Query, Statement } from '../reading/contracts.ts';
import { asOfRow, mayBeOfRow } from './fault.ts';

export type Blame<Item> = {
  /** The fault as one of these items; as it came where the table is to blame, or nobody can tell. */
  of(fault: Fault, part: readonly Item[]): Promise<Fault>;
};

/** So many are tried one by one, spread over all: where the table takes none of them, it takes nobody. */
const SAMPLES = 20;

/**
 * An item is to blame where its values alone cannot be read, or where the table takes nothing amiss about a statement without
 * items, and takes others. A table that is missing, or a trigger that fails for everybody, is an outage as before.
 * `items`: all of the write. Each trial is undone to the savepoint `part`.
 */
export function blameAmong<Item, Row>(
  query: Query,
  items: readonly Item[],
  statement: (items: readonly Item[]) => Statement,
  landed: (rows: readonly Row[]) => boolean,
): Blame<Item> {
  let takes: Promise<boolean> | undefined;

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
    const none = statement([]);
    return none.reads !== undefined && (await trial(none.reads, none.values)) !== undefined;
  }

  async function takesOthers(): Promise<boolean> {
    const none = statement([]);
    if ((await trial(none.sql, none.values)) === undefined) return false;
    const step = Math.ceil(items.length / SAMPLES);
    for (let at = 0; at < items.length; at += step) {
      const { sql, values } = statement([items[at]!]);
      const rows = await trial(sql, values);
      if (rows !== undefined && landed(rows)) return true;
    }
    return false;
  }

  return {
    async of(fault, part) {
      if ((await takes) || (await isUnreadable(part))) return asOfRow(fault);
      takes ??= takesOthers();
      return (await takes) ? asOfRow(fault) : fault;
    },
  };
}
