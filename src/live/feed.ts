// Rows of other writers (X16): reads what triggers put into live_feed, each row once, also those of slow transactions and over restarts.
import { reasonOf } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';
import { isTable } from './columns.ts';
import type { Row } from './publication.ts';
import { type DatabaseRecord, rowOfRecord } from './record.ts';

/**
 * Where a reader stands, in which database (by the time of its first migration). All rows of transactions before `floor` are read; of later ones, those in `seen` (id and
 * transaction). `last` is the highest id read.
 */
export type Cursor = {
  database: string;
  floor: string;
  seen: readonly (readonly [id: number, xid: string])[];
  last: number;
};

export type Feed = {
  /** Resolves when what was there at first is told. */
  readonly begun: Promise<void>;
  /** Undefined until it has looked for the first time. */
  readonly cursor: Cursor | undefined;
  close(): Promise<void>;
};

export type FeedOptions = {
  query: Query;
  /** Calls back when there may be news, until the returned function is called. */
  listen(wake: () => void): () => void;
  /** Goes on from here; left out, begins with what comes from now on. */
  cursor?: Cursor | undefined;
  onRows(rows: readonly Row[]): void;
  /** Rows went by that cannot be read any more. */
  onLost(): void;
  log(level: 'warn', text: string): void;
  /** Where notifications do not come through (a pooler in between), it looks by itself. */
  pollMs?: number;
};

const PAGE = 1000;
const MAX_SEEN = 100_000;
const PRUNE_MS = 600_000;

type Fed = { id: number; xid: string; table_name: string; event: string; record: DatabaseRecord | null };
type Page = { database: string; floor: string; pruned: number; rows: readonly Fed[] };

/** One statement and so one view of the database: `floor` fits the rows. */
const READ = `SELECT (SELECT min(applied_at)::text FROM fieldline_migrations) AS database,
  pg_snapshot_xmin(pg_current_snapshot())::text AS floor, (SELECT id FROM live_feed_pruned) AS pruned,
  coalesce((SELECT jsonb_agg(to_jsonb(f) ORDER BY f.id) FROM (
    SELECT id, xid::text, table_name, event, record FROM live_feed
    WHERE xid >= coalesce($1::xid8, pg_snapshot_xmin(pg_current_snapshot())) AND id <> ALL ($2::bigint[])
    ORDER BY id LIMIT ${PAGE}) AS f), '[]') AS rows`;

export function openFeed(options: FeedOptions): Feed {
  const { query, listen, onRows, onLost, log, pollMs = 5000 } = options;
  let cursor = options.cursor;
  let reading: Promise<void> | undefined;
  let again = false;
  let closed = false;
  const begun = Promise.withResolvers<void>();
  let complained = false;

  function wake(): void {
    if (closed) return;
    again = true;
    reading ??= readAll().finally(() => {
      reading = undefined;
    });
  }

  async function readAll(): Promise<void> {
    try {
      while (again && !closed) {
        again = false;
        if (await readPage()) again = true;
      }
      complained = false;
      begun.resolve();
    } catch (error) {
      if (!complained && !closed) log('warn', `rows of other writers: ${reasonOf(error)}; trying again`);
      complained = true;
    }
  }

  /** True when there may be more. */
  async function readPage(): Promise<boolean> {
    const [page] = await query<Page>(READ, [cursor?.floor ?? null, cursor?.seen.map(([id]) => id) ?? []]);
    if (page === undefined || closed) return false;
    if (cursor !== undefined && cursor.database !== page.database) {
      cursor = undefined;
      onLost();
      return true;
    }
    const { rows } = page;
    const isFull = rows.length === PAGE;
    const first = cursor === undefined;
    const isPruned = cursor !== undefined && page.pruned > cursor.last;
    cursor = follow(cursor, page, isFull);
    // What was there before we began is in the tables.
    if (first) return isFull;
    // A transaction that stays open keeps the floor where it is; rather than remember without end we begin anew.
    const tooMany = cursor.seen.length > MAX_SEEN;
    if (tooMany) cursor = undefined;
    if (tooMany || isPruned || rows.some(({ event }) => event === 'LOST')) onLost();
    const told = rows.flatMap(row => rowOf(row) ?? []);
    if (told.length > 0) onRows(told);
    return isFull;
  }

  const stopListening = listen(wake);
  const poll = setInterval(wake, pollMs);
  const prune = setInterval(() => {
    query('SELECT prune_live_feed()').catch((error: unknown) => log('warn', `live feed: ${reasonOf(error)}`));
  }, PRUNE_MS);
  return {
    begun: begun.promise,
    get cursor() {
      return cursor;
    },
    async close() {
      closed = true;
      stopListening();
      clearInterval(poll);
      clearInterval(prune);
      await reading;
    },
  };
}

function follow(before: Cursor | undefined, { database, floor, pruned, rows }: Page, isFull: boolean): Cursor {
  const seen = [...(before?.seen ?? []), ...rows.map(({ id, xid }) => [id, xid] as const)];
  const last = seen.reduce((most, [id]) => Math.max(most, id), Math.max(before?.last ?? 0, pruned));
  // Rows that did not fit on the page are older than the floor, so that it has to wait for them.
  const next = isFull ? (before?.floor ?? floor) : floor;
  return { database, floor: next, seen: seen.filter(([, xid]) => BigInt(xid) >= BigInt(next)), last };
}

function rowOf({ table_name: table, event, record }: Fed): Row | undefined {
  const isEvent = event === 'INSERT' || event === 'UPDATE' || event === 'DELETE';
  return isTable(table) && isEvent && record !== null ? rowOfRecord(table, event, record) : undefined;
}
