// Node-RED inside the launcher's process: started on the inner server, stopped within a limit.
import { copyFileSync, existsSync, constants } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { reasonOf } from '../src/kernel/fault.ts';
import { drainBeforeDeploy } from './deploys.ts';
import { nodesFolder } from './environment.ts';
import { answer, SESSION_HEADER } from './gate.ts';
import type { HealthBoard } from './health.ts';
import type { Level, Log } from './log.ts';
import { ADMIN, type Login } from './login.ts';
import { packFiles } from './static-files.ts';

type Listener = (...values: unknown[]) => void;
type App = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;
/** What is used of the package node-red, which has no types of its own. */
type NodeRed = {
  init(server: Server, settings: Record<string, unknown>): void;
  start(): Promise<void>;
  stop(): Promise<void>;
  httpAdmin: App;
  httpNode: App;
  events: {
    on(event: string, listener: Listener): void;
    once(event: string, listener: Listener): void;
    removeListener(event: string, listener: Listener): void;
  };
};
type LogEvent = { level: number; msg?: unknown; type?: string; name?: string; id?: string };

/** What nobody answers: there is nothing, or its body was refused before anybody was asked (with `status` and a message, as body-parser has it). */
export function unanswered({ url }: IncomingMessage, response: ServerResponse, error?: unknown): void {
  const { status: told } = (error ?? { status: 404 }) as { status?: unknown };
  const status = typeof told === 'number' && told >= 400 && told < 500 ? told : 400;
  const title = error === undefined ? `Nothing at ${url}` : 'The request cannot be read';
  answer(response, status, { title, status, ...(error !== undefined && { detail: reasonOf(error) }) });
}

const SHIPPED_FLOW = 'flows/device-to-dashboard.json';

function levelOf(level: number): Level {
  return level <= 20 ? 'error' : level <= 30 ? 'warn' : level <= 40 ? 'info' : 'debug';
}

function textOf(message: unknown): string {
  if (typeof message === 'string') return message;
  if (message instanceof Error) return message.message;
  const inner = (message as { message?: unknown } | null)?.message;
  return typeof inner === 'string' ? inner : (JSON.stringify(message) ?? String(message));
}

/** Once: an operator's flow, even an empty one, is never overwritten. */
function installFlow(root: string, flowFile: string): void {
  const shipped = path.join(root, SHIPPED_FLOW);
  if (!existsSync(shipped) || existsSync(flowFile)) return;
  copyFileSync(shipped, flowFile, constants.COPYFILE_EXCL);
}

/** Behind the gate, Node-RED asks again: every right needs the session that the gate has put into the header. */
function adminAuth(login: Login): Record<string, unknown> {
  const admin = { username: ADMIN, permissions: '*' };
  return {
    type: 'credentials',
    users: async (name: string) => (name === ADMIN ? admin : null),
    // The gate answers /auth/token itself.
    authenticate: async () => null,
    tokens: async (token: string) => (login.isSession(token) ? admin : null),
    tokenHeader: SESSION_HEADER,
  };
}

export type Editor = { stop(): Promise<void> };

/** Resolves when the flows run, or when they cannot (missing nodes): health tells which. */
export async function startNodeRed(options: {
  /** Folder with package.json, settings.js and flows/. */
  root: string;
  directory: string;
  secret: string;
  server: Server;
  login: Login | undefined;
  services: Record<string, unknown>;
  health: HealthBoard;
  log: Log;
  /** The editor answers from here on, before the flows run. */
  onLoaded(): void;
}): Promise<Editor> {
  const { root, directory, secret, server, login, services, health, log, onLoaded } = options;
  const RED = createRequire(import.meta.url)('node-red') as NodeRed;
  const own = (await import(pathToFileURL(path.join(root, 'settings.js')).href)) as {
    default: Record<string, unknown>;
  };
  const flowFile = path.join(directory, String(own.default['flowFile'] ?? 'flows.json'));
  installFlow(root, flowFile);

  RED.init(server, {
    ...own.default,
    userDir: directory,
    flowFile,
    nodesDir: [root],
    credentialSecret: secret,
    httpAdminMiddleware: drainBeforeDeploy(RED.events),
    ...(login === undefined ? {} : { adminAuth: adminAuth(login) }),
    logging: {
      fieldline: {
        level: 'info',
        metrics: false,
        audit: false,
        handler: () => (event: LogEvent) => {
          const text = textOf(event.msg).trim();
          const node = event.type === undefined ? {} : { node: event.name ?? event.id, type: event.type };
          if (text !== '') log(levelOf(event.level), text, node);
        },
      },
    },
    fieldline: { services, directory: nodesFolder(directory) },
  });
  server.on('request', (request, response) => {
    const end = (error?: unknown) => unanswered(request, response, error);
    packFiles(request, response);
    RED.httpAdmin(request, response, error =>
      error === undefined ? RED.httpNode(request, response, end) : end(error),
    );
  });

  health.set('flows', false, 'starting');
  // Subscribed before the start: it resolves before the flows run.
  const settled = new Promise<void>(resolve => {
    RED.events.on('flows:started', () => {
      health.set('flows', true, 'running');
      resolve();
    });
    RED.events.on('flows:stopping', () => health.set('flows', false, 'being deployed or stopped'));
    RED.events.on('runtime-event', event => {
      const { id, payload } = event as { id?: string; payload?: { state?: string; error?: string } };
      // Node-RED waits: for missing node types, or for the operator who stopped the flows.
      if (id !== 'runtime-state' || (payload?.state !== 'stop' && payload?.error === undefined)) return;
      health.set('flows', false, payload.error ?? 'stopped');
      resolve();
    });
  });
  await RED.start();
  onLoaded();
  await settled;
  return { stop: () => RED.stop() };
}
