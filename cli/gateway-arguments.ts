// What the subcommands about a whole gateway have in common: one path, its environment, and words for what went wrong.
import path from 'node:path';
import { type Environment, readEnvironment, rootFolder } from '../gateway/environment.ts';
import type { Log } from '../gateway/log.ts';
import type { Sums } from '../src/backup/database.ts';
import type { Io, Run } from './io.ts';
import { subcommand, wrongUse } from './subcommand.ts';

export type GatewayArguments = {
  /** Absolute. */
  place: string;
  environment: Environment;
  log: Log;
  /** Says how far it is. */
  tell(line: string): void;
};

/** The subcommand `NAME PATH`. */
export function gatewayCommand(
  name: string,
  text: string,
  work: (given: GatewayArguments, io: Io) => Promise<number>,
): Run {
  return subcommand({ name, text, options: {}, arguments: true }, async ({ positionals }, io) => {
    const [place] = positionals;
    if (place === undefined || positionals.length > 1)
      throw wrongUse('argument', 'one path', positionals.join(' ') || undefined);
    const log: Log = (level, line) => {
      if (level === 'warn' || level === 'error') io.stderr(line);
    };
    const environment = readEnvironment(io.env, rootFolder());
    const tell = (line: string): void => io.stderr(`${name}: ${line}`);
    return await work({ place: path.resolve(place), environment, log, tell }, io);
  });
}

/** `, 1234 rows in 25 tables` */
export function toldBy(sums: Sums | undefined): string {
  if (sums === undefined) return ', no database';
  const tables = Object.values(sums);
  return `, ${tables.reduce((total, { rows }) => total + rows, 0)} rows in ${tables.length} tables`;
}
