// A database out of one snapshot into pieces of text, and back into empty tables: no program of PostgreSQL is needed, and any version reads it.
import pg from 'pg';
import { expected, Fault } from '../kernel/fault.ts';
import { copyIn, copyOut } from './copy.ts';
import { type Made, makeAll, type NotMade, onTopOf, partsOf } from './objects.ts';
import {
  copyInSql,
  copyOutSql,
  keyOf,
  SESSION,
  type Sequence,
  sequencesOf,
  sqlName,
  type Sum,
  sumOf,
  type TableShape,
  tablesOf,
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

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'fieldline backup' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    for (const setting of SESSION) await client.query(setting);
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Hands over the shape first, then the rows of each table in pieces; answers the sums. All of one moment. */
export function dumpDatabase(
  url: string,
  out: { head(head: DatabaseHead): Promise<void>; piece(table: string, bytes: Buffer): Promise<void> },
): Promise<Sums> {
  return connected(url, async client => {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const [at] = (
      await client.query<{ version: number; server: string }>(
        `SELECT max(version) AS version, current_setting('server_version') AS server FROM fieldline_migrations`,
      )
    ).rows;
    const tables = await tablesOf(client);
    const [parts, onTop, sequences] = [await partsOf(client), await onTopOf(client), await sequencesOf(client)];
    await out.head({ ...at!, parts, onTop, tables, sequences });
    const sums: Record<string, Sum> = {};
    for (const table of tables) {
      sums[keyOf(table)] = await sumOf(client, table);
      let pieces: Buffer[] = [];
      let size = 0;
      const flush = async (): Promise<void> => {
        const bytes = Buffer.concat(pieces);
        pieces = [];
        size = 0;
        if (bytes.length > 0) await out.piece(keyOf(table), bytes);
      };
      await copyOut(client, copyOutSql(table), piece => {
        pieces.push(piece);
        size += piece.length;
        return size < PIECE ? undefined : flush();
      });
      await flush();
    }
    await client.query('COMMIT');
    return sums;
  });
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
): Promise<readonly NotMade[]> {
  const known = new Map(head.tables.map(table => [keyOf(table), table]));
  return connected(url, async client => {
    await client.query("SET fieldline.writer = 'on'");
    await client.query('BEGIN');
    await silenceTriggers(client);
    const left = await prepare(client, head);
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
          const [was, is] = [sums[keyOf(table)], await sumOf(client, table)];
          if (was?.rows !== is.rows) throw wrong(`${was?.rows} rows in ${keyOf(table)}`, is.rows);
          if (was.digest !== is.digest) throw wrong(`the rows of ${keyOf(table)} as they were`, 'other contents');
        }
        notMade = await makeAll(client, [...left, ...(head.onTop ?? [])], await onTopOf(client));
        await client.query('COMMIT');
      },
    });
    return notMade;
  });
}

function wrong(what: string, got: unknown): Fault {
  return new Fault('FIELDLINE_BACKUP', expected('restore', what, got));
}

/** Triggers have done their work when the rows were first written. Only a superuser may switch them off for a while. */
async function silenceTriggers(client: pg.Client): Promise<void> {
  await client.query('SAVEPOINT triggers');
  try {
    await client.query('SET LOCAL session_replication_role = replica');
  } catch {
    await client.query('ROLLBACK TO SAVEPOINT triggers');
  }
}

/** Tables of the operator's own are made, those of the migrations are emptied of what the migrations have put there. */
async function prepare(client: pg.Client, head: DatabaseHead): Promise<readonly NotMade[]> {
  const { types = [], parts = types.map(sql => ({ key: sql, sql })), tables, sequences } = head;
  // What a function speaks of may come after it.
  await client.query('SET check_function_bodies = off');
  const there = (await tablesOf(client)).map(table => ({ key: tableKey(table), sql: '' }));
  const known = new Set(there.map(({ key }) => key));
  const own = tables.filter(table => !known.has(tableKey(table)));
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
  for (const { name, months } of tables)
    for (const month of months) await client.query('SELECT prepare_month($1, $2)', [name, `${month}-01T00:00:00Z`]);
  return left;
}

const tableKey = (table: TableShape): string => `table ${sqlName(table)}`;
const sequenceMade = (sequence: Sequence): Made => ({
  key: `sequence ${sqlName(sequence)}`,
  sql: `CREATE SEQUENCE ${sqlName(sequence)} ${sequence.options ?? ''}`,
});
