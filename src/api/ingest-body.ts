// The bytes of a posted body: of a bounded size, also when they are compressed, in bounded time, and of bounded number over all requests.
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { expected } from '../kernel/fault.ts';
import { type Problem, problem } from './problem.ts';
import { codeOf } from '../reading/error-code.ts';

/** Undefined: the client is gone, nobody is there to be answered. */
export type Received = Buffer | Problem | undefined;
export type BodyLimits = { maxBytes: number; slowestMs: number };
export type BodyReader = (request: IncomingMessage, limits: BodyLimits) => Promise<Received>;

/** Of all bodies that are being read. */
const MOST_BYTES = 64 * 1024 * 1024;
const UNZIP = {
  gzip: promisify(zlib.gunzip),
  'x-gzip': promisify(zlib.gunzip),
  deflate: promisify(zlib.inflate),
  br: promisify(zlib.brotliDecompress),
} as const;

/** `mostBytes`: what all requests under way may hold together, as it came. */
export function bodyReader(mostBytes = MOST_BYTES): BodyReader {
  let held = 0;

  /** What has come by the end; a Problem as soon as it is too large, too slow, or too much with all others. */
  function collect(request: IncomingMessage, { maxBytes, slowestMs }: BodyLimits): Promise<Received> {
    return new Promise(resolve => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const end = (received: Received) => {
        clearTimeout(timer);
        held -= bytes;
        request.off('data', take).off('end', finish).off('close', leave);
        resolve(received);
      };
      const take = (chunk: Buffer) => {
        bytes += chunk.length;
        held += chunk.length;
        chunks.push(chunk);
        if (bytes > maxBytes) end(tooLarge(maxBytes));
        else if (held > mostBytes)
          end(problem(503, 'Too much at once', 'body: expected less from all clients together'));
      };
      const finish = () => end(Buffer.concat(chunks));
      const leave = () => end(undefined);
      const late = `body: expected all of it within ${slowestMs / 1000} s, got ${'part of it'}`;
      const timer = setTimeout(() => end(problem(408, 'Too slow', late)), slowestMs);
      // Gone while its key was looked up: there is no further event to wait for.
      if (request.destroyed) return end(undefined);
      // An aborted request is an error and a close; the close is enough.
      request.on('error', () => {});
      request.on('data', take).once('end', finish).once('close', leave);
    });
  }

  return async (request, limits) => {
    const wrong = headerFault(request.headers, limits.maxBytes);
    if (wrong !== undefined) return wrong;
    const received = await collect(request, limits);
    const coding = codingOf(request.headers);
    if (!Buffer.isBuffer(received) || coding === 'identity') return received;
    try {
      return await UNZIP[coding as keyof typeof UNZIP](received, { maxOutputLength: limits.maxBytes });
    } catch (error) {
      return codeOf(error) === 'ERR_BUFFER_TOO_LARGE'
        ? tooLarge(limits.maxBytes)
        : problem(400, 'Bad request', `body: expected ${coding} data, got something else`, 'content-encoding');
    }
  };
}

function codingOf(headers: IncomingHttpHeaders): string {
  return headers['content-encoding']?.trim().toLowerCase() || 'identity';
}

const JSON_TYPE = /^application\/(?:json|[\w.-]+\+json)\s*(?:;|$)/i;
const CHARSET = /;\s*charset\s*=\s*"?([^\s";]+)/i;

/** What the headers alone tell: nothing of the body is read then. A device that names no type means JSON. */
function headerFault(headers: IncomingHttpHeaders, maxBytes: number): Problem | undefined {
  const type = headers['content-type'];
  const charset = CHARSET.exec(type ?? '')?.[1]?.toLowerCase() ?? 'utf-8';
  if ((type !== undefined && !JSON_TYPE.test(type)) || !['utf-8', 'utf8', 'us-ascii'].includes(charset))
    return problem(
      415,
      'Unsupported media type',
      expected('content-type', 'application/json in UTF-8', type),
      'content-type',
    );
  const coding = codingOf(headers);
  if (coding !== 'identity' && !Object.hasOwn(UNZIP, coding))
    return problem(
      415,
      'Unsupported media type',
      expected('content-encoding', 'gzip, deflate or br, once', coding),
      'content-encoding',
    );
  return Number(headers['content-length']) > maxBytes ? tooLarge(maxBytes) : undefined;
}

function tooLarge(maxBytes: number): Problem {
  return problem(413, 'Too large', `body: expected at most ${maxBytes} bytes, got more`);
}
