// Bulk writes: one statement for many items; when the database refuses it, parts of it until the culprits stand alone.
import { Fault } from '../kernel/fault.ts';
import type { BulkWrite, Query, Statement, Written } from '../reading/contracts.ts';
import { type Blame, blameAmong } from './blame.ts';
import { checkDefaults } from './defaults.ts';
import { mayBeOfRow, refusingHypertable, unfilledFault } from './fault.ts';

type Transaction = <T>(work: (query: Query, prepared: Query) => Promise<T>) => Promise<T>;

/**
 * The good case is one prepared statement, which is a transaction of its own. Only after a data fault are the items
 * written in parts, inside one transaction with savepoints: an outage in the middle then leaves nothing behind.
 */
export function bulkWrite(prepared: Query, transaction: Transaction): BulkWrite {
  return async (items, statement, landed) => {
    const whole = statement(items);
    try {
      return [{ items, rows: await prepared(whole.sql, whole.values) }];
    } catch (error) {
      if (landed === undefined || !isDoubtful(error)) {
        const fault = await ofItem(error, whole, prepared);
        if (items.length === 1) {
          await transaction(query => checkDefaults(query, whole.sql));
          return [{ items: [items[0]!], refused: fault.message }];
        }
      }
      return await transaction((query, prepared) =>
        narrowed(query, prepared, items, statement, landed && blameAmong(query, items, statement, landed)),
      );
    }
  };
}

/**
 * Writes the items in order. A part that is refused is tried by halves; behind a culprit the next part is as long as the
 * way to it was: one culprit costs a few statements, and where every second item is one they go one by one.
 */
async function narrowed<Item, Row>(
  query: Query,
  prepared: Query,
  items: readonly Item[],
  statement: (items: readonly Item[]) => Statement,
  blame: Blame<Item> | undefined,
): Promise<readonly Written<Item, Row>[]> {
  const written: Written<Item, Row>[] = [];
  // At the end of the transaction nobody could tell whose fault it was.
  await query('SET CONSTRAINTS ALL IMMEDIATE; SAVEPOINT part');
  /** One of the items before this place is refused; the last one was before `last`. */
  let until = items.length;
  let last = 0;
  let isChecked = false;
  for (let at = 0, size = Math.max(1, items.length >> 1); at < items.length; ) {
    const part = items.slice(at, at + size);
    const { sql, values } = statement(part);
    try {
      written.push({ items: part, rows: await prepared<Row>(sql, values) });
      at += part.length;
      await query('RELEASE SAVEPOINT part; SAVEPOINT part');
    } catch (error) {
      const isBlamed = blame !== undefined && isDoubtful(error);
      if (!isBlamed && !isOfItem(error)) throw error;
      await query('ROLLBACK TO SAVEPOINT part');
      if (!isChecked && !isBlamed) await checkDefaults(query, sql);
      isChecked ||= !isBlamed;
      const { message } = await ofItem(isBlamed ? await blame.of(error, part) : error, { sql }, query);
      until = at + part.length;
      if (part.length === 1) {
        written.push({ items: [part[0]!], refused: message });
        at = until;
        size = Math.max(1, at - 1 - last);
        last = at;
        continue;
      }
    }
    size = at < until ? Math.max(1, (until - at) >> 1) : size * 2;
  }
  return written;
}

const isDoubtful = (error: unknown): error is Fault =>
  error instanceof Fault && error.kind === 'outage' && mayBeOfRow(error);
const isOfItem = (error: unknown): error is Fault => error instanceof Fault && error.kind === 'data';

/** Not by the chunk: it may have come with the statement, and be gone with it. */
const HYPERTABLE = 'SELECT table_name::text AS name FROM _timescaledb_catalog.hypertable WHERE id = $1';

/** The fault of one of the items. Rejects with what is none: an outage, and a table that can take no item at all. */
async function ofItem(error: unknown, { sql }: Pick<Statement, 'sql'>, query: Query): Promise<Fault> {
  if (!isOfItem(error)) throw error;
  const number = refusingHypertable(error);
  const [hypertable] = number === undefined ? [] : await query<{ name: string }>(HYPERTABLE, [number]);
  const fault = unfilledFault(error, sql, hypertable?.name);
  if (isOfItem(fault)) return fault;
  throw fault;
}
