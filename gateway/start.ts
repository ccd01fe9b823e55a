// Starts the parts of the gateway in order and puts each on the list of what to stop.
import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { connectPublisher } from '../sim/publisher.ts';
import { startInstruments } from '../sim/instruments.ts';
import { openDoor } from '../src/api/door.ts';
import { restApi } from '../src/api/http-api.ts';
import { restIngest } from '../src/api/ingest-rest.ts';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import { awayEndpoint } from '../src/live/away.ts';
import { isLive } from '../src/live/paths.ts';
import { stopSources } from '../src/palette/drain.ts';
import { drained } from '../src/palette/tracker.ts';
import { healthParts } from '../src/palette/health.ts';
import { traceTo } from '../src/palette/trace.ts';
import { quantity } from '../src/reading/quantity.ts';
import { migrate } from '../src/store/migrate.ts';
import { openEmbeddedBroker } from './broker.ts';
import { openControl } from './control.ts';
import { openDataDirectory, secretOf, unfinishedRestore } from './data-directory.ts';
import { startDatabase } from './database.ts';
import { type Environment, isLoopback } from './environment.ts';
import { type Front, openFront } from './front.ts';
import { guardedGate, openGate } from './gate.ts';
import { databaseProbe, type HealthBoard, healthBoard, type Part } from './health.ts';
import { identifyBy } from './identity.ts';
import { firstKeyOf, ownIngest } from './ingest.ts';
import { type Logs, withoutPassword } from './log.ts';
import { ADMIN, type Login, openLogin } from './login.ts';
import { mqttLogin } from './mqtt-login.ts';
import { startNodeRed } from './node-red.ts';
import { type KnownPeers, knownPeers, reach } from './peers.ts';
import { type Processes, processesIn } from './processes.ts';
import type { Stops } from './stop.ts';
import { openTraces } from './traces.ts';
import { walAhead } from './wal-ahead.ts';

/** Limits of the stop; together under 10 s, the time that service managers and containers give. */
const DRAIN_MS = 2000;
const NODE_RED_MS = 3000;
const DEMO_MS = 600;
const BROKER_MS = 1000;
const DATABASE_MS = 1500;
const TRACES_MS = 500;

/** For people: what runs where, and what is not ready. */
export type Started = {
  addresses: readonly (readonly [name: string, address: string])[];
  /** The first API key of a new database; it belongs on the screen and into no log. */
  firstKey: string | undefined;
  unready: readonly Part[];
};

/** The sources of a flow that has just started get this long to subscribe before the start counts as not ready. */
const READY_LIMIT_MS = 5000;

type Starting = {
  environment: Environment;
  directory: string;
  health: HealthBoard;
  known: KnownPeers;
  processes: Processes;
  logs: Logs;
  stops: Stops;
};

/**
 * Waiting does not help against a migration that cannot be applied; nor, with a URL that never worked, against a refused
 * login, a database that does not exist (SQLSTATE) or an unknown host. A known one may be in the middle of a repair.
 */
function isWrongDatabase(error: unknown, known: boolean): boolean {
  if (error instanceof Fault && error.code === 'FIELDLINE_MIGRATION') return true;
  const cause = error instanceof Fault ? error.cause : error;
  const code = (cause as { code?: string } | undefined)?.code ?? '';
  return !known && /^(28|3D000|ENOTFOUND)/.test(code);
}

