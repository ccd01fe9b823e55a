// Broadcasts over HTTP, as Supabase Realtime takes them from programs that hold no line: POST /realtime/v1/api/broadcast.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { shallowEnough } from '../reading/payload.ts';
import type { Admission } from './admission.ts';
import { type Endpoint, pathOf, queryOf, refuseRequest, refuseUpgrade } from './endpoint.ts';
import { BROADCAST_PATH } from './paths.ts';
import { type Rooms, roomName } from './supabase-rooms.ts';
import { type Broadcast, isObject, MAX_DEPTH } from './supabase-wire.ts';

const MAX_BYTES = 1024 * 1024;
const MAX_MESSAGES = 1000;

type Addressed = { topic: string; isPrivate: boolean; broadcast: Broadcast };

/** `slowestMs`: within which a body has to come. */
export function broadcastEndpoint(rooms: Rooms, admission: Admission, slowestMs = 15_000): Endpoint {
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<undefined> {
    const refusal = admission.refusal(request);
    if (refusal !== undefined) return refuseRequest(response, refusal.status, `Not admitted: ${refusal.reason}`);
    const page = admission.pageHeaders(request);
    if (request.method === 'OPTIONS') return admission.preflight(request, response, 'POST');
    if (request.method !== 'POST') return refuseRequest(response, 405, 'Method not allowed', { allow: 'POST' });
    const who = admission.identify(request);
    if ('refused' in who) return refuseRequest(response, 401, who.refused, page);
    const body = await bodyOf(request, slowestMs);
    if (!Buffer.isBuffer(body)) {
      // What is left of it would hold the line.
      response.shouldKeepAlive = false;
      const says =
        body === 413 ? `Expected at most ${MAX_BYTES} bytes` : `Expected all of it within ${slowestMs / 1000} s`;
      return refuseRequest(response, body, says, page);
    }
    const messages = messagesOf(request, body);
    if (messages === undefined)
      return refuseRequest(response, 400, 'Expected {"messages":[{"topic","event","payload"}]}', page);
    for (const { topic, isPrivate, broadcast } of messages) rooms.tell(roomName(topic, who.org, isPrivate), broadcast);
    response.writeHead(202, page).end();
    return undefined;
  }

  return {
    leads: path => BROADCAST_PATH.test(path),
    request: (request, response) =>
      void answer(request, response).catch(() => {
        // The client hung up within its own body.
        response.destroy();
      }),
    upgrade: (_request, socket) => refuseUpgrade(socket, 400),
    async close() {},
  };
}

function messagesOf(request: IncomingMessage, body: Buffer): readonly Addressed[] | undefined {
  const [, topic, event] = BROADCAST_PATH.exec(pathOf(request)) ?? [];
  const isText = (request.headers['content-type'] ?? 'application/json').includes('json');
  const parsed = isText ? jsonOf(body) : undefined;
  if (topic !== undefined && event !== undefined) {
    const names = [topic, event].map(decoded);
    if (names.includes(undefined) || (isText && parsed === undefined)) return undefined;
    const broadcast = { event: names[1]!, payload: isText ? JSON.stringify(parsed) : body };
    return [{ topic: names[0]!, isPrivate: queryOf(request).get('private') === 'true', broadcast }];
  }
  const list = isObject(parsed) ? parsed['messages'] : undefined;
  if (!Array.isArray(list) || list.length > MAX_MESSAGES) return undefined;
  const messages = list.map(addressed);
  return messages.every(message => message !== undefined) ? messages : undefined;
}

function addressed(value: unknown): Addressed | undefined {
  if (!isObject(value)) return undefined;
  const { topic, event, payload = {}, private: isPrivate } = value;
  if (typeof topic !== 'string' || typeof event !== 'string') return undefined;
  return { topic, isPrivate: isPrivate === true, broadcast: { event, payload: JSON.stringify(payload) } };
}

function jsonOf(body: Buffer): unknown {
  try {
    const value: unknown = JSON.parse(body.toString());
    return shallowEnough(value, MAX_DEPTH) ? value : undefined;
  } catch {
    return undefined;
  }
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

/** The body, or the status to answer with. The line stays open, so that the answer can leave. */
function bodyOf(request: IncomingMessage, slowestMs: number): Promise<Buffer | 408 | 413> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (result: Buffer | 408 | 413): void => {
      clearTimeout(late);
      request.off('data', take).resume();
      resolve(result);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) end(413);
      else chunks.push(chunk);
    };
    const late = setTimeout(() => end(408), slowestMs);
    request.on('data', take);
    request.once('end', () => end(Buffer.concat(chunks)));
    request.once('close', () => {
      clearTimeout(late);
      reject(new Error('the client hung up'));
    });
  });
}
