// What a session of Fieldline is set to, whatever user, database and server are; behind a pooler, what each transaction is.
import type { ClientBase } from 'pg';
import { ask } from './ask.ts';

/**
 * Triggers that tell of other writers' rows skip the connections that carry the mark. Values are written as the driver
 * reads them, and read as it writes them. Writers of the same device wait for each other, where a stricter isolation would
 * end one of them. A server would keep the locks of a transaction whose client has gone without a word for hours,
 * and would work at one question of a dashboard with all its cores, while every commit waits.
 */
const SETTINGS = {
  'fieldline.writer': 'on',
  datestyle: 'ISO',
  intervalstyle: 'postgres',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  default_transaction_isolation: 'read committed',
  idle_in_transaction_session_timeout: '60s',
  max_parallel_workers_per_gather: '0',
};

/** Of a connection alone: the server notices by itself that nobody is there any more. */
const OF_CONNECTION = { tcp_keepalives_idle: '30', tcp_keepalives_interval: '10', tcp_keepalives_count: '3' };

/** What is committed is on the disk, and no limit that this server may know (from version 14, 17 on) ends it. */
const WHERE_NEEDED = (isLocal: boolean): string => `
  SELECT set_config('synchronous_commit', 'on', ${isLocal}) WHERE current_setting('synchronous_commit') = 'off';
  SELECT set_config(name, '0', ${isLocal}) FROM unnest('{idle_session_timeout,transaction_timeout}'::text[]) AS name
  WHERE current_setting(name, true) IS NOT NULL`;

export type Session = {
  /**
   * For a new connection. Nothing of it goes with the start, of which PgBouncer refuses what it does not know. It lets in
   * more than it has connections of the server for: within `limitMs` there is an answer, or none has come free.
   */
  begin(client: ClientBase, limitMs: number): Promise<void>;
  /**
   * A pooler in between may hand each transaction to another connection of the server, and what is set on that one stays
   * there for whoever gets it next: nothing belongs to the connection, also no prepared statement.
   */
  isPooled(client: ClientBase): boolean;
  /** Begins a transaction. */
  transaction(client: ClientBase): string;
};

export function sessionOf(statementTimeoutMs: number): Session {
  const pooled = new WeakSet<ClientBase>();
  const settings = {
    statement_timeout: String(statementTimeoutMs),
    // So that who waits for a lock (55P03) is not taken for one that works too long (57014).
    lock_timeout: String(Math.ceil(statementTimeoutMs * 0.8)),
    ...SETTINGS,
  };
  // What new transactions are by default comes too late for this one.
  const isolated = `BEGIN ISOLATION LEVEL READ COMMITTED; ${setting(settings, 'SET LOCAL')}; ${WHERE_NEEDED(true)}`;
  return {
    async begin(client, limitMs) {
      // A pooler gives a number of its own for the process that is to be cancelled.
      const { rows } = await ask(client, { text: 'SELECT pg_backend_pid() AS pid' }, limitMs);
      if (rows[0]?.pid !== (client as { processID?: number | null }).processID) pooled.add(client);
      else
        await ask(
          client,
          { text: `${setting({ ...settings, ...OF_CONNECTION }, 'SET')}; ${WHERE_NEEDED(false)}` },
          limitMs,
        );
    },
    isPooled: client => pooled.has(client),
    transaction: client => (pooled.has(client) ? isolated : 'BEGIN'),
  };
}

function setting(values: Readonly<Record<string, string>>, how: 'SET' | 'SET LOCAL'): string {
  return Object.entries(values)
    .map(([name, value]) => `${how} ${name} = '${value}'`)
    .join('; ');
}
