// The stage of a figure: PostgreSQL that records commit times, a broker, a gateway that runs the shipped flow, and rows to count.
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { urlOfCluster } from '../gateway/postgres-cluster.ts';
import { steadySettings, walAhead } from '../gateway/wal-ahead.ts';
import { startPostgres, type TestPostgres } from '../test/support/postgres.ts';
import { type Gateway, makeGateway } from './gateway.ts';
import type { Report } from './figure.ts';
import { mosquittoProgram, startMosquitto } from './mosquitto.ts';
import { openRows, type Rows } from './rows.ts';

export type BrokerKind = 'embedded' | 'mosquitto';

export type Stage = {
  readonly gateway: Gateway;
  readonly rows: Rows;
  /** Undefined when the gateway brings its own. */
  readonly postgres: TestPostgres | undefined;
  close(): Promise<void>;
};

/** Brokers to measure; one that this machine has not is left out, aloud. To be called before the table begins. */
export function brokersOf(asked: BrokerKind | 'both', report: Report): readonly BrokerKind[] {
  if (asked === 'embedded' || mosquittoProgram() !== undefined)
    return asked === 'both' ? ['embedded', 'mosquitto'] : [asked];
  report.note('Mosquitto is not installed: its rows are left out.');
  return asked === 'both' ? ['embedded'] : [];
}

/** URL of the database that a gateway has made in its directory. */
export function embeddedUrl(directory: string): string {
  const file = readFileSync(path.join(directory, 'database.json'), 'utf8');
  return urlOfCluster(JSON.parse(file) as { port: number; password: string });
}

/** A server that is set like the embedded one and has been in use for a while: the pieces of its log are used again, and not made while it is measured. */
export async function startSteady(): Promise<TestPostgres> {
  const postgres = await startPostgres({ track_commit_timestamp: 'on', ...steadySettings(os.tmpdir()) });
  await walAhead(postgres.url);
  return postgres;
}

/** Resolves when all of it runs and the gateway is ready. */
export async function openStage(options: { broker: BrokerKind; database: 'own' | 'embedded' }): Promise<Stage> {
  const broker = options.broker === 'mosquitto' ? await startMosquitto() : undefined;
  const postgres = options.database === 'own' ? await startSteady() : undefined;
  const gateway = await makeGateway({ databaseUrl: postgres?.url, mqttUrl: broker?.url });
  let rows: Rows | undefined;
  const close = async () => {
    await rows?.close();
    await gateway.remove();
    await broker?.stop();
    await postgres?.stop();
  };
  try {
    await gateway.start();
    rows = openRows(postgres?.url ?? embeddedUrl(gateway.directory));
    return { gateway, rows, postgres, close };
  } catch (error) {
    await close();
    throw error;
  }
}
