// WebSockets of one protocol: takes the upgrades of its paths, and gives each client a session of its codec.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { count } from '../kernel/metrics.ts';
import type { Admission } from './admission.ts';
import type { Close, Codec, Session, Wire } from './codec.ts';
import { type Endpoint, pathOf, queryOf, refuseRequest, refuseUpgrade } from './endpoint.ts';
import type { Hub } from './hub.ts';
import { type Lane, lanes } from './lanes.ts';

export type SocketOptions = {
  /** Of the URL, e.g. `/ws`. */
  paths: readonly string[];
  codec: Codec;
  /** Longest frame a client may send. */
  maxFrameBytes?: number;
};

const TICK_MS = 500;
const INTERNAL: Close = { code: 1011, reason: 'internal error' };
// A client that does not answer our close frame is cut off after this.
const CLOSE_LIMIT_MS = 2000;

export function socketEndpoint(hub: Hub, admission: Admission, options: SocketOptions): Endpoint {
  const { paths, codec, maxFrameBytes = 64 * 1024 } = options;
  const sessions = new Map<WebSocket, Session>();
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
    // The protobuf form is not spoken here; a client that insists on it learns so in the handshake.
    handleProtocols: offered => (offered.has('centrifuge-json') ? 'centrifuge-json' : false),
  });
  let closed = false;

  function open(client: WebSocket, line: Duplex, request: IncomingMessage): void {
    const leave = admission.enter();
    const path = pathOf(request);
    const failed = (): void => closeSoon(client, INTERNAL);
    const lane = lanes.open(failed);
    const session = codec(hub, wireOf(client, line, request, admission, lane));
    sessions.set(client, session);
    client.on('message', (data, binary) => {
      // A session does not throw; should one do it all the same, that is the end of this line and of nothing else.
      try {
        session.receive(binary ? bytesOf(data) : bytesOf(data).toString());
      } catch {
        failed();
      }
      if (lane.waiting === 0 || client.isPaused) return;
      client.pause();
      lane.run(() => client.resume());
    });
    client.on('close', code => {
      leave();
      lane.close();
      sessions.delete(client);
      session.closed();
      count('fieldline_live_closed_total', 1, { path, code: String(code) });
    });
    // ws closes the connection itself (1009 too large, 1007 no UTF-8 …); `close` counts it.
    client.on('error', () => {});
    if (closed) session.shutdown();
  }

  const ticker = setInterval(() => {
    // Of one that waits for its turn nothing can be heard.
    for (const [client, session] of [...sessions]) if (!client.isPaused) session.tick();
  }, TICK_MS);

  return {
    leads: path => paths.includes(path),
    request: (_request, response) =>
      refuseRequest(response, 426, 'A WebSocket is served here', { upgrade: 'websocket', connection: 'upgrade' }),
    upgrade(request, socket, head) {
      const refusal = admission.refusal(request);
      if (refusal === undefined) sockets.handleUpgrade(request, socket, head, client => open(client, socket, request));
      else refuseUpgrade(socket, refusal.status);
    },
    async close() {
      closed = true;
      clearInterval(ticker);
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

function wireOf(client: WebSocket, line: Duplex, request: IncomingMessage, admission: Admission, lane: Lane): Wire {
  let corked = false;

  /** Frames that are sent one after the other leave in one write: the write is what costs. */
  function gather(): void {
    if (corked) return;
    corked = true;
    line.cork();
    process.nextTick(() => {
      corked = false;
      line.uncork();
    });
  }

  return {
    send(frame) {
      gather();
      client.send(frame, { binary: false });
    },
    sendBytes(frame) {
      gather();
      client.send(frame, { binary: true });
    },
    close: close => closeSoon(client, close),
    turn: work => lane.run(work),
    get backlog() {
      return client.bufferedAmount;
    },
    query: queryOf(request),
    headers: request.headers,
    identify: token => admission.identify(request, token === '' ? undefined : token),
  };
}

function closeSoon(client: WebSocket, { code, reason }: Close): void {
  client.close(code, reason);
  // Its answer is heard also where it waited for a turn.
  client.resume();
  const cut = setTimeout(() => client.terminate(), CLOSE_LIMIT_MS);
  client.once('close', () => clearTimeout(cut));
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
