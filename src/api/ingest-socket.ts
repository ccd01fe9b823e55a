// Ingest over WebSocket: one reading or an array a frame, each frame answered by its id after the commit, in order.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { type Answer, refusal } from './ingest-answer.ts';
import type { Desk } from './ingest-desk.ts';
import { type Frame, frameOf, lineOf } from './ingest-frame.ts';
import { credentialsOf } from './ingest-http.ts';
import { problem } from './problem.ts';
import { codeOf } from '../reading/error-code.ts';

export const SOCKET_PATH = '/ws/ingest';

export type IngestSocketOptions = {
  maxBytes: number;
  maxConnections?: number;
  /** Of these, those that have shown no key yet. */
  maxUnknown?: number;
  /** A client without a key in a header shows it within this time. */
  keyMs?: number;
  /** A client that answers no ping until the next one is gone. */
  pingMs?: number;
  /** So often the keys of those who are silent are looked at: one that was revoked holds no connection for a second. */
  checkMs?: number;
};

export type IngestSocket = {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  readonly clients: number;
  /** Sends every client away; they come back by themselves. */
  close(): void;
};

/** Frames of one client whose answer it has not taken yet; above it nothing more is read of it. */
const MOST_OPEN = 16;
/** A client that takes nothing we send is told no more of its pings. */
const MOST_UNSENT_BYTES = 64 * 1024;
/** A client that does not answer our close frame is cut off after this. */
const CLOSE_LIMIT_MS = 2000;
/** RFC 6455 §7.4.1: 1012 restart; 4401 is HTTP's 401 in the range of applications. */
const COME_BACK = 1012;
const UNAUTHORIZED = 4401;
const LATER = '503 Service Unavailable\r\nRetry-After: 5';

export function ingestSocket(desk: Desk, options: IngestSocketOptions): IngestSocket {
  const { maxBytes, maxConnections = 1000, maxUnknown = 200 } = options;
  const { keyMs = 10_000, pingMs = 30_000, checkMs = 250 } = options;
  const sockets = new WebSocketServer({
    ...{ noServer: true, maxPayload: maxBytes, perMessageDeflate: false, autoPong: false },
  });
  const alive = new WeakSet<WebSocket>();
  /** Undefined until it was shown. */
  const secrets = new Map<WebSocket, string | undefined>();
  /** Those whose key is being looked up. */
  let entering = 0;
  let closed = false;

  function open(client: WebSocket, shown: string | undefined): void {
    let frames = shown === undefined ? 0 : 1;
    let waiting = 0;
    let turn: Promise<unknown> = Promise.resolve();
    const limit = setTimeout(() => secrets.get(client) ?? closeSoon(client, UNAUTHORIZED, 'no key'), keyMs);

    /** The key is asked for with every frame, since it may be revoked while the connection lasts. */
    async function answerTo(bytes: Buffer, binary: boolean, number: number): Promise<Said> {
      const secret = secrets.get(client);
      const frame: Frame = binary ? { id: number, bytes } : frameOf(bytes, number);
      const text = secret ?? frame.key;
      const key = await desk.admit(text);
      if ('status' in key) return { id: frame.id, answer: key, leaves: key.status === 401 };
      if (secret === undefined) {
        secrets.set(client, text);
        clearTimeout(limit);
        return { id: frame.id, answer: { status: 200, body: {} } };
      }
      const early = desk.behind() ?? desk.count(key) ?? (binary ? desk.refuse(NO_TEXT, 'body') : undefined);
      const answer =
        early ?? (await desk.take({ key, bytes: frame.bytes, protocol: 'websocket', topic: 'http/socket' }));
      return { id: frame.id, answer };
    }

    /** Resolves when the client's connection has taken it. */
    async function say({ id, answer, leaves }: Said): Promise<void> {
      if (client.readyState === client.OPEN)
        await new Promise<void>(resolve => client.send(lineOf(id, answer), () => resolve()));
      if (leaves) closeSoon(client, UNAUTHORIZED, 'no key in use');
    }

    alive.add(client);
    secrets.set(client, shown);
    client.on('pong', () => alive.add(client));
    client.on('ping', data => client.bufferedAmount < MOST_UNSENT_BYTES && client.pong(data));
    client.on('close', () => {
      clearTimeout(limit);
      secrets.delete(client);
    });
    // ws closes the connection itself (1009 too large, 1007 no UTF-8 …); whether it had a key is no matter.
    client.on('error', error => {
      const tooLarge = codeOf(error) === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
      desk.refuse(refusal(problem(tooLarge ? 413 : 400, 'Frame refused', `frame: ${error.message}`)), 'body');
    });
    client.on('message', (data, binary) => {
      if (++waiting >= MOST_OPEN) client.pause();
      const work = () => answerTo(bytesOf(data), binary, number);
      const number = frames++;
      // Until the key is known, frames wait for the one before.
      const said = secrets.get(client) === undefined ? turn.then(work) : work();
      turn = Promise.all([said, turn])
        .then(([first]) => say(first))
        .catch(() => client.terminate())
        .finally(() => {
          if (--waiting < MOST_OPEN) client.resume();
        });
    });
  }

  const pinger = setInterval(() => {
    for (const client of sockets.clients) {
      if (!alive.has(client)) client.terminate();
      alive.delete(client);
      client.ping();
    }
  }, pingMs);

  /** Each key once, however many connections it has. */
  async function endOf(secret: string): Promise<void> {
    if (await desk.mayBeInUse(secret)) return;
    for (const [client, shown] of secrets) if (shown === secret) closeSoon(client, UNAUTHORIZED, 'no key in use');
  }
  const checker = setInterval(() => {
    for (const secret of new Set(secrets.values())) if (secret !== undefined) void endOf(secret);
  }, checkMs);

  const unknown = () => [...secrets.values()].filter(secret => secret === undefined).length;
  const isFull = (secret: string | undefined): boolean =>
    sockets.clients.size + entering >= maxConnections || (secret === undefined && unknown() >= maxUnknown);

  return {
    upgrade(request, socket, head) {
      socket.on('error', () => socket.destroy());
      const refuse = (line: string) => socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      const secret = credentialsOf(request.headers);
      if (isFull(secret)) {
        desk.refuse(FULL);
        return void refuse(LATER);
      }
      entering++;
      const admitted = secret === undefined ? Promise.resolve(undefined) : desk.admit(secret);
      void admitted.then(key => {
        entering--;
        if (key !== undefined && 'status' in key) return refuse(key.status === 401 ? '401 Unauthorized' : LATER);
        // The node was closed meanwhile: the one that takes its place is asked next time.
        if (closed) return refuse(LATER);
        return sockets.handleUpgrade(request, socket, head, client => open(client, secret));
      });
    },
    get clients() {
      return sockets.clients.size;
    },
    close() {
      closed = true;
      clearInterval(pinger);
      clearInterval(checker);
      for (const client of sockets.clients) closeSoon(client, COME_BACK, 'restart');
    },
  };
}

/** `leaves`: the connection ends with it. */
type Said = { id: unknown; answer: Answer; leaves?: boolean };

const FULL = refusal(problem(503, 'Not now', 'as many clients as are let in are connected'));
const NO_TEXT = refusal(problem(415, 'Unsupported', 'frame: expected text, got bytes'));

function closeSoon(client: WebSocket, code: number, reason: string): void {
  client.close(code, reason);
  const cut = setTimeout(() => client.terminate(), CLOSE_LIMIT_MS);
  client.once('close', () => clearTimeout(cut));
}

function bytesOf(data: RawData): Buffer {
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
}
