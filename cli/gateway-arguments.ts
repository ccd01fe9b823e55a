// What the subcommands about a whole gateway have in common: one path, its environment, and words for what went wrong.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Environment, readEnvironment } from '../gateway/environment.ts';
import type { Log } from '../gateway/log.ts';
import type { Sums } from '../src/backup/database.ts';
import { Fault } from '../src/kernel/fault.ts';
import type { Io } from './io.ts';

export type GatewayArguments = { /** Absolute. */ place: string; environment: Environment; log: Log };

/** The checkout or image: the folder with settings.js above this file. The data directory lies there by default. */
export function rootFolder(): string {
  let at = import.meta.dirname;
  while (!existsSync(path.join(at, 'settings.js')) && at !== path.dirname(at)) at = path.dirname(at);
  return at;
}

/** Reads `NAME PATH` and calls `work`; resolves with the exit code. */
export async function gatewayArguments(
  name: string,
  usage: string,
  argv: readonly string[],
  io: Io,
  work: (given: GatewayArguments, io: Io) => Promise<number>,
): Promise<number> {
  if (argv[0] === '--help' || argv[0] === '-h') {
    io.stdout(usage);
    return 0;
  }
  const [place] = argv;
  if (place === undefined || argv.length > 1 || place.startsWith('-')) {
    io.stderr(`${name}: expected one path, got ${JSON.stringify(argv)}`);
    io.stderr(usage);
    return 2;
  }
  try {
    const log: Log = (level, text) => {
      if (level === 'warn' || level === 'error') io.stderr(text);
    };
    const environment = readEnvironment(io.env, rootFolder());
    return await work({ place: path.resolve(place), environment, log }, io);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    io.stderr(`${error.message}\n${error.nextStep}`);
    return error.code === 'FIELDLINE_SETTING' ? 2 : 1;
  }
}

/** `, 1234 rows in 25 tables` */
export function toldBy(sums: Sums | undefined): string {
  if (sums === undefined) return ', no database';
  const tables = Object.values(sums);
  return `, ${tables.reduce((total, { rows }) => total + rows, 0)} rows in ${tables.length} tables`;
}
