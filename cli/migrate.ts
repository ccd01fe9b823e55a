// fieldline migrate: brings the database to the newest version, or says how far it is.
import { parseArgs } from 'node:util';
import { Fault, reasonOf } from '../src/kernel/fault.ts';
import { migrate, migrationState } from '../src/store/migrate.ts';
import { openStore } from '../src/store/store.ts';
import type { Io } from './io.ts';

const USAGE = `Usage: fieldline migrate [--status] [--database-url URL]

Applies the migrations that the database lacks. Two at once are safe.

  --status             changes nothing; exit code 0 when the database is up to date, else 1
  --database-url URL   instead of DATABASE_URL`;

/** Exit code: 0 done, 1 failed or (with --status) not up to date, 2 wrong use. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const options = {
    status: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
    'database-url': { type: 'string' },
  } as const;
  let values: { status?: boolean; help?: boolean; 'database-url'?: string };
  try {
    ({ values } = parseArgs({ args: [...argv], options, allowPositionals: false }));
  } catch (error) {
    io.stderr(`migrate: ${reasonOf(error)}`);
    io.stderr(USAGE);
    return 2;
  }
  if (values.help) {
    io.stdout(USAGE);
    return 0;
  }
  const url = values['database-url'] ?? io.env['DATABASE_URL'];
  if (url === undefined || url === '') {
    io.stderr('migrate: expected DATABASE_URL or --database-url, got neither');
    io.stderr(USAGE);
    return 2;
  }
  try {
    return values.status ? await status(url, io) : await apply(url, io);
  } catch (error) {
    io.stderr(error instanceof Fault ? `${error.message}\n${error.nextStep}` : reasonOf(error));
    return error instanceof Fault && error.code === 'FIELDLINE_SETTING' ? 2 : 1;
  }
}

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
