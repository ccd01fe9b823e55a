// The database of a subcommand: named on the command line or in the environment, else the one of a gateway that runs.
import path from 'node:path';
import { nodesFolder, readEnvironment, rootFolder } from '../gateway/environment.ts';
import { urlOfCluster } from '../gateway/postgres-cluster.ts';
import { readJson } from '../gateway/private-file.ts';
import { Fault } from '../src/kernel/fault.ts';
import type { Io } from './io.ts';

export type DatabasePlace = {
  url: string;
  /** Where the nodes of the gateway keep their files, whether it runs or not. */
  folder: string;
};

/** The embedded database answers while its gateway runs. Throws a Fault FIELDLINE_SETTING when there is none of all these. */
export function databaseOf(io: Io, given: string | undefined): DatabasePlace {
  const { directory, databaseUrl } = readEnvironment(io.env, rootFolder());
  const url = given ?? databaseUrl;
  const folder = nodesFolder(directory);
  if (url !== undefined) return { url, folder };
  const known = readJson<{ port?: number; password?: string }>(path.join(directory, 'database.json'));
  const { port, password } = known ?? {};
  if (port === undefined || password === undefined)
    throw new Fault(
      'FIELDLINE_SETTING',
      `database: expected DATABASE_URL, --database-url, or a gateway that has run in ${directory}, got none`,
    );
  return { url: urlOfCluster({ port, password }), folder };
}
