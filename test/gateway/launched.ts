// For suites of the whole launcher: it runs as a child process in a data directory of its own, and each test leaves nothing behind.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { placeOf, signal } from '../../gateway/processes.ts';
import { postgresFor, type TestPostgres } from '../support/postgres.ts';

const program = path.resolve(import.meta.dirname, '../../gateway/main.ts');
/** With the database that comes along; it takes a second to make. */
export const embedded = { DATABASE_URL: '' };

/** What the launcher printed for people, by name. */
export type Running = {
  child: ChildProcess;
  out(): string;
  logs(): Record<string, unknown>[];
  addresses: Record<string, string>;
  ended: Promise<[number | null, string | null]>;
};

export type Launcher = {
  /** Of this test. */
  readonly directory: string;
  /** The database of the gateways of this suite, where they are not `embedded`. */
  readonly server: TestPostgres;
  launch(env?: Record<string, string>): Omit<Running, 'addresses'>;
  /** Launches and waits for the addresses. */
  start(env?: Record<string, string>): Promise<Running>;
  /** Processes that work in the data directory. */
  left(): number[];
};

export async function stopped(running: Running, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  running.child.kill(signal);
  assert.deepEqual(await running.ended, [0, null]);
}

/** Resolves when /health answers 200; the test's own time limit bounds it. */
export async function ready(health: string): Promise<void> {
  while ((await fetch(health)).status !== 200) await wait(50);
}

export async function healthOf(
  running: Running,
  part: string,
): Promise<{ ready: boolean; detail: string } | undefined> {
  const answer = (await (await fetch(running.addresses['Health']!)).json()) as {
    parts: { part: string; ready: boolean; detail: string }[];
  };
  return answer.parts.find(one => one.part === part);
}

/** To be called in a `describe`. */
export function onLauncher(): Launcher {
  let directory: string;
  const children: ChildProcess[] = [];
  // Most cases are not about the embedded database, which takes a second to make.
  let server: TestPostgres;
  before(async function () {
    server = await postgresFor(this);
  });
  after(() => server?.stop());
  beforeEach(() => {
    directory = mkdtempSync(path.join(os.tmpdir(), 'fieldline-launch-'));
    // An operator's own flow: the shipped one needs the built palette.
    writeFileSync(path.join(directory, 'flows.json'), '[{"id":"mine","type":"tab","label":"mine"}]');
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    // Only after a failure is there anything left.
    for (const pid of left()) signal(pid, 'SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });

  function launch(env: Record<string, string> = {}): Omit<Running, 'addresses'> {
    const { PATH = '', HOME = '' } = process.env;
    const child = spawn(process.execPath, [program], {
      env: {
        ...{ PATH, HOME, PORT: '0', MQTT_LISTEN: '127.0.0.1:0', FIELDLINE_DIR: directory, FIELDLINE_DEMO: 'off' },
        DATABASE_URL: server.url,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    let [out, err] = ['', ''];
    child.stdout!.on('data', chunk => {
      out += chunk;
    });
    child.stderr!.on('data', chunk => {
      err += chunk;
    });
    const ended = once(child, 'close') as Promise<[number | null, string | null]>;
    const logs = () =>
      err
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line) as Record<string, unknown>);
    return { child, out: () => out, logs, ended };
  }

  async function start(env: Record<string, string> = {}): Promise<Running> {
    const launched = launch(env);
    const dead = launched.ended.then(() => Promise.reject(new Error(`it ended: ${launched.out()}`)));
    dead.catch(() => undefined);
    while (!/^ +Data /m.test(launched.out())) await Promise.race([once(launched.child.stdout!, 'data'), dead]);
    const lines = launched.out().matchAll(/^ {2}(\w+) +(\S+)$/gm);
    return { ...launched, addresses: Object.fromEntries([...lines].map(([, name, address]) => [name!, address!])) };
  }

  function left(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter(pid => pid > 0 && placeOf(pid)?.cwd.startsWith(directory));
  }

  return {
    get directory() {
      return directory;
    },
    get server() {
      return server;
    },
    launch,
    start,
    left,
  };
}
