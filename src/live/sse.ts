// Server-sent events at /sse: one channel for curl, proxies and every program that can read lines; Last-Event-ID goes on where it was.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expected } from '../kernel/fault.ts';
import { count } from '../kernel/metrics.ts';
import type { Principal } from '../reading/principal.ts';
import type { Admission } from './admission.ts';
import { type Channel, channelNamed } from './channels.ts';
import { type Endpoint, queryOf, refuseRequest, refuseUpgrade } from './endpoint.ts';
import { type Filter, parseFilter, type Refused } from './filter.ts';
import type { Batch } from './groups.ts';
import type { Hub } from './hub.ts';
import { lanes } from './lanes.ts';
import type { Entry } from './log.ts';
import { patientOutlet } from './outlet.ts';
import { SSE_PATH } from './paths.ts';
import { ofChannel, type Selection } from './selection.ts';
import { MAX_EXPRESSIONS, wishesOf } from './wishes.ts';

export type SseOptions = {
  /** Bytes that may wait for a client before it is cut off; it comes back and goes on. */
  queueBytes?: number;
  /** A comment line keeps proxies from closing a silent line. */
  keepAliveMs?: number;
};

const RETRY_MS = 1000;
/** What a timer can wait; who stayed so long comes back by itself. */
const LONGEST_MS = 2 ** 31 - 1;

export function sseEndpoint(hub: Hub, admission: Admission, options: SseOptions = {}): Endpoint {
  const { queueBytes = 4 * 1024 * 1024, keepAliveMs = 15_000 } = options;
  const open = new Map<ServerResponse, () => void>();

  function request(request: IncomingMessage, response: ServerResponse): undefined {
    const asked = askedOf(queryOf(request));
    const refusal = admission.refusal(request);
    if (refusal !== undefined) return refuseRequest(response, refusal.status, `Not admitted: ${refusal.reason}`);
    if (request.method === 'OPTIONS') return admission.preflight(request, response, 'GET');
    if (request.method !== 'GET') return refuseRequest(response, 405, 'Method not allowed', { allow: 'GET' });
    const who = admission.identify(request, queryOf(request).get('token') || undefined);
    const page = admission.pageHeaders(request);
    if ('refused' in who) return refuseRequest(response, 401, who.refused, { ...page, 'www-authenticate': 'Bearer' });
    if ('refused' in asked) return refuseRequest(response, 400, asked.refused, page);
    const selection = ofChannel(asked.channel, asked.filter, who.org);
    if (!hub.hasRoom([selection], 0)) return refuseRequest(response, 503, 'Not admitted: subscriptions', page);
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      ...page,
    });
    lanes
      .open(() => response.destroy())
      .run(() => {
        if (!response.destroyed) stream(request, response, asked, selection, who);
      });
  }

  function stream(
    request: IncomingMessage,
    response: ServerResponse,
    { channel, snapshot, conflateMs }: Asked,
    selection: Selection,
    who: Principal,
  ): void {
    const leave = admission.enter();
    const outlet = patientOutlet(conflateMs ?? 0, () => response.writableLength < queueBytes / 4, write);
    const subscription = hub.subscribe(
      selection,
      batch => {
        if (conflateMs === undefined) write(batch);
        else if (!outlet.take(batch)) response.destroy();
      },
      conflateMs,
    );

    function write(batch: Batch): void {
      const { epoch } = hub;
      // What it misses then it gets when it is back.
      if (response.writableLength > queueBytes) response.destroy();
      else response.write(batch.once('sse', () => Buffer.from(eventsOf('pub', epoch, channel.name, batch.entries))));
    }

    /** A position without a row, so that a line that is cut before the first row is resumed as well. */
    const position = (offset: number): string => `id: ${hub.epoch}.${offset}\n\n`;
    const start = (): string => {
      const now = hub.look(selection);
      const shown = snapshot ? eventsOf('snapshot', undefined, channel.name, now.snapshot()) : '';
      return shown + position(now.offset);
    };
    const missed = missedBy(lastIdOf(request), subscription);
    const gap = 'event: gap\ndata: {}\n\n';
    response.write(`retry: ${RETRY_MS}\n\n`);
    if (missed === undefined) response.write(start());
    else if (missed === 'gap') response.write(gap + start());
    else response.write(eventsOf('pub', hub.epoch, channel.name, missed) || position(subscription.offset));

    const stopListening = hub.onBreak(() => response.write(gap + start()));
    const keepAlive = setInterval(() => response.write(':\n\n'), keepAliveMs);
    const last = setTimeout(() => response.end(), Math.min((who.expiresAt ?? Infinity) - Date.now(), LONGEST_MS));
    const end = (): void => {
      subscription.close();
      outlet.close();
      stopListening();
      clearInterval(keepAlive);
      clearTimeout(last);
      leave();
      open.delete(response);
      count('fieldline_live_closed_total', 1, { path: SSE_PATH, code: 'end' });
    };
    open.set(response, () => response.end());
    response.once('close', end);
    response.on('error', () => {});
  }

  /** Rows after the last one that it has, 'gap' where they are not known, undefined where it asks for none. */
  function missedBy(lastId: string, { since }: { since(offset: number): readonly Entry[] | undefined }) {
    if (lastId === '') return undefined;
    const [, epoch, offset] = /^([\w-]{1,40})\.(\d{1,15})$/.exec(lastId) ?? [];
    const entries = epoch === hub.epoch ? since(Number(offset)) : undefined;
    const bytes = entries?.reduce((sum, { json }) => sum + json.length, 0) ?? 0;
    return entries === undefined || bytes > queueBytes / 2 ? 'gap' : entries;
  }

  return {
    leads: path => path === SSE_PATH,
    request,
    upgrade: (_request, socket) => refuseUpgrade(socket, 400),
    async close() {
      for (const end of [...open.values()]) end();
    },
  };
}

