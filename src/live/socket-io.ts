// Socket.IO at /socket.io/: `subscribe` and `unsubscribe` with a channel, and the events `telemetry`, `alarm` and `system` (seed 002).
import { createServer, type IncomingMessage } from 'node:http';
import { WebSocketServer } from 'ws';
import { count } from '../kernel/metrics.ts';
import { shallowEnough } from '../reading/payload.ts';
import type { Principal } from '../reading/principal.ts';
import type { Admission } from './admission.ts';
import { allowance } from './allowance.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Endpoint, queryOf, refuseRequest, refuseUpgrade } from './endpoint.ts';
import type { Hub } from './hub.ts';
import { lanes } from './lanes.ts';
import { isSocketIo, SOCKET_IO_PATH } from './paths.ts';
import type { IoSocket, SocketIo } from './socket-io-package.ts';
import { socketIoSubscriptions, type Subscriber } from './socket-io-rooms.ts';

export type SocketIoOptions = { maxSubscriptions: number; queueBytes: number };

const TICK_MS = 500;
const EVENTS_PER_SECOND = 50;
const MAX_EVENT_BYTES = 64 * 1024;
const CONNECT_LIMIT_MS = 10_000;

export function socketIoEndpoint(
  hub: Hub,
  admission: Admission,
  library: SocketIo,
  options: SocketIoOptions,
): Endpoint {
  // It never listens: the package takes requests from it that are handed on to it here.
  const server = createServer();
  const io = new library.Server(server, {
    path: SOCKET_IO_PATH,
    // Ours, which ends a line that pings and reads no answers; the one that comes with the package keeps them all.
    wsEngine: WebSocketServer,
    maxHttpBufferSize: MAX_EVENT_BYTES,
    perMessageDeflate: false,
    // Clients of version 2.
    allowEIO3: true,
    httpCompression: false,
    // A line on which nobody says who it is.
    connectTimeout: CONNECT_LIMIT_MS,
    cors(request: IncomingMessage, answer: (fault: null, options: object) => void) {
      answer(null, { origin: admission.pageHeaders(request)['access-control-allow-origin'] ?? false });
    },
  });
  const subscriptions = socketIoSubscriptions(hub, io, options);
  const sockets = new Map<IoSocket, Subscriber>();
  const admitted = new WeakMap<IoSocket, Principal>();

  // The line counts, whether or not anybody connects on it.
  io.engine.on('connection', line => line.once('close', admission.enter()));

  io.use((socket, next) => {
    const { auth, query } = socket.handshake;
    const token = auth['token'] ?? query['token'];
    const who = admission.identify(socket.request, typeof token === 'string' && token !== '' ? token : undefined);
    if ('refused' in who) return next(new Error(who.refused));
    admitted.set(socket, who);
    return next();
  });

  io.on('connection', socket => {
    const subscriber = subscriptions.of(socket, admitted.get(socket)!);
    sockets.set(socket, subscriber);
    const lane = lanes.open(() => socket.conn.close());
    const events = allowance(EVENTS_PER_SECOND, 2 * options.maxSubscriptions + EVENTS_PER_SECOND, systemClock);
    socket.use((packet, next) => (events.take() && shallowEnough(packet) ? next() : void socket.conn.close()));
    const subscribe = (channel: unknown, more: readonly unknown[]) =>
      lane.run(() => answer(more, subscriber.subscribe(channel, more[0])));
    socket.on('subscribe', (channel, ...more) => subscribe(channel, more));
    socket.on('unsubscribe', (channel, ...more) => lane.run(() => answer(more, subscriber.unsubscribe(channel))));
    socket.on('disconnect', reason => {
      lane.close();
      subscriber.close();
      sockets.delete(socket);
      count('fieldline_live_closed_total', 1, { path: SOCKET_IO_PATH, code: String(reason) });
    });
    // A program that cannot emit before it listens names its channels when it connects.
    const { channels } = socket.handshake.auth;
    if (Array.isArray(channels)) for (const channel of channels) subscribe(channel, []);
  });

  const ticker = setInterval(() => {
    for (const [socket, { expiresAt }] of [...sockets])
      if (expiresAt !== undefined && expiresAt <= Date.now()) socket.disconnect(true);
      else if (isSlow(socket, options.queueBytes)) socket.conn.close(true);
  }, TICK_MS);

  // Later requests of a client name its session.
  const refusalOf = (request: IncomingMessage) =>
    queryOf(request).has('sid') ? undefined : admission.refusal(request);

  return {
    leads: isSocketIo,
    request(request, response) {
      const refusal = refusalOf(request);
      if (refusal === undefined) server.emit('request', request, response);
      else refuseRequest(response, refusal.status, `Not admitted: ${refusal.reason}`);
    },
    upgrade(request, socket, head) {
      const refusal = refusalOf(request);
      if (refusal === undefined) server.emit('upgrade', request, socket, head);
      else refuseUpgrade(socket, refusal.status);
    },
    async close() {
      clearInterval(ticker);
      // The server below was never open, which it says by an error.
      await io.close().catch(() => undefined);
      subscriptions.close();
    },
  };
}

/** The acknowledgement is the last argument, where the client wants one. */
function answer(more: readonly unknown[], result: object): void {
  const acknowledge = more.at(-1);
  if (typeof acknowledge === 'function') acknowledge(result);
}

function isSlow({ conn }: IoSocket, queueBytes: number): boolean {
  let bytes = 0;
  for (const { data } of conn.writeBuffer) bytes += typeof data === 'string' ? data.length : 0;
  return bytes > queueBytes;
}
