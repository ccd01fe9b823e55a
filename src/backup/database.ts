// A database out of one snapshot into pieces of text, and back into empty tables: no program of PostgreSQL is needed, and any version reads it.
import pg from 'pg';
import { expected, Fault } from '../kernel/fault.ts';
import { copyIn, copyOut } from './copy.ts';
import { dropKeys, keysOf } from './keys.ts';
import { leftOutOf } from './left-out.ts';
import { type Made, makeAll, type NotMade, onTopOf, partsOf, RELATIONS } from './objects.ts';
import {
  addedTo,
  checksOf,
  copyInSql,
  copyOutSql,
  keyOf,
  type Sequence,
  SETTINGS,
  sequencesOf,
  sqlName,
  type Sum,
  summed,
  sumOf,
  type TableShape,
  tablesOf,
  takesRowsOf,
} from './tables.ts';

export type DatabaseHead = {
  /** Version of the migrations that its tables are of. */
  version: number;
  /** Of the server it came from, e.g. 18.1. */
  server: string;
  /** What the operator's own tables are made of, and what stands on tables; left out in older backups. */
  parts?: readonly Made[];
  onTop?: readonly Made[];
  /** Of an older backup: the statements of its parts. */
  types?: readonly string[];
  tables: readonly TableShape[];
  sequences: readonly Sequence[];
};
export type Sums = Readonly<Record<string, Sum>>;

/** Pieces of a table are at most this long, so that neither side holds more of it in memory. */
const PIECE = 4 << 20;
const CONNECT_MS = 5000;

/** Where it is aborted, what runs is cut off: `work` then rejects. A server that hangs is given up before anything is asked of it. */
async function connected<T>(
  url: string,
  signal: AbortSignal | undefined,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'fieldline backup',
  });
  client.on('error', () => undefined);
  signal?.throwIfAborted();
  const end = (): void => void client.end();
  await client.connect();
  signal?.addEventListener('abort', end);
  try {
    signal?.throwIfAborted();
    return await work(client);
  } finally {
    signal?.removeEventListener('abort', end);
    await client.end();
  }
}

export type Dump = {
  head(head: DatabaseHead): Promise<void>;
  piece(table: string, bytes: Buffer): Promise<void>;
  /** Told of each thing that is in the database and not in the backup. */
  lacks(what: string): void;
};

/** Hands over the shape first, then the rows of each table in pieces; answers the sums. All of one moment. */
export function dumpDatabase(url: string, out: Dump, signal?: AbortSignal): Promise<Sums> {
  return connected(url, signal, async client => {
    await client.query(`BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY; ${SETTINGS}`);
    const [at] = (
      await client.query<{ version: number; server: string }>(
        `SELECT max(version) AS version, current_setting('server_version') AS server FROM fieldline_migrations`,
      )
    ).rows;
    const tables = await unlocked(client, async () => {
      const found = await tablesOf(client);
      const [parts, onTop, sequences] = [await partsOf(client), await onTopOf(client), await sequencesOf(client)];
      await out.head({ ...at!, parts, onTop, tables: found, sequences });
      for (const what of await leftOutOf(client)) out.lacks(what);
      return found;
    });
    const sums: Record<string, Sum> = {};
    for (const table of tables) {
      let sum: Sum = { rows: 0, digest: '0' };
      for (const from of partsToRead(table))
        sum = summed(sum, await unlocked(client, () => dumpRows(client, table, from, out)).catch(goneIf(table)));
      sums[keyOf(table)] = sum;
    }
    await client.query('COMMIT');
    return sums;
  });
}

/**
 * Work whose locks are let go of after it, while the snapshot stays. Else a new month, or one that retention drops, would
 * wait for the end of the backup, and all writers behind it.
 */
async function unlocked<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('SAVEPOINT unlocked');
  try {
    return await work();
  } finally {
    await client.query('ROLLBACK TO SAVEPOINT unlocked');
  }
}

/** Leaf by leaf: to read from the whole would lock all of them for as long as all of it takes. */
function partsToRead(table: TableShape): readonly string[] {
  const { leaves = [] } = table;
  return leaves.length > 0 ? leaves : [sqlName(table)];
}

