// The database as Fieldline uses it: one bounded pool, statements that answer with faults, and whether it is there.
import pg from 'pg';
import { digest } from '../kernel/bytes.ts';
import { Fault } from '../kernel/fault.ts';
import type { BulkWrite, Query } from '../reading/contracts.ts';
import { encoded } from './array.ts';
import { bulkWrite } from './bulk.ts';
import { databaseFault, overtimeFault } from './fault.ts';

export type StoreOptions = {
  /** `postgres://user:password@host:port/database` */
  url: string;
  /** Replaces the password of the url. */
  password?: string;
  /** Most connections at once, up to 20. */
  connections?: number;
  /** Server ends a statement after this time; the client gives up 5 s later. */
  statementTimeoutMs?: number;
  connectTimeoutMs?: number;
};

export type StoreState = { up: boolean; reason: string };

export type Store = {
  /** Any statement. */
  query: Query;
  /** The same statement again and again: planned once per connection. Arrays among the values become PostgreSQL arrays. */
  prepared: Query;
  /** For statements that a user has a say in: one that takes longer rejects with a Fault of kind data, and the database counts as up. */
  within(limitMs: number): Query;
  bulk: BulkWrite;
  /** For what needs a connection of its own (LISTEN, cursors, sessions). */
  pool: pg.Pool;
  /** As the last statement found it. */
  readonly state: StoreState;
  /** Calls back on every change; returns the end of it. */
  onState(listener: (state: StoreState) => void): () => void;
  close(): Promise<void>;
};

/** As many as a pool has at most. */
export const defaultConnections = 20;

/** Opens no connection yet. Throws a Fault FIELDLINE_SETTING when the url is none. */
export function openStore(options: StoreOptions): Store {
  const pool = new pg.Pool(poolConfig(options));
  // A connection that the server ends while idle is an event of the pool, one that is checked out an event of the client;
  // unheard, either would end the process. The statement that runs into it rejects anyway.
  pool.on('error', error => report(databaseFault(error)));
  pool.on('connect', client => client.on('error', () => undefined));

  let state: StoreState = { up: false, reason: 'not asked yet' };
  const listeners = new Set<(state: StoreState) => void>();
  function report(fault?: Fault): void {
    const up = fault?.kind !== 'outage';
    const reason = up ? '' : fault!.message;
    if (up === state.up && reason === state.reason) return;
    state = { up, reason };
    for (const listener of listeners) listener(state);
  }

  async function answered<Row>(
    run: () => Promise<pg.QueryResult<pg.QueryResultRow>>,
    faultOf = databaseFault,
  ): Promise<readonly Row[]> {
    try {
      const result = await run();
      report();
      return result.rows as Row[];
    } catch (error) {
      const fault = faultOf(error);
      if (UNNAMED.has((error as { code?: string }).code ?? '')) named = false;
      report(fault);
      throw fault;
    }
  }

  /** Until a pooler in front turns out to hand each transaction to another connection of the server. */
  let named = true;
  const on = (
    runner: Pick<pg.Pool | pg.PoolClient, 'query'>,
    faultOf?: typeof databaseFault,
  ): { query: Query; prepared: Query } => ({
    query: (sql, values = []) => answered(() => runner.query({ text: sql, values: encoded(sql, values) }), faultOf),
    prepared: (sql, values = []) =>
      answered(
        () => runner.query({ ...(named && { name: nameOf(sql) }), text: sql, values: encoded(sql, values) }),
        faultOf,
      ),
  });

  /** One connection between BEGIN and COMMIT; ROLLBACK when the work rejects. */
  async function transaction<T>(
    work: (query: Query, prepared: Query) => Promise<T>,
    faultOf?: typeof databaseFault,
  ): Promise<T> {
    const client = await pool.connect().catch(error => {
      const fault = databaseFault(error);
      report(fault);
      throw fault;
    });
    const { query, prepared } = on(client, faultOf);
    try {
      await query('BEGIN');
      const result = await work(query, prepared);
      await query('COMMIT');
      client.release();
      return result;
    } catch (error) {
      const broken = await query('ROLLBACK').then(
        () => false,
        () => true,
      );
      client.release(broken);
      throw error;
    }
  }

  const { query, prepared } = on(pool);
  return {
    query,
    prepared,
    within: limitMs => (sql, values) =>
      transaction(
        async query => {
          await query(`SET LOCAL statement_timeout = ${limitMs}`);
          return query(sql, values);
        },
        error => overtimeFault(error, limitMs),
      ),
    bulk: bulkWrite(prepared, transaction),
    pool,
    get state() {
      return state;
    },
    onState(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      listeners.clear();
      if (!pool.ending) await pool.end();
    },
  };
}

/** `Pool` and `Client` options of a store; the migrations use them for a connection of their own. */
export function poolConfig(options: StoreOptions): pg.PoolConfig {
  const { connections = defaultConnections, statementTimeoutMs = 30_000, connectTimeoutMs = 5_000 } = options;
  checkUrl(options.url);
  const url = new URL(options.url);
  // Not `url.password`, which an address of a Unix socket, without a host, does not take.
  if (options.password) url.searchParams.set('password', options.password);
  return {
    connectionString: url.href,
    types: { getTypeParser: (oid, format) => (oid === INT8 ? wholeNumber : pg.types.getTypeParser(oid, format)) },
    max: Math.min(connections, defaultConnections),
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    application_name: url.searchParams.get('application_name') ?? 'fieldline',
    query_timeout: statementTimeoutMs + 5_000,
    onConnect: async client => {
      // Not as a parameter of the start, which PgBouncer refuses.
      await client.query(`SET statement_timeout = ${statementTimeoutMs}; ${SESSION}`);
    },
  };
}

/**
 * Triggers that tell of other writers' rows skip the connections that carry the mark. Values are written as the driver
 * reads them, whatever user, database and server are set to; and what is committed is on the disk. The rest is for a
 * network that goes away without a word: a server would keep the locks of an open transaction for hours.
 */
const SESSION = `SET fieldline.writer = 'on'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres';
  SET extra_float_digits = 1; SET standard_conforming_strings = on;
  SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
  SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout');
  SET idle_in_transaction_session_timeout = '60s';
  SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3`;

/** invalid_sql_statement_name, duplicate_prepared_statement: what was prepared is not known to this connection, or by another. */
const UNNAMED = new Set(['26000', '42P05']);

const INT8 = 20;
/** The driver gives every bigint as text; ids and counts are numbers to whoever reads JSON. */
function wholeNumber(text: string): number | string {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : text;
}

function checkUrl(url: string): void {
  const protocol = URL.canParse(url) ? new URL(url).protocol : undefined;
  if (protocol !== 'postgres:' && protocol !== 'postgresql:')
    // The url is not shown: it may hold a password.
    throw new Fault('FIELDLINE_SETTING', 'DATABASE_URL: expected postgres://user:password@host:port/database');
}

const names = new Map<string, string>();
function nameOf(sql: string): string {
  let name = names.get(sql);
  if (name === undefined) {
    name = `fieldline_${digest(sql)}`;
    // Texts are few and fixed; a caller that makes them up must not fill the memory.
    if (names.size < 1000) names.set(sql, name);
  }
  return name;
}