/** URL of the database, embedded or given, with its tables as this version needs them. */
async function openDatabase(starting: Starting): Promise<string> {
  const { environment, directory, health, known, processes, logs, stops } = starting;
  const log = logs.part('database');
  health.set('database', false, 'starting');
  health.set('migrations', false, 'waiting for the database');
  let url = environment.databaseUrl;
  if (url === undefined) {
    const database = await startDatabase({ directory, processes, log, signal: stops.signal });
    stops.add('database', DATABASE_MS + 1000, () => database.stop(DATABASE_MS));
    url = database.url;
    walAhead(url, stops.signal).catch(error => {
      if (!stops.signal.aborted)
        log('info', 'the log of the database is made as it is needed', { reason: reasonOf(error) });
    });
  }
  logs.hide(passwordOf(url));
  const probe = databaseProbe(url);
  stops.add('health', 500, () => probe.close());
  health.probe('database', probe.ask);
  const at = url;
  await reach({
    name: 'the database',
    url: at,
    known,
    log,
    signal: stops.signal,
    isWrong: isWrongDatabase,
    async attempt() {
      const { version, variant } = await migrate(at, { log: line => log('info', line) });
      health.set('migrations', true, `version ${version} (${variant})`);
    },
  });
  return at;
}

function passwordOf(url: string): string | undefined {
  const password = URL.canParse(url) ? new URL(url).password : '';
  return password === '' ? undefined : decodeURIComponent(password);
}

type BrokerFor = {
  /** What nodes get: `mqttUrl` of a given broker, or the embedded `broker` itself and where it listens. */
  services: Record<string, unknown>;
  /** Where the demo devices publish. */
  url: string;
};

async function openBroker(starting: Starting, front: Front, login: Login | undefined): Promise<BrokerFor> {
  const { environment, directory, health, known, processes, logs, stops } = starting;
  const log = logs.part('broker');
  health.set('broker', false, 'starting');
  const url = environment.mqttUrl;
  if (url !== undefined) {
    logs.hide(passwordOf(url));
    await reach({
      name: 'the broker',
      url,
      known,
      log,
      signal: stops.signal,
      isWrong: (error, isKnown) => !isKnown && error instanceof Fault && error.kind === 'data',
      async attempt() {
        const tried = await connectPublisher(url, `fieldline-check-${process.pid}`);
        await tried.close();
        health.set('broker', true, 'accepted the login; each source tells whether it still answers');
      },
    });
    return { services: { mqttUrl: url }, url };
  }
  const { mqttListen, adminPassword } = environment;
  // On this machine alone the port is as open as the editor on loopback; everybody else needs the login.
  const authenticate = login && !isLoopback(mqttListen.host) ? mqttLogin(login) : undefined;
  const own = await openEmbeddedBroker({ directory, listen: mqttListen, processes, authenticate, log });
  const { broker } = own;
  stops.add('broker', BROKER_MS, own.close);
  front.mqtt = own.upgrade;
  health.probe('broker', async () => {
    const answers = await own.answers();
    const state = own.state();
    const silent = answers ? undefined : 'its process does not answer; publishers keep what it has not acknowledged';
    const fault = state === undefined ? 'it ended and is started again' : (state.journal.fault ?? silent);
    const detail = fault ?? `listens on ${broker.host}:${broker.port}, ${quantity(state?.clients ?? 0, 'client')}`;
    return [{ part: 'broker', ready: fault === undefined, detail, required: true }];
  });
  const credentials =
    authenticate && adminPassword !== undefined ? `${ADMIN}:${encodeURIComponent(adminPassword)}@` : '';
  const brokerUrl = `mqtt://${credentials}${reachable(broker.host)}:${broker.port}`;
  return { services: { broker, brokerUrl }, url: brokerUrl };
}

async function openInstruments(starting: Starting, mqttUrl: string): Promise<Record<string, unknown>> {
  const { environment, health, logs, stops } = starting;
  if (!environment.demo) return {};
  const instruments = await startInstruments({ mqttUrl, log: logs.part('demo') });
  stops.add('demo', DEMO_MS, instruments.close);
  const { host, port } = instruments.demo.modbus;
  health.mention('demo instruments', true, `Modbus TCP on ${host}:${port}, a home on MQTT, Bluetooth from captures`);
  return { demo: instruments.demo };
}

