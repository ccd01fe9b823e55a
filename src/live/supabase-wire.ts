// The words of Supabase Realtime: Phoenix frames as objects (vsn 1.0.0) or lists (vsn 2.0.0), and the binary ones of broadcasts.
import { deepText, shallowEnough } from '../reading/payload.ts';

/** 1: objects, 2: lists, and bytes for broadcasts. */
export type Version = 1 | 2;

export type Frame = {
  joinRef: string | null;
  ref: string | null;
  topic: string;
  event: string;
  payload: unknown;
  /** Of a binary frame, in place of the payload. */
  broadcast?: Broadcast;
};

/** What clients send each other; `payload` is JSON or bytes. */
export type Broadcast = { event: string; payload: string | Buffer };

/** Far deeper than anything that an application says. */
export const MAX_DEPTH = 64;

/** The frame of a client; undefined when it is none. */
export function parseFrame(frame: string | Buffer, version: Version): Frame | undefined {
  if (typeof frame !== 'string') return version === 2 ? parseBinary(frame) : undefined;
  if (deepText(frame, MAX_DEPTH)) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(frame);
  } catch {
    return undefined;
  }
  // What is nested without end can be read, and then neither be walked nor be written.
  if (typeof parsed !== 'object' || parsed === null || !shallowEnough(parsed, MAX_DEPTH)) return undefined;
  const object = parsed as Record<string, unknown>;
  const [joinRef, ref, topic, event, payload] = Array.isArray(parsed)
    ? (parsed as unknown[])
    : [object['join_ref'], object['ref'], object['topic'], object['event'], object['payload']];
  if (typeof topic !== 'string' || typeof event !== 'string') return undefined;
  return { joinRef: refOf(joinRef), ref: refOf(ref), topic, event, payload: payload ?? {} };
}

/** Text or nothing; older clients write numbers. */
function refOf(value: unknown): string | null {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null;
}

const PUSH = 3;
const BROADCAST = 4;
const JSON_ENCODED = 1;

/** `3, lengths of join ref, ref, topic, event, metadata, encoding`, then these texts, then the payload. */
function parseBinary(bytes: Buffer): Frame | undefined {
  if (bytes.length < 7 || bytes[0] !== PUSH) return undefined;
  let at = 7;
  const texts = [1, 2, 3, 4, 5].map(place => {
    const from = at;
    at += bytes[place]!;
    return bytes.subarray(from, at).toString();
  });
  if (at > bytes.length) return undefined;
  const [joinRef = '', ref = '', topic = '', event = ''] = texts;
  const rest = bytes.subarray(at);
  const payload = bytes[6] === JSON_ENCODED ? jsonOf(rest) : Buffer.from(rest);
  if (payload === undefined) return undefined;
  // Its metadata are requests to the hosted server (store it, replay it) that nothing here takes.
  const broadcast = { event, payload };
  return { joinRef: joinRef || null, ref: ref || null, topic, event: 'broadcast', payload: {}, broadcast };
}

/** The text, when it is JSON of bounded depth. */
function jsonOf(bytes: Buffer): string | undefined {
  const text = bytes.toString();
  try {
    return shallowEnough(JSON.parse(text), MAX_DEPTH) ? text : undefined;
  } catch {
    return undefined;
  }
}

export function textFrame(version: Version, { joinRef, ref, topic, event, payload }: Frame): string {
  return rawFrame(version, { joinRef, ref, topic, event }, JSON.stringify(payload));
}

/** A frame whose payload is encoded already. */
export function rawFrame(
  version: Version,
  { joinRef, ref, topic, event }: Omit<Frame, 'payload'>,
  json: string,
): string {
  const [j, r, t, e] = [joinRef, ref, topic, event].map(value => JSON.stringify(value));
  return version === 2
    ? `[${j},${r},${t},${e},${json}]`
    : `{"topic":${t},"event":${e},"payload":${json},"ref":${r},"join_ref":${j}}`;
}

/**
 * `4, lengths of topic, event, metadata (none), encoding`, these texts and the payload; as text for an old client, or where a
 * name is too long for that. Undefined: bytes cannot be told as text.
 */
export function broadcastFrame(
  version: Version,
  topic: string,
  { event, payload }: Broadcast,
): string | Buffer | undefined {
  const [name, word] = [Buffer.from(topic), Buffer.from(event)];
  if (version === 2 && name.length <= 255 && word.length <= 255) {
    const encoding = typeof payload === 'string' ? JSON_ENCODED : 0;
    return Buffer.concat([
      Buffer.of(BROADCAST, name.length, word.length, 0, encoding),
      ...[name, word, typeof payload === 'string' ? Buffer.from(payload) : payload],
    ]);
  }
  if (typeof payload !== 'string') return undefined;
  const json = `{"type":"broadcast","event":${JSON.stringify(event)},"payload":${payload}}`;
  return rawFrame(version, { joinRef: null, ref: null, topic, event: 'broadcast' }, json);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