/** Retention may have dropped a leaf before its turn: it holds no rows then. */
function goneIf({ leaves = [] }: TableShape): (error: unknown) => Sum {
  return error => {
    if (leaves.length > 0 && (error as { code?: string }).code === '42P01') return { rows: 0, digest: '0' };
    throw error;
  };
}

async function dumpRows(client: pg.Client, table: TableShape, from: string, out: Dump): Promise<Sum> {
  const sum = await sumOf(client, table, from);
  let pieces: Buffer[] = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(pieces);
    pieces = [];
    size = 0;
    if (bytes.length > 0) await out.piece(keyOf(table), bytes);
  };
  await copyOut(client, copyOutSql(table, from), piece => {
    pieces.push(piece);
    size += piece.length;
    return size < PIECE ? undefined : flush();
  });
  await flush();
  return sum;
}

export type Filling = {
  /** The rows of one table. */
  fill(table: string, pieces: AsyncIterable<Uint8Array>): Promise<void>;
  /** Compares what is there with what was, and commits. Throws a Fault that names the table that differs. */
  finish(sums: Sums): Promise<void>;
};

/**
 * Fills the tables of a database that is migrated to the version of the backup; all of it, or nothing. Resolves with what
 * this server does not let be made besides tables: a view of another extension, a right of a role that may not be made.
 */
export function fillDatabase(
  url: string,
  head: DatabaseHead,
  work: (filling: Filling) => Promise<void>,
  signal?: AbortSignal,
): Promise<readonly NotMade[]> {
  const known = new Map(head.tables.map(table => [keyOf(table), table]));
  return connected(url, signal, async client => {
    await client.query(`BEGIN; ${SETTINGS}; SET LOCAL fieldline.writer = 'on'`);
    const loud = await silenceTriggers(client);
    const keys = await keysOf(client);
    const left = await prepare(client, head);
    const dropped = await dropChecks(client, head);
    const keyless = await dropKeys(client, keys, head.onTop);
    let notMade: readonly NotMade[] = [];
    await work({
      async fill(name, pieces) {
        const table = known.get(name);
        if (table === undefined) throw wrong('a table that the backup names', name);
        await copyIn(client, copyInSql(table), pieces);
      },
      async finish(sums) {
        for (const sequence of head.sequences)
          if (sequence.last !== null)
            await client.query('SELECT setval($1::regclass, $2)', [sqlName(sequence), sequence.last]);
        for (const table of head.tables) {
          const [was, is] = [sums[keyOf(table)], await sumOf(client, table, sqlName(table))];
          if (was?.rows !== is.rows) throw wrong(`${was?.rows} rows in ${keyOf(table)}`, is.rows);
          if (was.digest !== is.digest) throw wrong(`the rows of ${keyOf(table)} as they were`, 'other contents');
        }
        for (const sql of loud) await client.query(sql);
        const behind = [...left, ...(head.onTop ?? [])];
        notMade = [...dropped, ...(await makeAll(client, behind, await onTopOf(client)))];
        const double = await makeAll(client, keyless, []);
        notMade = [
          ...notMade,
          ...double.map(key => ({ ...key, reason: `${key.reason}; remove all but one, then run the statement` })),
        ];
        await client.query('COMMIT');
      },
    });
    return notMade;
  });
}

function wrong(what: string, got: unknown): Fault {
  return new Fault('FIELDLINE_BACKUP', expected('restore', what, got));
}

/**
 * Triggers have done their work when the rows were first written. Resolves with the statements that let them work again: a
 * superuser switches off all for this transaction; an owner takes them off, since not every TimescaleDB lets him disable them.
 */
async function silenceTriggers(client: pg.Client): Promise<readonly string[]> {
  await client.query('SAVEPOINT triggers');
  try {
    await client.query('SET LOCAL session_replication_role = replica');
    return [];
  } catch {
    await client.query('ROLLBACK TO SAVEPOINT triggers');
  }
  const { rows } = await client.query<{ off: string; on: string }>(
    `SELECT format('DROP TRIGGER %I ON %s', t.tgname, c.oid::regclass) AS off, pg_get_triggerdef(t.oid) AS on
     FROM pg_trigger t, ${RELATIONS} AND c.oid = t.tgrelid AND NOT t.tgisinternal AND t.tgparentid = 0 AND t.tgenabled = 'O'`,
  );
  for (const { off } of rows) await client.query(off);
  // What is deferred is checked before they are switched on: a table with checks to come is not altered.
  return rows.length === 0 ? [] : ['SET CONSTRAINTS ALL IMMEDIATE', ...rows.map(({ on }) => on)];
}

