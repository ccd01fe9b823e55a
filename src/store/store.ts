// The database as Fieldline uses it: one bounded pool, statements that answer with faults, and whether it is there.
import pg from 'pg';
import { digest } from '../kernel/bytes.ts';
import { Fault } from '../kernel/fault.ts';
import type { BulkWrite, Query } from '../reading/contracts.ts';
import { encoded } from './array.ts';
import { ask } from './ask.ts';
import { bulkWrite } from './bulk.ts';
import { databaseFault, overtimeFault } from './fault.ts';
import { sessionOf } from './session.ts';
import { shareOf } from './share.ts';

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
  /** Any statement. A quarter of the connections is kept from these, for what is prepared and for bulk writes. */
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

const STATEMENT_MS = 30_000;
/** As many as a pool has at most. */
export const defaultConnections = 20;

/** Opens no connection yet. Throws a Fault FIELDLINE_SETTING when the url is none. */
export function openStore(options: StoreOptions): Store {
  const { statementTimeoutMs = STATEMENT_MS } = options;
  // The server ends it before that, where there is one.
  const limitMs = statementTimeoutMs + 5000;
  const session = sessionOf(statementTimeoutMs);
  const pool = new pg.Pool(poolConfig(options, session));
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
    sql: string,
    run: () => Promise<pg.QueryResult<pg.QueryResultRow>>,
    faultOf = databaseFault,
  ): Promise<readonly Row[]> {
    try {
      const result = await run();
      report();
      return result.rows as Row[];
    } catch (error) {
      const fault = faultOf(error, sql);
      if (UNNAMED.has((error as { code?: string }).code ?? '')) named = false;
      report(fault);
      throw fault;
    }
  }

  /** Until something between turns out to lose what was prepared. */
  let named = true;
  const on = (client: pg.PoolClient, faultOf?: typeof databaseFault): { query: Query; prepared: Query } => {
    const run = <Row>(sql: string, values: readonly unknown[], name: object): Promise<readonly Row[]> =>
      answered<Row>(sql, () => ask(client, { ...name, text: sql, values: encoded(sql, values) }, limitMs), faultOf);
    const nameFor = (sql: string) => (named && !session.isPooled(client) ? { name: nameOf(sql) } : {});
    return {
      query: (sql, values = []) => run(sql, values, {}),
      prepared: (sql, values = []) => run(sql, values, nameFor(sql)),
    };
  };

  async function connected(): Promise<pg.PoolClient> {
    try {
      // Throws at once where a file of the address (a certificate) cannot be read.
      return await pool.connect();
    } catch (error) {
      const fault = databaseFault(error);
      report(fault);
      throw fault;
    }
  }

  /** Between BEGIN and COMMIT; ROLLBACK when the work rejects. */
  async function transactionOn<T>(
    client: pg.PoolClient,
    work: (query: Query, prepared: Query) => Promise<T>,
    faultOf?: typeof databaseFault,
  ): Promise<T> {
    const { query, prepared } = on(client, faultOf);
    try {
      await query(session.transaction(client));
      const result = await work(query, prepared);
      await query('COMMIT');
      client.release();
      return result;
    } catch (error) {
      // What it says adds nothing to the reason.
      const broken = await ask(client, { text: 'ROLLBACK' }, limitMs).then(
        () => false,
        () => true,
      );
      client.release(broken);
      throw error;
    }
  }

  async function transaction<T>(
    work: (query: Query, prepared: Query) => Promise<T>,
    faultOf?: typeof databaseFault,
  ): Promise<T> {
    return transactionOn(await connected(), work, faultOf);
  }

  /** A statement that is a transaction of its own, in which a pooler needs to be told what else belongs to the session. */
  async function single<T>(run: (statements: { query: Query; prepared: Query }) => Promise<T>): Promise<T> {
    const client = await connected();
    if (session.isPooled(client)) return transactionOn(client, (query, prepared) => run({ query, prepared }));
    try {
      const result = await run(on(client));
      client.release();
      return result;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  // While somebody holds a lock on one table, questions about it must not take the connections of those who write to others.
  const { max = 1, connectionTimeoutMillis = 0 } = pool.options;
  const share = shareOf(max - Math.floor(max / 4), connectionTimeoutMillis);
  const query: Query = (sql, values) => share(() => single(({ query }) => query(sql, values)));
  const prepared: Query = (sql, values) => single(({ prepared }) => prepared(sql, values));
  return {
    query,
    prepared,
    within: limitMs => (sql, values) =>
      share(() =>
        transaction(
          async query => {
            await query(`SET LOCAL statement_timeout = ${limitMs}; SET LOCAL lock_timeout = 0`);
            return query(sql, values);
          },
          error => overtimeFault(error, limitMs),
        ),
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
export function poolConfig(
  options: StoreOptions,
  session = sessionOf(options.statementTimeoutMs ?? STATEMENT_MS),
): pg.PoolConfig {
  const { connections = defaultConnections, connectTimeoutMs = 5_000 } = options;
  checkUrl(options.url);
  const url = new URL(options.url);
  // To the driver they are one and the same; of the others it complains on the screen.
  if (
    /^(prefer|require|verify-ca)$/.test(url.searchParams.get('sslmode') ?? '') &&
    !url.searchParams.has('uselibpqcompat')
  )
    url.searchParams.set('sslmode', 'verify-full');
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
    onConnect: client => session.begin(client, connectTimeoutMs),
  };
}

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
