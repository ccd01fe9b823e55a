// The database of a subcommand: named on the command line or in the environment, else the one of a gateway that runs.
import path from 'node:path';
import { holderOf } from '../gateway/data-directory.ts';
import { nodesFolder, readEnvironment, rootFolder } from '../gateway/environment.ts';
import { urlOfCluster } from '../gateway/postgres-cluster.ts';
import { readJson } from '../gateway/private-file.ts';
import { Fault, reasonOf } from '../src/kernel/fault.ts';
import { codeOf } from '../src/reading/error-code.ts';
import type { Io } from './io.ts';

export type DatabasePlace = {
  url: string;
  /** Where the nodes of the gateway keep their files, whether it runs or not. */
  folder: string;
};

/**
 * Does `work` with the database; the embedded one answers while its gateway runs. Rejects with a Fault FIELDLINE_SETTING when
 * there is none at all, and with what is true of the embedded one where that does not answer.
 */
export async function withDatabase<T>(
  io: Io,
  given: string | undefined,
  work: (place: DatabasePlace) => Promise<T>,
): Promise<T> {
  const { directory, databaseUrl } = readEnvironment(io.env, rootFolder());
  const folder = nodesFolder(directory);
  const named = given ?? databaseUrl;
  if (named !== undefined) return work({ url: named, folder });
  const { port, password } =
    readJson<{ port?: number; password?: string }>(path.join(directory, 'database.json')) ?? {};
  if (port === undefined || password === undefined)
    throw new Fault(
      'FIELDLINE_SETTING',
      `database: expected DATABASE_URL, --database-url, or a gateway that has run in ${directory}, got none`,
    );
  return work({ url: urlOfCluster({ port, password }), folder }).catch(error => {
    throw embeddedFault(directory, error) ?? error;
  });
}

/** What a server says that does not want us, or ends: another one may have the port by now. */
const NOT_OURS = /^(08|28|57P)/;

/** Undefined where the embedded database of this directory has answered, so that it was something else. */
export function embeddedFault(directory: string, error: unknown): Fault | undefined {
  if (!(error instanceof Fault) || error.code !== 'FIELDLINE_DATABASE' || error.kind !== 'outage') return undefined;
  const code = codeOf(error.cause);
  const hasAnswered = code !== undefined && /^\d[0-9A-Z]{4}$/.test(code) && !NOT_OURS.test(code);
  if (hasAnswered) return undefined;
  const pid = holderOf(directory);
  const which = `database: the embedded database of ${directory}`;
  return pid === undefined
    ? new EmbeddedFault(
        `${which} is not running (${reasonOf(error.cause ?? error)})`,
        'Start the gateway of this directory: its database starts with it. Or name another one with DATABASE_URL.',
        error,
      )
    : new EmbeddedFault(
        `${which} does not answer (${reasonOf(error.cause ?? error)})`,
        `The gateway (process id ${pid}) starts it again: try again in a moment; if that does not help, look at its log.`,
        error,
      );
}

class EmbeddedFault extends Fault {
  readonly #next: string;

  constructor(message: string, next: string, cause: Fault) {
    super('FIELDLINE_DATABASE', message, { kind: 'outage', cause });
    this.#next = next;
  }

  override get nextStep(): string {
    return this.#next;
  }
}