/**
 * Tables of the operator's own are made, those of the migrations are emptied of what the migrations have put there. One of
 * these that an operator had changed so that its rows would not fit into it is made as it was; what stood on it comes after the rows.
 */
async function prepare(client: pg.Client, head: DatabaseHead): Promise<readonly NotMade[]> {
  const { types = [], parts = types.map(sql => ({ key: sql, sql })), tables, sequences } = head;
  // What a function speaks of may come after it.
  await client.query('SET check_function_bodies = off');
  const standing = new Map((await tablesOf(client)).map(table => [tableKey(table), table]));
  for (const table of tables) {
    const migrated = standing.get(tableKey(table));
    if (migrated === undefined || takesRowsOf(migrated, table)) continue;
    await client.query(`DROP TABLE ${sqlName(table)} CASCADE`);
    standing.delete(tableKey(table));
  }
  const there = [...standing.keys()].map(key => ({ key, sql: '' }));
  const own = tables.filter(table => !standing.has(tableKey(table)));
  const left = await makeAll(
    client,
    [
      ...parts,
      ...sequences.filter(({ identity }) => !identity).map(sequenceMade),
      ...own.flatMap(table => table.create.map((sql, at) => ({ key: at === 0 ? tableKey(table) : sql, sql }))),
    ],
    [...there, ...(await partsOf(client)), ...(await sequencesOf(client)).map(sequenceMade)],
  );
  const lost = left.find(({ key }) => own.some(table => tableKey(table) === key));
  if (lost !== undefined) throw wrong(`${lost.key} to be made (${lost.sql})`, lost.reason);
  if (tables.length > 0) await client.query(`TRUNCATE ${tables.map(sqlName).join(', ')} CASCADE`);
  for (const table of tables) {
    const migrated = standing.get(tableKey(table));
    for (const column of migrated === undefined ? [] : addedTo(migrated, table))
      await client.query(`ALTER TABLE ${sqlName(table)} ADD COLUMN ${column}`);
  }
  for (const { name, months } of tables)
    for (const month of months) await client.query('SELECT prepare_month($1, $2)', [name, `${month}-01T00:00:00Z`]);
  return left;
}

/**
 * A CHECK of the migrations that an operator had dropped or changed would refuse rows that were there. What was changed comes
 * as it was, after the rows; resolves with those that were dropped.
 */
async function dropChecks(client: pg.Client, { tables, onTop }: DatabaseHead): Promise<readonly NotMade[]> {
  const dropped: NotMade[] = [];
  const standing = new Map((await tablesOf(client)).map(table => [tableKey(table), table]));
  // An older backup does not tell what stood on tables.
  for (const table of onTop === undefined ? [] : tables) {
    const were = checksOf(table);
    for (const [name, check] of checksOf(standing.get(tableKey(table))!)) {
      // As new rows are to be, and those that are there need not.
      if (were.get(name) === check && !check.endsWith(' NOT VALID')) continue;
      await client.query(`ALTER TABLE ${sqlName(table)} DROP CONSTRAINT ${name}`);
      if (were.has(name)) continue;
      const sql = `ALTER TABLE ${sqlName(table)} ADD CONSTRAINT ${name} ${check}`;
      const reason = 'somebody had dropped it before the backup was taken';
      dropped.push({ key: `constraint ${name} of ${keyOf(table)}`, sql, reason });
    }
  }
  return dropped;
}

const tableKey = (table: TableShape): string => `table ${sqlName(table)}`;
const sequenceMade = (sequence: Sequence): Made => ({
  key: `sequence ${sqlName(sequence)}`,
  sql: `CREATE SEQUENCE ${sqlName(sequence)} ${sequence.options ?? ''}`,
});
