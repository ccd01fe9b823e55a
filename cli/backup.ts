// fieldline backup: all that a gateway is, into one file.
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { backUp } from '../gateway/backup.ts';
import { type GatewayArguments, gatewayCommand, toldBy } from './gateway-arguments.ts';
import type { Io } from './io.ts';

const USAGE = `Usage: fieldline backup FILE|DIR

Writes database, flows, credentials and their key, decoders, register maps, journals, outboxes and dead letters of the
gateway of FIELDLINE_DIR (and DATABASE_URL) into one file, while it runs or not. In a directory the file gets a name
with the time. It holds secrets: keep it where nobody else can read it.`;

/** Exit code: 0 done, 1 failed, 2 wrong use. */
export const run = gatewayCommand('backup', USAGE, write);

async function write({ place, environment, log, tell }: GatewayArguments, io: Io): Promise<number> {
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const file =
    existsSync(place) && statSync(place).isDirectory() ? path.join(place, `fieldline-${stamp}.tar.gz`) : place;
  if (existsSync(file)) {
    io.stderr(`backup: expected a new file, got ${file}, which exists`);
    return 2;
  }
  const { directory, secret, databaseUrl } = environment;
  const { files, sums } = await backUp({ directory, file, secret, databaseUrl, log, tell });
  io.stdout(`${file}: ${files} files${toldBy(sums)}`);
  io.stderr('It holds passwords and keys: whoever reads it can act as this gateway.');
  return 0;
}
