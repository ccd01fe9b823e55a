// The gateway under test: the built launcher as a child process in a data directory of its own, on free loopback ports.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { readJson } from '../gateway/private-file.ts';
import { type ProcessId, processesIn } from '../gateway/processes.ts';
import { freePort, type Usage, usageOf } from './machine.ts';

export type FlowNode = { id: string; type: string; [setting: string]: unknown };
export type DeployType = 'full' | 'flows' | 'nodes';
export type Health = { status: number; body: unknown };

export type Gateway = {
  /** Editor, API and live server. The same after every start. */
  readonly url: string;
  /** Broker to publish to: the embedded one, or the one of MQTT_URL. The same after every start. */
  readonly mqtt: string;
  readonly directory: string;
  readonly pid: number;
  /** Of a child process: `broker`, `postgres`. Undefined while there is none. */
  processId(part: string): number | undefined;
  readonly running: boolean;
  /** The last lines it logged. */
  readonly log: string;
  /** Starts it on the same directory; resolves with the milliseconds until /health answers 200. */
  start(limitMs?: number): Promise<number>;
  /** Signals it by process id and resolves when it has ended, with how and after how many milliseconds. */
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<{ code: number | null; signal: string | null; ms: number }>;
  /** Status 0 while nothing answers. */
  health(): Promise<Health>;
  usage(): Usage;
  flows(): Promise<FlowNode[]>;
  /** Deploys what `change` makes of the flows that run; resolves with the milliseconds it took. */
  deploy(type: DeployType, change: (flows: FlowNode[]) => FlowNode[]): Promise<number>;
  /** Ends it and whatever it left, and removes the directory. */
  remove(): Promise<void>;
};

export type GatewaySettings = {
  databaseUrl?: string | undefined;
  mqttUrl?: string | undefined;
  env?: Readonly<Record<string, string>>;
  /** Folder for its data; removed with it. A new one where it is left out. */
  directory?: string | undefined;
  /** Module that is loaded into its process first. */
  preload?: URL;
};

const root = path.resolve(import.meta.dirname, '..');
const program = path.join(root, 'dist/gateway/main.js');
const LOG_CHARACTERS = 20_000;

/** Flags and environment that `npm start` gives it. */
function readStartLine(): { flags: string[]; environment: Record<string, string> } {
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const words = scripts.start.split(' ');
  const assignments = words.filter(word => /^\w+=/.test(word)).map(word => word.split('=') as [string, string]);
  return { flags: words.filter(word => word.startsWith('--')), environment: Object.fromEntries(assignments) };
}
const startLine = readStartLine();

/** Prepares a gateway without starting it. Without `databaseUrl` and `mqttUrl` it brings its own. */
export async function makeGateway(settings: GatewaySettings = {}): Promise<Gateway> {
  if (!existsSync(program)) throw new Error(`${program}: expected the built gateway, got nothing (run npm run build)`);
  const directory = settings.directory ?? mkdtempSync(path.join(os.tmpdir(), 'fieldline-bench-'));
  const port = await freePort();
  const mqttPort = await freePort();
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  let log = '';

  const onExit = () => {
    child?.kill('SIGKILL');
  };
  process.once('exit', onExit);

  const running = () => child !== undefined && child.exitCode === null && child.signalCode === null;

  function launch(): ChildProcess {
    // Nothing of the caller's environment decides what the gateway does.
    const { PATH = '', HOME = '', TMPDIR = os.tmpdir() } = process.env;
    const preload = settings.preload === undefined ? [] : ['--import', settings.preload.href];
    const started = spawn(process.execPath, [...startLine.flags, ...preload, program], {
      cwd: root,
      env: {
        PATH,
        HOME,
        TMPDIR,
        ...startLine.environment,
        PORT: String(port),
        MQTT_LISTEN: `127.0.0.1:${mqttPort}`,
        FIELDLINE_DIR: directory,
        FIELDLINE_DEMO: 'off',
        ...(settings.databaseUrl === undefined ? {} : { DATABASE_URL: settings.databaseUrl }),
        ...(settings.mqttUrl === undefined ? {} : { MQTT_URL: settings.mqttUrl }),
        ...settings.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [started.stdout!, started.stderr!])
      stream.on('data', chunk => {
        log = (log + chunk).slice(-LOG_CHARACTERS);
      });
    return started;
  }

  async function request(place: string, init: RequestInit = {}): Promise<Response> {
    const answer = await fetch(url + place, { ...init, signal: AbortSignal.timeout(60_000) });
    if (!answer.ok) throw new Error(`${init.method ?? 'GET'} ${place}: ${answer.status} ${await answer.text()}`);
    return answer;
  }

  async function health(): Promise<Health> {
    try {
      const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5000) });
      const text = await answer.text();
      return { status: answer.status, body: text.startsWith('{') ? (JSON.parse(text) as unknown) : text };
    } catch {
      return { status: 0, body: undefined };
    }
  }

  async function end(signal: NodeJS.Signals): Promise<{ code: number | null; signal: string | null; ms: number }> {
    const began = performance.now();
    if (child !== undefined && running()) {
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
    }
    return { code: child?.exitCode ?? null, signal: child?.signalCode ?? null, ms: performance.now() - began };
  }

  async function current(): Promise<{ rev: string; flows: FlowNode[] }> {
    const answer = await request('/flows', { headers: { 'Node-RED-API-Version': 'v2' } });
    return (await answer.json()) as { rev: string; flows: FlowNode[] };
  }

  return {
    url,
    mqtt: settings.mqttUrl ?? `mqtt://127.0.0.1:${mqttPort}`,
    directory,
    get pid() {
      return child?.pid ?? 0;
    },
    processId(part) {
      const ids = readJson<ProcessId[]>(path.join(directory, 'processes.json')) ?? [];
      return ids.findLast(id => id.part === part)?.pid;
    },
    get running() {
      return running();
    },
    get log() {
      return log;
    },
    async start(limitMs = 240_000) {
      if (running()) throw new Error('the gateway runs already');
      const began = performance.now();
      child = launch();
      let seen = await health();
      while (seen.status !== 200) {
        const late = performance.now() - began > limitMs;
        if (late || !running())
          throw new Error(
            `the gateway ${late ? 'is not ready' : 'ended'}: ${JSON.stringify(seen)}\n${log.slice(-4000)}`,
          );
        await wait(25);
        seen = await health();
      }
      return performance.now() - began;
    },
    end,
    health,
    usage: () => usageOf(child!.pid!),
    flows: async () => (await current()).flows,
    async deploy(type, change) {
      const { rev, flows } = await current();
      const began = performance.now();
      await request('/flows', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'Node-RED-API-Version': 'v2', 'Node-RED-Deployment-Type': type },
        body: JSON.stringify({ rev, flows: change(flows) }),
      });
      return performance.now() - began;
    },
    async remove() {
      process.removeListener('exit', onExit);
      const limit = setTimeout(() => child?.kill('SIGKILL'), 15_000);
      await end('SIGTERM');
      clearTimeout(limit);
      // After SIGKILL its database still runs; the ids are in the directory.
      if (existsSync(directory)) await processesIn(directory).endLeftovers();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A change of one node's description: enough for Node-RED to restart it, its flow or everything, by the type of the deploy. */
export function touching(type: string): (flows: FlowNode[]) => FlowNode[] {
  return flows => {
    const changed = flows.find(node => node.type === type);
    if (changed === undefined) throw new Error(`no node of type ${type} in the flows`);
    return flows.map(node => (node === changed ? { ...node, info: `changed at ${Date.now()}` } : node));
  };
}
