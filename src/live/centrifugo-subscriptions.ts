// Subscriptions of one Centrifugo client: checks what it asks for, and decides how the rows reach it (each one, or conflated).
import { type ReplyError, closes, isObject, pushFrame, replyErrors, subscribed } from './centrifugo-wire.ts';
import { channelNamed } from './channels.ts';
import type { Close, Principal } from './codec.ts';
import { conflate } from './conflate.ts';
import { both, equalTo, noFilter, parseFilter } from './filter.ts';
import type { Hub, Subscription, Take } from './hub.ts';
import type { Entry } from './log.ts';

/** How the rows leave. */
export type Exit = {
  send(frame: Buffer): void;
  close(close: Close): void;
  /** Bytes that the client has not taken yet. */
  backlog(): number;
};

export type Subscriptions = {
  /** The encoded reply, or the error to answer with. */
  subscribe(id: number, params: Readonly<Record<string, unknown>>, principal: Principal): string | ReplyError;
  unsubscribe(channel: string): void;
  close(): void;
};

const MIN_CONFLATE_MS = 20;
const MAX_CONFLATE_MS = 60_000;

type Outlet = { take: Take; close(): void };

export function subscriptionsOf(
  hub: Hub,
  exit: Exit,
  limits: { maxSubscriptions: number; queueBytes: number },
): Subscriptions {
  const { maxSubscriptions, queueBytes } = limits;
  const open = new Map<string, { close(): void }>();

  function subscribe(id: number, params: Readonly<Record<string, unknown>>, principal: Principal): string | ReplyError {
    const { channel: name, data = {}, recover, epoch, offset = 0 } = params;
    if (typeof name !== 'string' || name === '') return replyErrors.badRequest;
    const channel = channelNamed(name);
    if (channel === undefined) return replyErrors.unknownChannel;
    if (open.has(name)) return replyErrors.alreadySubscribed;
    if (open.size >= maxSubscriptions) return replyErrors.limitExceeded;
    const wishes = wishesOf(data);
    if ('refused' in wishes) return badRequest(wishes.refused);
    const filter = parseFilter(wishes.filter, channel.columns);
    if ('refused' in filter) return badRequest(filter.refused);

    const own = principal.org === undefined ? noFilter : equalTo('org_id', principal.org);
    const outlet = wishes.conflateMs === undefined ? direct() : conflated(name, wishes.conflateMs);
    const subscription = hub.subscribe(channel, both(own, filter), outlet.take);
    open.set(name, {
      close() {
        subscription.close();
        outlet.close();
      },
    });
    // Nothing is published between these lines, so that position, gap and snapshot fit together.
    const position = { epoch: hub.epoch, offset: subscription.offset };
    const recovering = recover === true;
    const publications = recovering && epoch === hub.epoch ? missedSince(subscription, offset) : undefined;
    return subscribed(id, position, {
      recovered: recovering ? publications !== undefined : undefined,
      publications,
      snapshot: wishes.snapshot && publications === undefined ? subscription.snapshot() : undefined,
    });
  }

  /** All or nothing: also nothing where the reply alone would make the client a slow one. */
  function missedSince(subscription: Subscription, offset: unknown): readonly Entry[] | undefined {
    if (!Number.isSafeInteger(offset)) return undefined;
    const entries = subscription.since(offset as number);
    const bytes = entries?.reduce((sum, { json }) => sum + json.length, 0) ?? 0;
    return bytes > queueBytes / 2 ? undefined : entries;
  }

  function direct(): Outlet {
    return { take: batch => exit.send(batch.encoded(pushFrame)), close: () => {} };
  }

  function conflated(channel: string, intervalMs: number): Outlet {
    const newest = conflate(
      intervalMs,
      () => exit.backlog() < queueBytes / 4,
      entries => exit.send(pushFrame(channel, entries)),
    );
    return {
      take({ entries }) {
        if (!newest.put(entries)) exit.close(closes.slow);
      },
      close: newest.close,
    };
  }

  return {
    subscribe,
    unsubscribe(channel) {
      open.get(channel)?.close();
      open.delete(channel);
    },
    close() {
      for (const subscription of open.values()) subscription.close();
      open.clear();
    },
  };
}

type Wishes = { filter: string; snapshot: boolean; conflateMs: number | undefined };

/** Our additions to the protocol, all inside `subscribe.data`; keys that we do not know are none of our business. */
function wishesOf(data: unknown): Wishes | { refused: string } {
  if (data === null) return { filter: '', snapshot: false, conflateMs: undefined };
  if (!isObject(data)) return { refused: 'data: expected an object' };
  const { filter = '', snapshot, conflate_ms: conflateMs } = data;
  if (typeof filter !== 'string') return { refused: 'filter: expected text such as session_id=eq.S1' };
  if (conflateMs !== undefined && !isInterval(conflateMs))
    return { refused: `conflate_ms: expected a number from ${MIN_CONFLATE_MS} to ${MAX_CONFLATE_MS}` };
  return { filter, snapshot: snapshot === true, conflateMs };
}

function isInterval(value: unknown): value is number {
  return typeof value === 'number' && value >= MIN_CONFLATE_MS && value <= MAX_CONFLATE_MS;
}

function badRequest(message: string): ReplyError {
  return { code: replyErrors.badRequest.code, message };
}
