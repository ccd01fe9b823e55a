// A database that is kept in order: migrated as soon as it answers, partitions made ahead, old receipts forgotten.
import { backoff } from '../kernel/backoff.ts';
import { Fault } from '../kernel/fault.ts';
import { databaseFault } from './fault.ts';
import { migrate, migrationState } from './migrate.ts';
import type { Variant } from './migrations.ts';
import { forgetRaw } from './retention.ts';
import { rollUp } from './roll-up.ts';
import { openStore, type Store, type StoreOptions } from './store.ts';

export type DatabaseOptions = StoreOptions & {
  /** false: waits until somebody else has migrated it. */
  migrate?: boolean;
  /** Raw messages older than this go; left out: none. */
  keepRawDays?: number;
  log?: (level: 'info' | 'warn' | 'error', text: string) => void;
};

export type Database = Store & {
  /** Kind of the database, undefined until it is migrated. */
  readonly variant: Variant | undefined;
  /** Resolves when the schema is there. Rejects with a Fault FIELDLINE_MIGRATION where trying again cannot help. */
  readonly migrated: Promise<Variant>;
  /** Resolves after the first upkeep, which follows the migrations, or when there is none. */
  readonly upkept: Promise<void>;
};

const UPKEEP_MS = 3_600_000;

/**
 * Receipts are compared with the newest one, not with the clock: after a long stop the redelivered messages come first.
 */
const FORGET_RECEIPTS = `DELETE FROM receipts WHERE created_at < (SELECT max(created_at) FROM receipts) - interval '7 days'`;

export function openDatabase(options: DatabaseOptions): Database {
  const store = openStore(options);
  const log = options.log ?? (() => undefined);
  const closed = new AbortController();
  let variant: Variant | undefined;
  let upkeep: NodeJS.Timeout | undefined;

  async function once(): Promise<Variant> {
    if (options.migrate ?? true)
      return (await migrate(options.url, { password: options.password, log: line => log('info', line) })).variant;
    const state = await migrationState(store.query);
    if (state.variant !== undefined && state.version >= state.newest) return state.variant;
    throw new Fault('FIELDLINE_MIGRATION', `database: expected version ${state.newest}, got ${state.version}`, {
      kind: 'outage',
    });
  }

  async function untilMigrated(): Promise<Variant> {
    const waits = backoff(200, 5000);
    for (;;) {
      try {
        variant = await once();
        return variant;
      } catch (error) {
        const fault = databaseFault(error);
        if (fault.kind !== 'outage') throw fault;
        if (waits.attempts === 0) log('warn', `${fault.message}; trying again until it works`);
        await pause(waits.next(), closed.signal);
        if (closed.signal.aborted) throw fault;
      }
    }
  }

  async function keep(): Promise<void> {
    try {
      await store.query('SELECT prepare_months()');
      await store.query(FORGET_RECEIPTS);
      await rollUp(store.query, closed.signal);
      if (options.keepRawDays === undefined) return;
      const { rows, partitions } = await forgetRaw(store.query, options.keepRawDays, closed.signal);
      if (rows + partitions > 0)
        log('info', `retention: ${rows} raw messages and ${partitions} whole partitions removed`);
    } catch (error) {
      log('warn', `upkeep: ${databaseFault(error).message}`);
    }
  }

  const migrated = untilMigrated();
  const upkept = migrated.then(
    async () => {
      if (closed.signal.aborted) return;
      upkeep = setInterval(keep, UPKEEP_MS).unref();
      await keep();
    },
    (error: unknown) => {
      if (!closed.signal.aborted) log('error', databaseFault(error).message);
    },
  );

  return {
    query: store.query,
    prepared: store.prepared,
    within: store.within,
    bulk: store.bulk,
    pool: store.pool,
    onState: store.onState,
    get state() {
      return store.state;
    },
    get variant() {
      return variant;
    },
    migrated,
    upkept,
    async close() {
      closed.abort();
      clearInterval(upkeep);
      await upkept;
      await store.close();
    },
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
