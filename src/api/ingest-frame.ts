// A frame of ingest over WebSocket: what stands in it, and the line that answers it.
import { deepText, isJson, limits, parseJson, shallowEnough } from '../reading/payload.ts';
import type { Answer } from './ingest-answer.ts';

/** Nested deeper than this a frame is not even read for its id. */
const FAR = 1000;

export type Frame = { id: unknown; bytes: Buffer; key?: string };

/**
 * `{ id?, key }`, `{ id?, data: reading or array }`, a reading (with an `id` that is the frame's, too) or an array. The id is
 * no part of what is stored: a reading sent again under another id is the same reading. Never throws.
 */
export function frameOf(bytes: Buffer, number: number): Frame {
  const text = bytes.toString();
  const parsed = deepText(text, FAR) ? undefined : parseJson(text);
  if (!isJson(parsed)) return { id: number, bytes };
  const { id = number, ...rest } = parsed;
  // What is nested without end can be read, but not written again: it is refused as it came.
  if (!shallowEnough(parsed, limits.depth + 1)) return { id: typeof id === 'object' ? number : id, bytes };
  const { key, data, ...more } = rest;
  const alone = Object.keys(more).length === 0;
  if (typeof key === 'string' && alone && data === undefined) return { id, bytes, key };
  if (data !== undefined && alone) return { id, bytes: Buffer.from(JSON.stringify(data)) };
  return { id, bytes: parsed['id'] === undefined ? bytes : Buffer.from(JSON.stringify(rest)) };
}

/** `{id, ok, …}`, or `{id, error, retry_after?}` with the problem and the seconds after which to come again. */
export function lineOf(id: unknown, { status, body, headers }: Answer): string {
  if (status < 400) return JSON.stringify({ id, ok: true, ...body });
  const seconds = headers?.['retry-after'];
  return JSON.stringify({ id, error: body, ...(seconds === undefined ? {} : { retry_after: Number(seconds) }) });
}
