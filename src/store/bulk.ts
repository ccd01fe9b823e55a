// Bulk writes: one statement for many items; when the database refuses it, halves until the culprits stand alone.
import { Fault } from '../kernel/fault.ts';
import type { BulkWrite, Query, Statement, Written } from '../reading/contracts.ts';

type Transaction = <T>(work: (query: Query) => Promise<T>) => Promise<T>;

/**
 * The good case is one prepared statement, which is a transaction of its own. Only after a data fault are the items
 * written in parts, inside one transaction with savepoints: an outage in the middle then leaves nothing behind.
 */
export function bulkWrite(prepared: Query, transaction: Transaction): BulkWrite {
  return async (items, statement) => {
    const whole = statement(items);
    try {
      return [{ items, rows: await prepared(whole.sql, whole.values) }];
    } catch (error) {
      if (!isData(error)) throw error;
      if (items.length === 1) return [{ items: [items[0]!], refused: error.message }];
      return await transaction(query => narrowed(query, items, statement));
    }
  };
}

/** Writes the parts one after the other; a part that is refused is halved and put in its place, so order is kept. */
async function narrowed<Item, Row>(
  query: Query,
  items: readonly Item[],
  statement: (items: readonly Item[]) => Statement,
): Promise<readonly Written<Item, Row>[]> {
  const parts = [...halves(items)].reverse();
  const written: Written<Item, Row>[] = [];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const { sql, values } = statement(part);
    await query('SAVEPOINT part');
    try {
      written.push({ items: part, rows: await query<Row>(sql, values) });
    } catch (error) {
      if (!isData(error)) throw error;
      await query('ROLLBACK TO SAVEPOINT part');
      if (part.length === 1) written.push({ items: [part[0]!], refused: error.message });
      else parts.push(...[...halves(part)].reverse());
    }
    await query('RELEASE SAVEPOINT part');
  }
  return written;
}

function halves<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const middle = items.length >> 1;
  return [items.slice(0, middle), items.slice(middle)];
}

function isData(error: unknown): error is Fault {
  return error instanceof Fault && error.kind === 'data';
}