/** An address to connect to, for one to listen on; as it stands in a URL. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

/** Starts everything; resolves when the flows run. Rejects with a Fault; the caller then stops. */
export async function startGateway(options: {
  environment: Environment;
  /** Folder with package.json, settings.js and flows/. */
  root: string;
  logs: Logs;
  stops: Stops;
}): Promise<Started> {
  const { environment, root, logs, stops } = options;
  const folder = openDataDirectory(environment.directory);
  stops.add('data directory', 100, folder.release);
  const directory = folder.path;
  if (existsSync(unfinishedRestore(directory)))
    throw new Fault('FIELDLINE_BACKUP', expected(directory, 'a whole data directory', 'one whose restore was cut off'));
  stops.add('control', 100, await openControl(directory, environment));
  const secret = secretOf(directory, environment.secret);
  logs.hide(secret);
  const processes = processesIn(directory);
  stops.add('processes', 2100, () => processes.endAll());

  const health = healthBoard();
  health.set('flows', false, 'not started yet');
  health.probe('sources', () =>
    healthParts().map(({ id, name, type, ready, detail }) => {
      // A node without a name of its own goes by its kind.
      const kind = type.replace('fieldline-', '');
      return { part: `${name === kind ? kind : `${kind} ${name}`} (${id})`, ready, detail, required: true };
    }),
  );
  const login = environment.adminPassword === undefined ? undefined : openLogin(environment.adminPassword, secret);
  const gateLog = logs.part('gate');
  const gate =
    login === undefined ? openGate() : guardedGate(login, from => gateLog('warn', 'wrong user or password', { from }));
  const front = await openFront({ host: environment.host, port: environment.port }, gate, health, gateLog);
  stops.add('http', 100, front.close);
  const endRest = [restIngest(front.inner), restApi(front.inner), openDoor(front.inner, awayEndpoint(isLive))];
  const base = `http://${reachable(front.address.host)}:${front.address.port}`;

  if (environment.traces !== undefined) {
    const traces = openTraces(environment.traces, logs.part('traces'));
    const end = traceTo(traces.take, environment.traces.share);
    stops.add('traces', TRACES_MS, limitMs => {
      end();
      return traces.close(limitMs);
    });
  }

  const left = await processes.endLeftovers();
  if (left.length > 0) logs.part('gateway')('warn', 'ended what an earlier gateway had left', { left });

  const starting: Starting = { environment, directory, health, known: knownPeers(directory), processes, logs, stops };
  const databaseUrl = await openDatabase(starting);
  // A database that has gone away again has no key yet: a later start makes it and tells it.
  const firstKey = await firstKeyOf(databaseUrl).catch(() => undefined);
  stops.signal.throwIfAborted();
  const broker = await openBroker(starting, front, login);
  const demo = await openInstruments(starting, broker.url);
  const identify = identifyBy(gate, login === undefined, { secret, bounds: environment.tokens });
  const services = {
    databaseUrl,
    authorize: gate.admits,
    identify,
    parts: health.look,
    ownIngest: ownIngest(base),
    ...broker.services,
    ...demo,
  };
  stops.signal.throwIfAborted();
  const nodeRed = await startNodeRed({
    root,
    directory,
    secret,
    server: front.inner,
    login,
    services,
    health,
    log: logs.part('node-red'),
    onLoaded: front.open,
  });
  for (const end of endRest) end();
  stops.add('node-red', NODE_RED_MS, () => nodeRed.stop());
  stops.add('sources', DRAIN_MS, async limitMs => {
    stopSources();
    await drained(limitMs);
  });

  const end = performance.now() + READY_LIMIT_MS;
  let look = await health.look();
  while (look.status !== 'ready' && performance.now() < end && !stops.signal.aborted) {
    await wait(50);
    look = await health.look();
  }
  return {
    firstKey,
    addresses: [
      ['Editor', `${base}/`],
      ['Dashboard', `${base}/dashboard`],
      ['Health', `${base}/health`],
      ['MQTT', withoutPassword(broker.url)],
      ['Database', withoutPassword(databaseUrl)],
      ['Data', directory],
    ],
    unready: look.parts.filter(part => part.required && !part.ready),
  };
}
