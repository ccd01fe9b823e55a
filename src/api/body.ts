// The body of a request: JSON of bounded size and depth, made harmless.
import type { IncomingMessage } from 'node:http';
import { shallowEnough, tame } from '../reading/payload.ts';
import { type Problem, problem } from './problem.ts';

export const MAX_BODY_BYTES = 1024 * 1024;
const JSON_TYPE = /^application\/(json|[\w.+-]*\+json)\s*(;|$)/i;
// A client that sends a byte now and then must not hold the connection for ever.
const SLOWEST_MS = 15_000;

export async function bodyOf(request: IncomingMessage, slowestMs = SLOWEST_MS): Promise<{ value: unknown } | Problem> {
  const type = request.headers['content-type'] ?? '';
  if (!JSON_TYPE.test(type))
    return problem(
      415,
      'Unsupported media type',
      `content-type: expected application/json, got ${type.slice(0, 80) || 'none'}`,
    );
  const tooLarge = problem(413, 'Too large', `body: expected at most ${MAX_BODY_BYTES} bytes`, 'body');
  if (Number(request.headers['content-length']) > MAX_BODY_BYTES) return tooLarge;
  const text = await readText(request, slowestMs);
  if (text === undefined) return tooLarge;
  if (typeof text !== 'string') return text;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return problem(400, 'Bad request', 'body: expected JSON', 'body');
  }
  if (!shallowEnough(value)) return problem(400, 'Bad request', 'body: expected at most 32 levels', 'body');
  return { value: tame(value, text) };
}

/** Undefined when it is too large. */
function readText(request: IncomingMessage, slowestMs: number): Promise<string | undefined | Problem> {
  return new Promise(resolve => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const end = (result: string | undefined | Problem) => {
      clearTimeout(timer);
      request.off('data', take).resume();
      resolve(result);
    };
    const take = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) end(undefined);
      else chunks.push(chunk);
    };
    const cutShort = () => end(problem(400, 'Bad request', 'body: expected all of it', 'body'));
    const late = problem(408, 'Too slow', `body: expected all of it within ${slowestMs / 1000} s`);
    const timer = setTimeout(() => end(late), slowestMs);
    request.on('data', take);
    request.once('end', () => end(Buffer.concat(chunks).toString()));
    request.once('error', cutShort);
    request.once('aborted', cutShort);
  });
}
