// The launcher: `npm start`. Standard output is for people, standard error for logs (JSON lines).
import { format } from 'node:util';
import { Fault, reasonOf } from '../src/kernel/fault.ts';
import { readEnvironment, rootFolder } from './environment.ts';
import { type Level, openLogs } from './log.ts';
import { type Started, startGateway } from './start.ts';
import { stops as openStops } from './stop.ts';
import { growUnderLoad, keepRoom } from './young-generation.ts';

/** Ends the process whatever hangs. */
const STOP_LIMIT_MS = 9500;

// Files that nodes make in the data directory are nobody else's to read.
process.umask(0o077);
const logs = openLogs(line => process.stderr.write(`${line}\n`));
const log = logs.part('gateway');
setInterval(logs.sweep, 10_000).unref();
// Whoever read the output may go; the gateway stays.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);
const stops = openStops(log);
let ending: Promise<never> | undefined;
let starting: Promise<Started> | undefined;

/** Later signals change nothing: npm passes on what the process group has received already. */
function end(code: number): Promise<never> {
  ending ??= (async () => {
    setTimeout(() => process.exit(code), STOP_LIMIT_MS).unref();
    await stops.run();
    // What a start cut short had begun meanwhile ends too, before this process leaves it alone.
    await starting?.catch(() => undefined);
    await stops.run();
    logs.flush();
    process.exit(code);
  })();
  return ending;
}

async function refuse(error: unknown): Promise<never> {
  const fault = error instanceof Fault ? error : undefined;
  const more = fault === undefined ? { stack: (error as Error)?.stack } : { code: fault.code, next: fault.nextStep };
  log('error', `cannot start: ${reasonOf(error)}`, more);
  const lines = [`Fieldline cannot start. ${reasonOf(error)}`, ...(fault === undefined ? [] : [fault.nextStep])];
  process.stdout.write(`${lines.join('\n  ')}\n`);
  return end(1);
}

function announce({ addresses, unready, firstKey }: Started): void {
  log('info', unready.length === 0 ? 'ready' : 'started, not ready', { ...Object.fromEntries(addresses), unready });
  const width = Math.max(...addresses.map(([name]) => name.length));
  const lines = [
    unready.length === 0 ? 'Fieldline is ready.' : 'Fieldline runs, but these parts are not ready:',
    ...unready.map(({ part, detail }) => `  ${part}: ${detail}`),
    ...addresses.map(([name, address]) => `  ${name.padEnd(width)}  ${address}`),
    ...(firstKey === undefined ? [] : ['', `  API key for POST /api/ingest, told this once: ${firstKey}`]),
  ];
  process.stdout.write(`\n${lines.join('\n')}\n\n`);
}

for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(name, () => {
    log('info', 'stopping', { signal: name });
    void end(0);
  });
process.on('uncaughtException', error => {
  log('error', 'ended by an error that nothing caught', { reason: reasonOf(error), stack: error.stack });
  void end(1);
});
// A function node that forgets an await must not end the gateway.
process.on('unhandledRejection', error => log('error', 'a promise failed unobserved', { reason: reasonOf(error) }));
// Nodes of other palettes write to the console; that goes into the log too.
const consoleLog = logs.part('console');
for (const [name, level] of Object.entries({ log: 'info', info: 'info', warn: 'warn', error: 'error' } satisfies Record<
  string,
  Level
>))
  Object.assign(console, { [name]: (...values: unknown[]) => consoleLog(level, format(...values)) });

// A start makes much that stays, which says nothing of the load to come.
keepRoom();
try {
  const root = rootFolder();
  const environment = readEnvironment(process.env, root);
  for (const secret of [environment.adminPassword, environment.secret]) logs.hide(secret);
  // Function nodes can read the environment.
  delete process.env['FIELDLINE_ADMIN_PASSWORD'];
  delete process.env['FIELDLINE_SECRET'];
  starting = startGateway({ environment, root, logs, stops });
  const started = await starting;
  growUnderLoad();
  if (ending === undefined) announce(started);
} catch (error) {
  // A stop in the middle of the start makes the start fail: the stop goes on.
  await (ending ?? refuse(error));
}
