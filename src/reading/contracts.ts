// Contracts between rooms, types only: a node or the launcher hands one room's work to another through these.
import type { Settled } from '../kernel/ticket.ts';
import type { Raw } from './raw.ts';

/**
 * A source keeps each message until `settle` was called; it acknowledges in order of receipt. `settle` may be called
 * at any time, in any order, once. A source never emits a message again while its settle is outstanding.
 */
export type Source = (onMessage: (raw: Raw, settle: (settled: Settled) => void) => void) => {
  /** Emits no more until `resume`; what is out stays out. */
  pause(): void;
  resume(): void;
  /** Ends; messages not settled by then are not acknowledged. */
  close(): Promise<void>;
};

/** What became of one row: `stored` and `duplicate` are both success; `rejected` is a data fault of this row alone. */
export type Outcome = 'stored' | 'duplicate' | { rejected: string };

/** `write` answers per row, in order. It rejects with a Fault of kind `outage` when nothing was written. */
export type Sink<Row> = { write(rows: readonly Row[]): Promise<readonly Outcome[]>; close(): Promise<void> };

/** One parameterised statement. Rejects with a Fault (outage or data). */
export type Query = <R>(sql: string, values?: readonly unknown[]) => Promise<readonly R[]>;

/** A statement that takes many items at once: arrays among the values become PostgreSQL arrays. */
export type Statement = {
  sql: string;
  values: readonly unknown[];
  /** Reads the same values as their types and touches no table: what fails here fails by its values, whatever it is called. */
  reads?: string;
};

/** What one statement of a bulk write answered for its items; or the one item that the database refused, and why. */
export type Written<Item, Row> =
  | { items: readonly Item[]; rows: readonly Row[] }
  | { items: readonly [Item]; refused: string };

/**
 * Writes items by one statement that takes them all, committed before it resolves. A data fault is narrowed down to the
 * items that cause it, so that the rest lands. Rejects with a Fault of kind `outage` when nothing was written.
 */
export type BulkWrite = <Item, Row>(
  items: readonly Item[],
  statement: (items: readonly Item[]) => Statement,
  /** Whether each table that the statement goes into has taken an item that is new. With it the statement may go with empty arrays, too. */
  landed?: (rows: readonly Row[]) => boolean,
) => Promise<readonly Written<Item, Row>[]>;
