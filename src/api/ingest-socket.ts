// Ingest over WebSocket: one reading or an array a frame, each frame answered by its id after the commit.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { isJson, parseJson } from '../reading/payload.ts';
import { type Answer, refusal } from './ingest-answer.ts';
import type { Desk } from './ingest-desk.ts';
import { credentialsOf } from './ingest-http.ts';
import { problem } from './problem.ts';

export const SOCKET_PATH = '/ws/ingest';

export type IngestSocketOptions = {
  maxBytes: number;
  maxConnections?: number;
  /** A client without a key in a header shows it within this time. */
  keyMs?: number;
  /** A client that answers no ping until the next one is gone. */
  pingMs?: number;
};

export type IngestSocket = {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  readonly clients: number;
  /** Sends every client away; they come back by themselves. */
  close(): void;
};

/** Frames of one client that are not answered yet; above it nothing more is read of it. */
const MOST_OPEN = 16;
/** A client that does not answer our close frame is cut off after this. */
const CLOSE_LIMIT_MS = 2000;
/** RFC 6455 §7.4.1: 1012 restart; 4401 is HTTP's 401 in the range of applications. */
const COME_BACK = 1012;
const UNAUTHORIZED = 4401;

export function ingestSocket(desk: Desk, options: IngestSocketOptions): IngestSocket {
  const { maxBytes, maxConnections = 1000, keyMs = 10_000, pingMs = 30_000 } = options;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: maxBytes, perMessageDeflate: false });
  const alive = new WeakSet<WebSocket>();

  function open(client: WebSocket, shown: string | undefined): void {
    let secret = shown;
    let frames = shown === undefined ? 0 : 1;
    let waiting = 0;
    let turn: Promise<void> = Promise.resolve();
    const limit = setTimeout(() => secret ?? closeSoon(client, UNAUTHORIZED, 'no key'), keyMs);
    const say = (id: unknown, answer: Answer): void => {
      if (client.readyState === client.OPEN) client.send(lineOf(id, answer));
    };

    /** The key is asked for with every frame, since it may be revoked while the connection lasts. */
    async function receive(bytes: Buffer, binary: boolean, number: number): Promise<void> {
      const frame = frameOf(bytes, number);
      if (binary)
        return say(
          number,
          desk.refuse(refusal(problem(415, 'Unsupported', 'frame: expected text, got bytes')), 'body'),
        );
      const text = secret ?? frame.key;
      const key = await desk.admit(text);
      if ('status' in key) {
        say(frame.id, key);
        return key.status === 401 ? closeSoon(client, UNAUTHORIZED, 'no key in use') : undefined;
      }
      if (secret === undefined) {
        secret = text;
        clearTimeout(limit);
        return say(frame.id, { status: 200, body: {} });
      }
      const early = desk.behind() ?? desk.count(key);
      say(
        frame.id,
        early ?? (await desk.take({ key, bytes: frame.bytes, protocol: 'websocket', topic: 'http/socket' })),
      );
    }

    alive.add(client);
    client.on('pong', () => alive.add(client));
    client.on('close', () => clearTimeout(limit));
    // ws closes the connection itself (1009 too large, 1007 no UTF-8 …); whether it had a key is no matter.
    client.on('error', error => {
      const tooLarge = (error as NodeJS.ErrnoException).code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
      desk.refuse(refusal(problem(tooLarge ? 413 : 400, 'Frame refused', `frame: ${error.message}`)), 'body');
    });
    client.on('message', (data, binary) => {
      if (++waiting >= MOST_OPEN) client.pause();
      const work = () => receive(bytesOf(data), binary, number);
      const number = frames++;
      // Until the key is known, frames wait for the one before.
      turn = (secret === undefined ? turn.then(work) : work())
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

  return {
    upgrade(request, socket, head) {
      socket.on('error', () => socket.destroy());
      const refuse = (line: string) => socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      if (sockets.clients.size >= maxConnections) return void refuse('503 Service Unavailable\r\nRetry-After: 5');
      const secret = credentialsOf(request.headers);
      const admitted = secret === undefined ? Promise.resolve(undefined) : desk.admit(secret);
      void admitted.then(key => {
        if (key === undefined || !('status' in key))
          return sockets.handleUpgrade(request, socket, head, client => open(client, secret));
        return refuse(key.status === 401 ? '401 Unauthorized' : '503 Service Unavailable\r\nRetry-After: 5');
      });
    },
    get clients() {
      return sockets.clients.size;
    },
    close() {
      clearInterval(pinger);
      for (const client of sockets.clients) closeSoon(client, COME_BACK, 'restart');
    },
  };
}

function closeSoon(client: WebSocket, code: number, reason: string): void {
  client.close(code, reason);
  const cut = setTimeout(() => client.terminate(), CLOSE_LIMIT_MS);
  client.once('close', () => clearTimeout(cut));
}

function bytesOf(data: RawData): Buffer {
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer);
}

type Frame = { id: unknown; bytes: Buffer; key?: string };

/**
 * `{ id?, key }`, `{ id?, data: reading or array }`, a reading (with an `id` that is the frame's, too) or an array. The id is
 * no part of what is stored: a reading sent again under another id is the same reading.
 */
function frameOf(bytes: Buffer, number: number): Frame {
  const parsed = parseJson(bytes.toString());
  if (!isJson(parsed)) return { id: number, bytes };
  const { id = number, ...rest } = parsed;
  const { key, data, ...more } = rest;
  if (typeof key === 'string' && Object.keys(more).length === 0 && data === undefined) return { id, bytes, key };
  if (typeof data === 'object' && data !== null && Object.keys(more).length === 0)
    return { id, bytes: Buffer.from(JSON.stringify(data)) };
  return { id, bytes: parsed['id'] === undefined ? bytes : Buffer.from(JSON.stringify(rest)) };
}

function lineOf(id: unknown, { status, body, headers }: Answer): string {
  if (status < 400) return JSON.stringify({ id, ok: true, ...body });
  const seconds = headers?.['retry-after'];
  return JSON.stringify({ id, error: body, ...(seconds === undefined ? {} : { retry_after: Number(seconds) }) });
}
