// Live clients on an HTTP server: takes the WebSocket upgrades of one path and leaves all others to whoever listens for them.
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { Fault, expected } from '../kernel/fault.ts';
import { count } from '../kernel/metrics.ts';
import type { Close, Codec, Principal, Session } from './codec.ts';
import type { Hub } from './hub.ts';

export type Authorize = (
  request: IncomingMessage,
  token: string,
) => Principal | undefined | Promise<Principal | undefined>;

export type SocketOptions = {
  /** Path of the URL, e.g. `/ws`. */
  path: string;
  codec: Codec;
  /** Origins of other sites whose pages may connect, e.g. `https://scada.example`; `*` for any. The server's own is always allowed. */
  origins?: readonly string[];
  maxConnections?: number;
  /** Longest frame a client may send. */
  maxFrameBytes?: number;
  /** Who may connect; without it everybody is a viewer. */
  authorize?: Authorize | undefined;
};

export type LiveSocket = {
  readonly clients: number;
  /** Sends every client away (they come back by themselves) and frees the path. */
  close(): Promise<void>;
};

/** What the nodes that publish get of a live server. */
export type LiveServer = { readonly hub: Hub; readonly clients: number };

const TICK_MS = 500;
// A client that does not answer our close frame is cut off after this.
const CLOSE_LIMIT_MS = 2000;
const taken = new WeakMap<Server, Set<string>>();

export function attachSocket(server: Server, hub: Hub, options: SocketOptions): LiveSocket {
  const { path, codec, origins = [], maxConnections = 1000, maxFrameBytes = 64 * 1024 } = options;
  const authorize: Authorize = options.authorize ?? (() => ({ role: 'viewer' }));
  const release = claim(server, path);
  const sessions = new Map<WebSocket, Session>();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
    // The protobuf form is not spoken here; a client that insists on it learns so in the handshake.
    handleProtocols: offered => (offered.has('centrifuge-json') ? 'centrifuge-json' : false),
  });

  function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (pathOf(request) !== path) return;
    if (!originAllowed(request, origins)) refuse(socket, '403 Forbidden', 'origin');
    else if (sessions.size >= maxConnections) refuse(socket, '503 Service Unavailable', 'connections');
    else sockets.handleUpgrade(request, socket, head, client => open(client, request));
  }

  function open(client: WebSocket, request: IncomingMessage): void {
    const session = codec(hub, {
      send: frame => client.send(frame, { binary: false }),
      close: close => closeSoon(client, close),
      get backlog() {
        return client.bufferedAmount;
      },
      authorize: token => authorize(request, token),
    });
    sessions.set(client, session);
    client.on('message', (data, binary) => session.receive(binary ? undefined : textOf(data)));
    client.on('close', code => {
      sessions.delete(client);
      session.closed();
      count('fieldline_live_closed_total', 1, { path, code: String(code) });
    });
    // ws closes the connection itself (1009 too large, 1007 no UTF-8 …); `close` counts it.
    client.on('error', () => {});
  }

  const ticker = setInterval(() => {
    for (const session of sessions.values()) session.tick();
  }, TICK_MS);
  server.on('upgrade', onUpgrade);

  return {
    get clients() {
      return sessions.size;
    },
    async close() {
      server.off('upgrade', onUpgrade);
      clearInterval(ticker);
      release();
      await Promise.all(
        [...sessions].map(
          ([client, session]) =>
            new Promise<void>(resolve => {
              client.once('close', () => resolve());
              session.shutdown();
            }),
        ),
      );
    },
  };
}

function claim(server: Server, path: string): () => void {
  const paths = taken.get(server) ?? new Set<string>();
  taken.set(server, paths);
  if (paths.has(path))
    throw new Fault('FIELDLINE_SETTING', expected('path', 'one that no other live server has', path));
  paths.add(path);
  return () => void paths.delete(path);
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split(/[?#]/, 1)[0]!;
}

/** Browsers name the page's origin; whoever names none is no page of another site. */
function originAllowed({ headers }: IncomingMessage, origins: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return true;
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase();
}

function refuse(socket: Duplex, status: string, reason: string): void {
  count('fieldline_live_refused_total', 1, { reason });
  socket.on('error', () => {});
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

function closeSoon(client: WebSocket, { code, reason }: Close): void {
  client.close(code, reason);
  const cut = setTimeout(() => client.terminate(), CLOSE_LIMIT_MS);
  client.once('close', () => clearTimeout(cut));
}

function textOf(data: RawData): string {
  return Array.isArray(data) ? Buffer.concat(data).toString() : Buffer.from(data as Buffer).toString();
}
