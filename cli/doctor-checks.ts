// What fieldline doctor looks at, one after the other; nothing here changes anything.
import { accessSync, constants, existsSync, readdirSync, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { holderOf, unfinishedRestore } from '../gateway/data-directory.ts';
import type { Environment } from '../gateway/environment.ts';
import { urlOfCluster } from '../gateway/postgres-cluster.ts';
import { packagedPrograms } from '../gateway/postgres-programs.ts';
import { readJson } from '../gateway/private-file.ts';
import { connectPublisher } from '../sim/publisher.ts';
import { Fault, reasonOf } from '../src/kernel/fault.ts';
import { migrationState } from '../src/store/migrate.ts';
import { openStore } from '../src/store/store.ts';
import { embeddedFault } from './database.ts';

/** warns: it works, but not as it should. */
export type Finding = { part: string; state: 'works' | 'warns' | 'fails'; detail: string; next?: string };

const works = (part: string, detail: string): Finding => ({ part, state: 'works', detail });
const warns = (part: string, detail: string, next: string): Finding => ({ part, state: 'warns', detail, next });
const fails = (part: string, detail: string, next: string): Finding => ({ part, state: 'fails', detail, next });

const OLDEST_NODE = [22, 13] as const;
const MB = 1 << 20;
const SKEW_MS = 2000;

export async function* findings(environment: Environment): AsyncGenerator<Finding> {
  yield nodeVersion(process.versions.node);
  yield works('settings', `data in ${environment.directory}, demo ${environment.demo ? 'on' : 'off'}`);
  yield dataDirectory(environment.directory);
  yield diskSpace(environment.directory);
  const running = holderOf(environment.directory);
  yield await port('port', environment.host, environment.port, running, 'PORT');
  if (environment.mqttUrl === undefined)
    yield await port('MQTT port', environment.mqttListen.host, environment.mqttListen.port, running, 'MQTT_LISTEN');
  else yield await broker(environment.mqttUrl);
  yield* database(environment, running);
  yield bluetooth('/sys/class/bluetooth');
  yield clock(Date.now());
}

export function nodeVersion(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [least, leastMinor] = OLDEST_NODE;
  if (major > least || (major === least && minor >= leastMinor)) return works('Node.js', version);
  return fails(
    'Node.js',
    `expected ${OLDEST_NODE.join('.')} or newer, got ${version}`,
    'Start it with npm: it brings Node 24.',
  );
}

export function dataDirectory(directory: string): Finding {
  if (existsSync(unfinishedRestore(directory)))
    return fails('data directory', `${directory}: its restore was cut off`, 'Run fieldline restore again.');
  let at = directory;
  while (!existsSync(at)) at = path.dirname(at);
  try {
    accessSync(at, constants.R_OK | constants.W_OK | constants.X_OK);
    const pid = holderOf(directory);
    const used = pid === undefined ? '' : `, in use by the gateway with process id ${pid}`;
    return works('data directory', at === directory ? `${directory}${used}` : `${directory} can be made`);
  } catch (error) {
    return fails('data directory', reasonOf(error), 'Point FIELDLINE_DIR at a folder that this user can write to.');
  }
}

export function diskSpace(directory: string, measure: typeof statfsSync = statfsSync): Finding {
  let at = directory;
  while (!existsSync(at)) at = path.dirname(at);
  const { bavail, bsize, blocks } = measure(at);
  const free = bavail * bsize;
  const percent = Math.round((100 * bavail) / blocks);
  const detail = `${Math.round(free / MB)} MB free (${percent} %)`;
  if (free < 200 * MB) return fails('disk', detail, 'Make room: without it nothing can be stored.');
  if (percent < 20)
    return warns('disk', detail, 'Make room, or set how long raw messages are kept (timescale-db, Keep raw messages).');
  return works('disk', detail);
}

async function port(
  part: string,
  host: string,
  wanted: number,
  running: number | undefined,
  variable: string,
): Promise<Finding> {
  const server = createServer();
  const reason = await new Promise<string | undefined>(resolve => {
    server.once('error', error => resolve(reasonOf(error)));
    server.listen(wanted, host, () => server.close(() => resolve(undefined)));
  });
  const place = `${host}:${wanted}`;
  if (reason === undefined) return works(part, `${place} is free`);
  if (running !== undefined && /EADDRINUSE/.test(reason)) return works(part, `${place} is in use; the gateway runs`);
  return fails(part, reason, `Stop the other program, or choose another port with ${variable}.`);
}

async function broker(url: string): Promise<Finding> {
  try {
    const tried = await connectPublisher(url, `fieldline-doctor-${process.pid}`);
    await tried.close();
    return works('broker', 'MQTT_URL answers');
  } catch (error) {
    return fails('broker', reasonOf(error), 'Check MQTT_URL, the credentials and that the broker runs.');
  }
}

async function* database(
  { directory, databaseUrl }: Environment,
  running: number | undefined,
): AsyncGenerator<Finding> {
  if (databaseUrl !== undefined) return yield* answering(databaseUrl, 'DATABASE_URL', () => undefined);
  const known = readJson<{ port?: number; password: string }>(path.join(directory, 'database.json'));
  if (running !== undefined && known !== undefined)
    return yield* answering(urlOfCluster(known), 'embedded', error => embeddedFault(directory, error));
  try {
    packagedPrograms();
    yield works(
      'database',
      `embedded PostgreSQL, starts with the gateway${known === undefined ? ' and is made then' : ''}`,
    );
  } catch (error) {
    yield fails('database', reasonOf(error), 'Run npm ci again, or set DATABASE_URL.');
  }
}

type At = { version: string; now: Date; readOnly: boolean; standby: boolean; timescale: boolean };

async function* answering(
  url: string,
  which: string,
  known: (error: unknown) => Fault | undefined,
): AsyncGenerator<Finding> {
  const store = openStore({ url, connections: 1 });
  try {
    const before = Date.now();
    const [at] = await store.query<At>(
      `SELECT current_setting('server_version') AS version, clock_timestamp() AS now,
         current_setting('transaction_read_only')::bool AS "readOnly", pg_is_in_recovery() AS standby,
         EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') AS timescale`,
    );
    const skew = Math.abs(at!.now.getTime() - (before + Date.now()) / 2);
    yield works(
      'database',
      `${which}: PostgreSQL ${at!.version}${at!.timescale ? ' with TimescaleDB' : ', no TimescaleDB (not needed)'}`,
    );
    if (at!.standby)
      yield fails('writes', 'the database is a standby: read-only', 'Point DATABASE_URL at the primary.');
    else if (at!.readOnly)
      yield fails(
        'writes',
        'the database is read-only',
        'Take back default_transaction_read_only where it is set: server, database, user or DATABASE_URL.',
      );
    const { version, newest, variant } = await migrationState(store.query);
    const detail = `version ${version} of ${newest}${variant === undefined ? '' : ` (${variant})`}`;
    if (version > newest)
      yield fails('tables', detail, 'This program is older than its database: install the newer one again.');
    else if (version < newest && at!.readOnly)
      yield warns('tables', detail, 'The gateway brings them up to date as soon as it can write.');
    else if (version < newest) yield warns('tables', detail, 'Start the gateway, or run "fieldline migrate".');
    else yield works('tables', detail);
    if (skew > SKEW_MS)
      yield warns(
        'clocks',
        `${Math.round(skew / 1000)} s between this machine and the database`,
        'Let both keep their time by NTP.',
      );
  } catch (error) {
    const { message, nextStep } = known(error) ?? new Fault('FIELDLINE_DATABASE', reasonOf(error));
    yield fails('database', message, nextStep);
  } finally {
    await store.close();
  }
}

/** Not needed: captures, gateways over TCP and everything but radio work without. */
export function bluetooth(folder: string): Finding {
  const adapters = existsSync(folder) ? readdirSync(folder).filter(name => /^hci\d+$/.test(name)) : [];
  if (adapters.length > 0) return works('Bluetooth', adapters.join(', '));
  return warns('Bluetooth', 'no adapter', 'Plug one in, use one over hci: tcp://host:port, or go without.');
}

const EARLIEST = Date.UTC(2025, 0, 1);

export function clock(now: number): Finding {
  const time = new Date(now).toISOString();
  if (now < EARLIEST)
    return fails(
      'clock',
      `${time}: this machine has lost its time`,
      'Set it, or let NTP set it: readings without a time of their own get this one.',
    );
  // systemd-timesyncd leaves this file when it has heard from a server.
  const synchronised = existsSync('/run/systemd/timesync/synchronized') || existsSync('/run/chrony');
  return works('clock', synchronised ? `${time}, kept by NTP` : time);
}
