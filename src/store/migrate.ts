// Migrations applied: forward only, each once, however many processes start at the same moment.
import pg from 'pg';
import { expected, Fault } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';
import { databaseFault } from './fault.ts';
import { type Migration, readMigrations, type Variant } from './migrations.ts';
import { poolConfig } from './store.ts';

export type Migrated = { variant: Variant; applied: readonly string[]; version: number };

/** Key of the advisory lock, "FLIN" in ASCII. */
const LOCK = 0x464c_494e;

/**
 * A transaction that alone migrates, whatever limits the user and the database are set to, and sees what another one has
 * done while it waited for the lock. Lock and settings end with it: behind a pooler they would stay with a connection of the
 * server that others get next, and the lock with it for ever.
 */
const BEGIN_ALONE = `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
  SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN ('lock_timeout', 'transaction_timeout');
  SELECT pg_advisory_xact_lock(${LOCK})`;

/** It may work a moment later: a lost connection, an operator at work, no room left, a standby, another writer. */
const PASSES = /SQLSTATE (08|25006|40|53|55P03|57)/;

/**
 * Brings the database to the newest version. Rejects with a Fault: outage when it is away, FIELDLINE_MIGRATION when an
 * applied file was changed, when the database is newer than this program, or when a statement fails.
 */
export async function migrate(
  url: string,
  options: {
    password?: string;
    folder?: string;
    /** No further than this version: that of a backup, whose rows fit the tables of their time. */
    upTo?: number;
    log?: (line: string) => void;
  } = {},
): Promise<Migrated> {
  const all = await readMigrations(options.folder);
  const migrations = all.filter(({ version }) => version <= (options.upTo ?? Infinity));
  const { connectionString, connectionTimeoutMillis } = poolConfig({ url, password: options.password });
  // A connection of its own: no statement of a migration is timed.
  const client = new pg.Client({ connectionString, connectionTimeoutMillis, application_name: 'fieldline migrate' });
  client.on('error', () => undefined);
  const query: Query = async (sql, values) => {
    try {
      return (await client.query(sql, values as unknown[])).rows;
    } catch (error) {
      throw databaseFault(error);
    }
  };
  try {
    await client.connect().catch(error => {
      throw databaseFault(error);
    });
    return await applyAll(query, migrations, options.log ?? (() => undefined));
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Version of the database and of this program, without changing anything. `variant` is undefined on an empty database. */
export async function migrationState(
  query: Query,
  folder?: string,
): Promise<{ version: number; newest: number; variant: Variant | undefined }> {
  const newest = (await readMigrations(folder)).at(-1)?.version ?? 0;
  const [table] = await query<{ found: string | null }>("SELECT to_regclass('fieldline_migrations')::text AS found");
  if (table?.found == null) return { version: 0, newest, variant: undefined };
  const [row] = await query<{ version: number | null; variant: Variant | undefined }>(
    'SELECT max(version) AS version, min(variant) AS variant FROM fieldline_migrations',
  );
  return { version: row?.version ?? 0, newest, variant: row?.variant ?? undefined };
}

async function applyAll(
  query: Query,
  migrations: readonly Migration[],
  log: (line: string) => void,
): Promise<Migrated> {
  // An extension is there before the transactions that make its tables.
  const variant = await alone(query, async () => {
    const born = variantOf(await doneIn(query, migrations));
    // One that is born with hypertables is looked at again: its server may have come to an older TimescaleDB.
    if (born === 'plain') return born;
    return (await hasTimescale(query)) ? 'timescale' : (born ?? offeredVariant(query, log));
  });
  const applied: string[] = [];
  for (;;) {
    const name = await alone(query, () => applyNext(query, migrations, variant));
    if (name === undefined) return { variant, applied, version: migrations.at(-1)?.version ?? 0 };
    applied.push(name);
    log(`applied ${name} (${variant})`);
  }
}

async function alone<T>(query: Query, work: () => Promise<T>): Promise<T> {
  await query(BEGIN_ALONE);
  try {
    const done = await work();
    await query('COMMIT');
    return done;
  } catch (error) {
    await query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Looks how far the database is: others may have migrated it between two transactions. Resolves with nothing where none is left. */
async function applyNext(
  query: Query,
  migrations: readonly Migration[],
  variant: Variant,
): Promise<string | undefined> {
  const done = await doneIn(query, migrations);
  const next = migrations[done.length];
  if (next === undefined) return undefined;
  const name = `${String(next.version).padStart(4, '0')}_${next.name}`;
  try {
    await apply(query, next, variant);
  } catch (error) {
    const fault = databaseFault(error);
    // A lost connection is an outage; a statement that the database refuses will be refused again.
    if (fault.kind === 'outage' && (!/SQLSTATE/.test(fault.message) || PASSES.test(fault.message))) throw fault;
    throw new MigrationFault(
      `migration ${name}: ${fault.message}`,
      'See to the reason; nothing of this migration is kept, and the next start tries it again.',
      { kind: 'outage', cause: error },
    );
  }
  return name;
}

/** Says what to do about this one reason. */
class MigrationFault extends Fault {
  readonly #next: string;

  constructor(message: string, next: string, options?: ConstructorParameters<typeof Fault>[2]) {
    super('FIELDLINE_MIGRATION', message, options);
    this.#next = next;
  }

  override get nextStep(): string {
    return this.#next;
  }
}

type Done = { version: number; name: string; checksum: string; variant: Variant };

/** A database keeps the kind it was born with: partitions do not turn into hypertables by installing an extension. */
const variantOf = (done: readonly Done[]): Variant | undefined => done[0]?.variant;

/** What is applied, which must be the first of `migrations`. */
async function doneIn(query: Query, migrations: readonly Migration[]): Promise<readonly Done[]> {
  // Asked first: who may not make tables can still use those that somebody else has made.
  const [table] = await query<{ found: boolean }>("SELECT to_regclass('fieldline_migrations') IS NOT NULL AS found");
  if (!table?.found)
    await query(`CREATE TABLE fieldline_migrations (
      version int PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, variant text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now())`);
  const done = await query<Done>('SELECT version, name, checksum, variant FROM fieldline_migrations ORDER BY version');
  check(done, migrations);
  return done;
}

function check(done: readonly Done[], migrations: readonly Migration[]): void {
  for (const [at, row] of done.entries()) {
    const file = migrations[at];
    if (file === undefined)
      throw new MigrationFault(
        `migration ${row.version}_${row.name}: expected a database of version ${migrations.at(-1)?.version ?? 0} or older, ` +
          `got ${done.at(-1)!.version}: this program is older than its database`,
        'Install the newer Fieldline again; migrations are forward only.',
      );
    if (file.version !== row.version || file.checksum !== row.checksum)
      throw new Fault(
        'FIELDLINE_MIGRATION',
        `migration ${file.version}_${file.name}: expected the file as it was applied (${row.version}_${row.name}), got another content`,
      );
  }
}

/** Within a transaction that alone migrates; a step outside of it ends that one and begins the next. */
async function apply(query: Query, migration: Migration, variant: Variant): Promise<void> {
  const { version, name, checksum } = migration;
  for (const step of migration.steps(variant)) {
    if (step.alone) await query('COMMIT; SET statement_timeout = 0; SET lock_timeout = 0');
    await query(step.sql);
    if (step.alone) await query(`RESET statement_timeout; RESET lock_timeout; ${BEGIN_ALONE}`);
  }
  // Somebody else may have run the steps outside of it, too.
  await query(
    `INSERT INTO fieldline_migrations (version, name, checksum, variant) VALUES ($1, $2, $3, $4)
     ON CONFLICT (version) DO NOTHING`,
    [version, name, checksum, variant],
  );
}

/** Before, ON CONFLICT DO NOTHING lost rows, and DELETE from a chunk left out what is compressed in it. */
const OLDEST_TIMESCALEDB = [2, 23] as const;

/** Throws where it is too old: it brings a time_bucket of its own, so plain PostgreSQL is no way out. */
async function hasTimescale(query: Query): Promise<boolean> {
  const [found] = await query<{ version: string }>(
    "SELECT extversion AS version FROM pg_extension WHERE extname = 'timescaledb'",
  );
  if (found !== undefined && tooOld(found.version))
    throw new MigrationFault(
      expected('TimescaleDB', `version ${OLDEST_TIMESCALEDB.join('.')} or newer`, found.version),
      'Install a newer one on the server, then ALTER EXTENSION timescaledb UPDATE as the first statement of a psql -X.',
    );
  return found !== undefined;
}

/**
 * TimescaleDB where it can be installed: offered and preloaded. It is never tried out: CREATE EXTENSION without the
 * preloaded library ends the connection. What is preloaded is seen by its settings, since only few may read
 * shared_preload_libraries. A user who may not do that gets plain PostgreSQL.
 */
async function offeredVariant(query: Query, log: (line: string) => void): Promise<Variant> {
  const [found] = await query<{ offered: string | null; preloaded: boolean }>(`SELECT
    (SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb') AS offered,
    EXISTS (SELECT FROM pg_settings WHERE name = 'timescaledb.disable_load') AS preloaded`);
  const { offered = null, preloaded = false } = found ?? {};
  if (offered === null) return 'plain';
  if (!preloaded) {
    log('TimescaleDB is there but not in shared_preload_libraries, plain PostgreSQL is used');
    return 'plain';
  }
  if (tooOld(offered)) {
    log(`TimescaleDB ${offered} is older than ${OLDEST_TIMESCALEDB.join('.')}, plain PostgreSQL is used`);
    return 'plain';
  }
  await query('SAVEPOINT extension');
  try {
    await query('CREATE EXTENSION timescaledb');
    return 'timescale';
  } catch (error) {
    await query('ROLLBACK TO SAVEPOINT extension');
    log(`TimescaleDB is there but cannot be installed, plain PostgreSQL is used: ${databaseFault(error).message}`);
    return 'plain';
  }
}

function tooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST_TIMESCALEDB[0] || (major === OLDEST_TIMESCALEDB[0] && minor < OLDEST_TIMESCALEDB[1]);
}
