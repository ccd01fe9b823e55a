// The one HTTP server of the gateway: health answers from the first moment, the gate comes before all else.
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { hasDoor, pathOf, upgradeOnlyWebSockets } from '../src/api/door.ts';
import { expected, Fault, reasonOf } from '../src/kernel/fault.ts';
import { isAllowedPage } from '../src/reading/origin.ts';
import { countBrokenRequests } from './broken-requests.ts';
import { EDITOR_LINE, editorLine } from './editor-line.ts';
import type { Address } from './environment.ts';
import { answer, type Gate } from './gate.ts';
import type { HealthBoard } from './health.ts';
import type { Log } from './log.ts';
import { statusPage } from './status-page.ts';
import { codeOf } from '../src/reading/error-code.ts';

export type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

export type Front = {
  /** Where it listens; the port is the real one. */
  readonly address: Address;
  /** Server for Node-RED and its nodes: never listens itself, and sees only what the gate let through. */
  readonly inner: http.Server;
  /** From now on `inner` gets requests; before, they are answered 503. */
  open(): void;
  /** MQTT over WebSocket at /mqtt. */
  mqtt: Upgrade | undefined;
  close(): void;
};

/** A client that sends its headers slower than this is not one. */
const HEADERS_MS = 15_000;
/** A device that posts every minute keeps its connection: over a mobile network a new one costs more than the post. */
const IDLE_MS = 65_000;

export async function openFront(at: Address, gate: Gate, health: HealthBoard, log: Log): Promise<Front> {
  const inner = http.createServer();
  inner.setMaxListeners(0);
  const editor = editorLine(inner);
  const server = http.createServer({ headersTimeout: HEADERS_MS, keepAliveTimeout: IDLE_MS });
  upgradeOnlyWebSockets(server);
  countBrokenRequests(server);
  let isOpen = false;
  const sockets = new Set<Duplex>();

  const readiness = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { status, parts } = await health.look();
    // Parts name devices and hosts: only for those who are logged in. The code itself is for every supervisor.
    answer(response, status === 'ready' ? 200 : 503, gate.admits(request) ? { status, parts } : { status }, {
      'content-type': 'application/json',
    });
  };
  /** 200 also while parts are away: the page itself works. */
  const status = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const look = await health.look();
    const known = gate.admits(request);
    if (!/text\/html|\*\/\*/.test(request.headers.accept ?? '*/*'))
      return answer(response, 200, known ? look : { status: look.status });
    answer(response, 200, statusPage(look, known));
  };
  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = pathOf(request);
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (reads && path === '/health/live') return answer(response, 200, { status: 'alive' });
    if (reads && path === '/health') return readiness(request, response);
    if (reads && path === '/status') return status(request, response);
    // Whoever stands at a door asks for a key instead of a login.
    if (!hasDoor(inner, request) && !(await gate.passes(request, response))) return;
    // Also before: one who stands at a door knows what to say to clients that would not come again.
    if (isOpen || hasDoor(inner, request)) inner.emit('request', request, response);
    else answer(response, 503, { title: 'Fieldline is starting', status: 503 }, { 'retry-after': '2' });
  };
  server.on('request', (request, response) => {
    route(request, response).catch(error => {
      log('error', 'a request failed', { path: pathOf(request), reason: reasonOf(error) });
      if (!response.headersSent) answer(response, 500, { title: 'Internal error', status: 500 });
      else response.destroy();
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const refuse = (line: string) => socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    if (!hasDoor(inner, request) && !gate.admits(request)) return refuse('401 Unauthorized');
    if (!isOpen) return refuse('503 Service Unavailable');
    const path = pathOf(request);
    if (path !== '/mqtt' && path !== EDITOR_LINE) return void inner.emit('upgrade', request, socket, head);
    const take = path === '/mqtt' ? front.mqtt : editor;
    if (take === undefined) return refuse('404 Not Found');
    // Browsers let any page open a socket.
    if (!isAllowedPage(request, [])) return refuse('403 Forbidden');
    take(request, socket, head);
  });

  server.listen(at.port, at.host);
  await once(server, 'listening').catch(error => {
    const code = codeOf(error);
    if (code === 'EADDRINUSE')
      throw new Fault('FIELDLINE_PORT_IN_USE', expected('PORT', 'a free port', `${at.host}:${at.port} in use`), {
        cause: error,
      });
    throw new Fault(
      'FIELDLINE_SETTING',
      expected('HOST and PORT', 'an address this user may listen on', reasonOf(error)),
      {
        cause: error,
      },
    );
  });
  const front: Front = {
    address: { host: at.host, port: (server.address() as AddressInfo).port },
    inner,
    mqtt: undefined,
    open() {
      isOpen = true;
    },
    close() {
      isOpen = false;
      server.close();
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
    },
  };
  return front;
}
