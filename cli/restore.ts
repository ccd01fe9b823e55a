// fieldline restore: a backup into an empty data directory.
import { restore } from '../gateway/restore.ts';
import { type GatewayArguments, gatewayCommand, toldBy } from './gateway-arguments.ts';
import type { Io } from './io.ts';

const USAGE = `Usage: fieldline restore FILE

Restores a file of "fieldline backup" into FIELDLINE_DIR, which must be missing or empty, and into its embedded database,
or into the one of DATABASE_URL, which must have no tables of Fieldline. What is restored is compared with what was saved.`;

/** Exit code: 0 done, 1 failed, 2 wrong use. */
export const run = gatewayCommand('restore', USAGE, read);

async function read({ place, environment, log, tell }: GatewayArguments, io: Io): Promise<number> {
  const { directory, databaseUrl } = environment;
  const { at, files, sums } = await restore({ directory, file: place, databaseUrl, log, tell });
  io.stdout(`${directory}: ${files} files${toldBy(sums)}, as of ${at}`);
  return 0;
}
