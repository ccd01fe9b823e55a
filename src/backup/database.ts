// A database out of one snapshot into pieces of text, and back into empty tables: no program of PostgreSQL is needed, and any version reads it.
import pg from 'pg';
import { expected, Fault } from '../kernel/fault.ts';
import { copyIn, copyOut } from './copy.ts';
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
  typesOf,
} from './tables.ts';

export type DatabaseHead = {
  /** Version of the migrations that its tables are of. */
  version: number;
  /** Of the server it came from, e.g. 18.1. */
  server: string;
  /** Statements that make what the operator's own tables are made of; left out in older backups. */
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
    await out.head({ ...at!, types: await typesOf(client), tables, sequences: await sequencesOf(client) });
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

/** Fills the tables of a database that is migrated to the version of the backup; all of it, or nothing. */
export function fillDatabase(
  url: string,
  head: DatabaseHead,
  work: (filling: Filling) => Promise<void>,
): Promise<void> {
  const known = new Map(head.tables.map(table => [keyOf(table), table]));
  return connected(url, async client => {
    await client.query("SET fieldline.writer = 'on'");
    await client.query('BEGIN');
    await silenceTriggers(client);
    await prepare(client, head);
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
        await client.query('COMMIT');
      },
    });
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
async function prepare(client: pg.Client, { types = [], tables, sequences }: DatabaseHead): Promise<void> {
  const made = new Set(await typesOf(client));
  for (const sql of types) if (!made.has(sql)) await client.query(sql);
  for (const sequence of sequences)
    if (!sequence.identity) await client.query(`CREATE SEQUENCE IF NOT EXISTS ${sqlName(sequence)}`);
  const there = new Set((await tablesOf(client)).map(keyOf));
  for (const table of tables) if (!there.has(keyOf(table))) for (const sql of table.create) await client.query(sql);
  if (tables.length > 0) await client.query(`TRUNCATE ${tables.map(sqlName).join(', ')} CASCADE`);
  for (const { name, months } of tables)
    for (const month of months) await client.query('SELECT prepare_month($1, $2)', [name, `${month}-01T00:00:00Z`]);
}
