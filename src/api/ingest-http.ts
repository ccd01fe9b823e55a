// Ingest over HTTP: POST /api/ingest and POST /api/devices/{id}/telemetry; what can be refused without the body is refused before it.
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { deviceName, limits } from '../reading/payload.ts';
import { type Answer, refusal } from './ingest-answer.ts';
import { type BodyLimits, type BodyReader, bodyReader } from './ingest-body.ts';
import type { Desk, Posted } from './ingest-desk.ts';
import { problem } from './problem.ts';
import { endUnread } from './unread.ts';

const TELEMETRY = /^\/api\/devices\/([^/]+)\/telemetry$/;
/** Draft-ietf-httpapi-idempotency-key-header: a text; quotes around it belong to its form. */
const IDEMPOTENCY_KEY = /^"?([\x21-\x7e]{1,255}?)"?$/;

/** Paths of ingest, whatever the method: others are told which one it takes. */
export function isIngestPath(path: string): boolean {
  return path === '/api/ingest' || TELEMETRY.test(path);
}

const BEARER = /^(?:Bearer +)?(\S+)$/i;

/** The key of a request: `x-api-key`, also as the bearer token that seed 004 calls it, or `Authorization: Bearer`. */
export function credentialsOf(headers: IncomingHttpHeaders): string | undefined {
  const { 'x-api-key': key, authorization = '' } = headers;
  const shown =
    typeof key === 'string' && key.trim() !== '' ? key : /^Bearer /i.test(authorization) ? authorization : '';
  return BEARER.exec(shown.trim())?.[1];
}

export type IngestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export function ingestHandler(desk: Desk, bodies: BodyLimits, read: BodyReader = bodyReader()): IngestHandler {
  /** Undefined: the client is gone. */
  async function answerTo(request: IncomingMessage): Promise<Answer | undefined> {
    if (request.method !== 'POST')
      return desk.refuse(
        refusal(problem(405, 'Method not allowed', `method: expected POST, got ${request.method}`), { allow: 'POST' }),
      );
    const key = await desk.admit(credentialsOf(request.headers));
    if ('status' in key) return key;
    const early = desk.behind() ?? desk.count(key);
    if (early !== undefined) return early;
    const address = addressOf(request);
    if ('status' in address) return desk.refuse(address, 'address');
    const received = await read(request, bodies);
    if (received === undefined) return void desk.cutShort();
    if (!Buffer.isBuffer(received))
      return received.status === 503
        ? desk.refuse(refusal(received, { 'retry-after': '1' }))
        : desk.refuse(refusal(received), 'body');
    return desk.take({ key, bytes: received, protocol: 'http', ...address });
  }

  return (request, response) => {
    answerTo(request).then(
      answer => answer && respond(request, response, answer, bodies.slowestMs),
      // Nothing is known to lead here; a client gets an answer all the same, and one that makes it come again.
      () =>
        respond(request, response, desk.refuse(refusal(problem(503, 'Not now', 'the request could not be worked on')))),
    );
  };
}

type Address = Pick<Posted, 'topic' | 'deviceId' | 'partial' | 'idempotencyKey'>;

/** What the request says outside its body, or the refusal. */
function addressOf(request: IncomingMessage): Address | Answer {
  const given = request.headers['idempotency-key'];
  const idempotencyKey = typeof given === 'string' ? IDEMPOTENCY_KEY.exec(given.trim())?.[1] : undefined;
  if (given !== undefined && idempotencyKey === undefined)
    return refusal(badHeader('idempotency-key', '1 to 255 characters of ASCII without blanks'));
  const [path, query = ''] = (request.url ?? '/').split('?');
  const partial = ['true', '1', ''].includes(new URLSearchParams(query).get('partial') ?? 'no');
  const named = TELEMETRY.exec(path!)?.[1];
  if (named === undefined) return { topic: 'http/ingest', partial, idempotencyKey };
  const decoded = decodedOf(named);
  const deviceId = deviceName(decoded);
  if (deviceId === undefined || deviceId !== decoded?.trim())
    return refusal(
      problem(400, 'Bad request', `id: expected a device's name of at most ${limits.deviceLength} characters`, 'id'),
    );
  return { topic: 'http/telemetry', deviceId, partial, idempotencyKey };
}

function decodedOf(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function badHeader(name: string, what: string) {
  return problem(400, 'Bad request', `${name}: expected ${what}`, name);
}

/** A body that was not read to its end would be taken for the next request: the connection ends with the answer then. */
export function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { status, body, headers }: Answer,
  restMs?: number,
): void {
  if (response.headersSent || response.destroyed) return;
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': status >= 400 ? 'application/problem+json' : 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    ...(request.complete || (status !== 408 && smallRest(request)) ? {} : { connection: 'close' }),
    ...headers,
  });
  // Who was too slow has had his time.
  if (status === 408) response.end(text);
  else endUnread(request, response, text, restMs);
}

/** What is left of a small body is read and thrown away; the connection stays, so that a refusal costs next to nothing. */
function smallRest({ headers }: IncomingMessage): boolean {
  return Number(headers['content-length'] ?? Number.NaN) <= 64 * 1024;
}