type Asked = { channel: Channel; filter: Filter; snapshot: boolean; conflateMs: number | undefined };

function askedOf(query: URLSearchParams): Asked | Refused {
  const [name = '', ...others] = query.getAll('channel');
  if (others.length > 0) return { refused: 'channel: expected one; open a stream for each' };
  const channel = channelNamed(name);
  if (channel === undefined) return { refused: expected('channel', 'one that exists, such as device:42', name) };
  const conflateMs = query.get('conflate_ms');
  const wishes = wishesOf({
    filter: query.get('filter') ?? '',
    snapshot: ['1', 'true'].includes(query.get('snapshot') ?? ''),
    ...(conflateMs !== null && { conflate_ms: Number.isNaN(Number(conflateMs)) ? conflateMs : Number(conflateMs) }),
  });
  if ('refused' in wishes) return wishes;
  const filter = parseFilter(wishes.filter, channel.columns);
  if ('refused' in filter) return filter;
  if (filter.expressions > MAX_EXPRESSIONS)
    return { refused: `filter: expected at most ${MAX_EXPRESSIONS} regular expressions, or fewer long ones` };
  return { ...wishes, channel, filter };
}

/** The header that browsers send; a field of the URL for programs that cannot set one. */
function lastIdOf(request: IncomingMessage): string {
  const header = request.headers['last-event-id'];
  return (typeof header === 'string' ? header : queryOf(request).get('last_event_id')) ?? '';
}

function eventsOf(event: string, epoch: string | undefined, channel: string, entries: readonly Entry[]): string {
  const name = JSON.stringify(channel);
  return entries
    .map(({ offset, json }) => {
      const id = epoch === undefined ? '' : `id: ${epoch}.${offset}\n`;
      return `${id}event: ${event}\ndata: {"channel":${name},"offset":${offset},"data":${json}}\n\n`;
    })
    .join('');
}
