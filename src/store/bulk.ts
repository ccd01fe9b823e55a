// Bulk writes: one statement for many items; when the database refuses it, parts of it until the culprits stand alone.
import { Fault } from '../kernel/fault.ts';
import type { BulkWrite, Query, Statement, Written } from '../reading/contracts.ts';
import { type Blame, blameAmong } from './blame.ts';
import { checkDefaults } from './defaults.ts';
import { mayBeOfRow } from './fault.ts';
import { unfilledFault } from './unfilled.ts';

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
      if (!isOfItem(error) && (landed === undefined || !isDoubtful(error))) throw error;
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
  blame: Blame<Item, Row> | undefined,
): Promise<readonly Written<Item, Row>[]> {
  const written: Written<Item, Row>[] = [];
  // At the end of the transaction nobody could tell whose fault it was.
  await query('SET CONSTRAINTS ALL IMMEDIATE; SAVEPOINT part');
  /** One of the items before this place is refused; the last one was before `last`. */
  let until = items.length;
  let last = 0;
  const faultOf = culprits(query, blame);
  for (let at = 0, size = Math.max(1, items.length >> 1); at < items.length; ) {
    const part = items.slice(at, at + size);
    const { sql, values } = statement(part);
    try {
      const rows = await prepared<Row>(sql, values);
      written.push({ items: part, rows });
      blame?.wrote(sql, rows);
      at += part.length;
      await query('RELEASE SAVEPOINT part; SAVEPOINT part');
    } catch (error) {
      if (!isOfItem(error) && (blame === undefined || !isDoubtful(error))) throw error;
      await query('ROLLBACK TO SAVEPOINT part');
      const { message } = await faultOf(error, part, sql);
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

/** The fault of one of the items of a part. Rejects with what is none: an outage, and a table that can take no item at all. */
function culprits<Item, Row>(query: Query, blame: Blame<Item, Row> | undefined) {
  let isChecked = false;
  const unfilled = new Map<string, ReturnType<typeof unfilledFault>>();

  return async (error: Fault, part: readonly Item[], sql: string): Promise<Fault> => {
    if (!isOfItem(error)) return orThrow(await blame!.of(error, part));
    if (!isChecked) await checkDefaults(query, sql);
    isChecked = true;
    if (blame !== undefined && (await blame.isWithout(part))) {
      const text = `database: ${error.message}; it fails without any row, too`;
      return orThrow(await blame.of(new Fault('FIELDLINE_TABLE', text, { kind: 'outage', cause: error.cause }), part));
    }
    // Thousands of items may break the same constraint.
    const { table, column, constraint } = error.cause as Readonly<Record<string, unknown>>;
    const key = JSON.stringify([sql, table, column, constraint]);
    const found = unfilled.get(key) ?? unfilledFault(query, error, sql);
    unfilled.set(key, found);
    const of = await found;
    if (of === undefined) return error;
    if (of.sure || blame === undefined) throw of.fault;
    return orThrow(await blame.of(of.fault, part));
  };
}

function orThrow(fault: Fault): Fault {
  if (isOfItem(fault)) return fault;
  throw fault;
}

const isDoubtful = (error: unknown): error is Fault =>
  error instanceof Fault && error.kind === 'outage' && mayBeOfRow(error);
const isOfItem = (error: unknown): error is Fault => error instanceof Fault && error.kind === 'data';
