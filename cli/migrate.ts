// fieldline migrate: brings the database to the newest version, or says how far it is.
import { migrate, migrationState } from '../src/store/migrate.ts';
import { openStore } from '../src/store/store.ts';
import type { Io } from './io.ts';
import { subcommand, wrongUse } from './subcommand.ts';

const USAGE = `Usage: fieldline migrate [--status] [--database-url URL]

Applies the migrations that the database lacks. Two at once are safe.

  --status             changes nothing; exit code 0 when the database is up to date, else 1
  --database-url URL   instead of DATABASE_URL`;

const options = { status: { type: 'boolean' }, 'database-url': { type: 'string' } } as const;

/** Exit code: 0 done, 1 failed or (with --status) not up to date, 2 wrong use. */
export const run = subcommand({ name: 'migrate', text: USAGE, options }, async ({ values }, io) => {
  const url = values['database-url'] ?? io.env['DATABASE_URL'] ?? '';
  if (url === '') throw wrongUse('database', 'DATABASE_URL or --database-url', undefined);
  return values.status ? await status(url, io) : await apply(url, io);
});

async function apply(url: string, io: Io): Promise<number> {
  const { applied, version, variant } = await migrate(url, { log: io.stdout });
  io.stdout(`${applied.length === 0 ? 'up to date' : `${applied.length} applied`}: version ${version} (${variant})`);
  return 0;
}

async function status(url: string, io: Io): Promise<number> {
  const store = openStore({ url, connections: 1 });
  try {
    const { version, newest, variant } = await migrationState(store.query);
    io.stdout(`version ${version} of ${newest}${variant === undefined ? '' : ` (${variant})`}`);
    return version === newest ? 0 : 1;
  } finally {
    await store.close();
  }
}
