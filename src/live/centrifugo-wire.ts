// The words of the Centrifugo client protocol v2, JSON form: one or more JSON objects in a text frame, joined by newlines, in both directions.
import { shallowEnough } from '../reading/payload.ts';
import type { Close } from './codec.ts';
import type { Entry } from './log.ts';

/** Error codes of a reply; the client keeps its connection. */
export const replyErrors = {
  unknownChannel: { code: 102, message: 'unknown channel' },
  permissionDenied: { code: 103, message: 'permission denied' },
  methodNotFound: { code: 104, message: 'method not found' },
  alreadySubscribed: { code: 105, message: 'already subscribed' },
  limitExceeded: { code: 106, message: 'limit exceeded' },
  badRequest: { code: 107, message: 'bad request' },
  notAvailable: { code: 108, message: 'not available' },
  tokenExpired: { code: 109, message: 'token expired' },
  tooManyRequests: { code: 111, message: 'too many requests', temporary: true },
  unrecoverable: { code: 112, message: 'unrecoverable position' },
} as const satisfies Record<string, ReplyError>;
export type ReplyError = { code: number; message: string; temporary?: boolean };

/** Close codes: from 3000 to 3499 the client comes back by itself, from 3500 to 3999 it does not. */
export const closes = {
  shutdown: { code: 3001, reason: 'shutdown' },
  expired: { code: 3005, reason: 'connection expired' },
  slow: { code: 3008, reason: 'slow' },
  noPong: { code: 3012, reason: 'no pong' },
  tooManyRequests: { code: 3013, reason: 'too many requests' },
  invalidToken: { code: 3500, reason: 'invalid token' },
  badRequest: { code: 3501, reason: 'bad request' },
  stale: { code: 3502, reason: 'stale' },
  inappropriateProtocol: { code: 3506, reason: 'inappropriate protocol' },
  notAvailable: { code: 3508, reason: 'not available' },
} as const satisfies Record<string, Close>;

export const methods = [
  'connect',
  'subscribe',
  'unsubscribe',
  'publish',
  'presence',
  'presence_stats',
  'history',
  'ping',
  'rpc',
  'refresh',
  'sub_refresh',
] as const;
export type Method = (typeof methods)[number];

/** `pong` answers our ping; `send` is a message without reply, for which nobody listens here. */
export type Command = { kind: 'pong' } | { kind: 'send' } | Call;
export type Call = { kind: 'call'; id: number; method: Method | undefined; params: Readonly<Record<string, unknown>> };

/** One line of a frame; undefined when it is no command: no JSON, no object, or without a proper id. */
export function parseCommand(line: string): Command | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (!isObject(parsed) || !shallowEnough(parsed)) return undefined;
  const { id } = parsed;
  if (id === undefined || id === 0) {
    if ('send' in parsed) return { kind: 'send' };
    return methods.some(method => method in parsed) ? undefined : { kind: 'pong' };
  }
  if (!isWhole(id) || id < 1 || id > 0xffffffff) return undefined;
  const method = methods.find(one => Object.hasOwn(parsed, one));
  const params = method === undefined ? {} : (parsed[method] ?? {});
  return isObject(params) ? { kind: 'call', id, method, params } : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const isWhole = (value: unknown): value is number => Number.isSafeInteger(value);

export const PING = '{}';

export function reply(id: number, method: Method, result: object): string {
  return `{"id":${id},${JSON.stringify(method)}:${JSON.stringify(result)}}`;
}

export function errorReply(id: number, error: ReplyError): string {
  return `{"id":${id},"error":${JSON.stringify(error)}}`;
}

/** The reply to `subscribe`; the entries are encoded already. */
export function subscribed(
  id: number,
  position: { epoch: string; offset: number },
  extra: { recovered?: boolean; publications?: readonly Entry[]; snapshot?: readonly Entry[] },
): string {
  const { epoch, offset } = position;
  const fields = [`"recoverable":true,"positioned":true,"epoch":${JSON.stringify(epoch)},"offset":${offset}`];
  if (extra.recovered !== undefined) fields.push(`"was_recovering":true,"recovered":${extra.recovered}`);
  if (extra.publications !== undefined)
    fields.push(`"publications":[${extra.publications.map(publication).join(',')}]`);
  if (extra.snapshot !== undefined) fields.push(`"data":{"snapshot":[${extra.snapshot.map(publication).join(',')}]}`);
  return `{"id":${id},"subscribe":{${fields.join(',')}}}`;
}

export function historyReply(
  id: number,
  { epoch, offset }: { epoch: string; offset: number },
  entries: readonly Entry[],
): string {
  const publications = entries.map(publication).join(',');
  return `{"id":${id},"history":{"epoch":${JSON.stringify(epoch)},"offset":${offset},"publications":[${publications}]}}`;
}

/** The server has lost the thread: the client subscribes again with its position, and learns that it has a gap. */
export function lostPush(channel: string): string {
  return JSON.stringify({ push: { channel, unsubscribe: { code: 2500, reason: 'insufficient state' } } });
}

/** Pushes of one channel as one frame, one line each. */
export function pushFrame(channel: string, entries: readonly Entry[]): Buffer {
  const head = `{"push":{"channel":${JSON.stringify(channel)},"pub":`;
  return Buffer.from(entries.map(entry => `${head}${publication(entry)}}}`).join('\n'));
}

function publication({ offset, json }: Entry): string {
  return `{"offset":${offset},"data":${json}}`;
}
