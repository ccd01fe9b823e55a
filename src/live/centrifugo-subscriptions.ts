// Subscriptions of one Centrifugo client: checks what it asks for, and decides how the rows reach it (each one, or conflated).
import type { Principal } from '../reading/principal.ts';
import {
  closes,
  isObject,
  isWhole,
  pushFrame,
  type ReplyError,
  replyErrors,
  historyReply,
  subscribed,
} from './centrifugo-wire.ts';
import { channelNamed } from './channels.ts';
import type { Close } from './codec.ts';
import { noFilter, parseFilter } from './filter.ts';
import type { Batch } from './groups.ts';
import type { Hub, Look } from './hub.ts';
import type { Entry } from './log.ts';
import { type Outlet, patientOutlet } from './outlet.ts';
import { ofChannel, type Selection, weightOfAll } from './selection.ts';
import { MAX_EXPRESSIONS, wishesOf } from './wishes.ts';

/** How the rows leave. */
export type Exit = {
  send(frame: Buffer): void;
  close(close: Close): void;
  /** Bytes that the client has not taken yet. */
  backlog(): number;
};

type Params = Readonly<Record<string, unknown>>;
export type Subscriptions = {
  /** The encoded reply, or the error to answer with. */
  subscribe(id: number, params: Params, principal: Principal): string | ReplyError;
  history(id: number, params: Params, principal: Principal): string | ReplyError;
  unsubscribe(channel: string): void;
  /** Names of the open ones. */
  names(): readonly string[];
  close(): void;
};

const MAX_HISTORY = 10_000;

type Open = { selection: Selection; expressions: number; close(): void };

export function subscriptionsOf(
  hub: Hub,
  exit: Exit,
  limits: { maxSubscriptions: number; queueBytes: number },
): Subscriptions {
  const { maxSubscriptions, queueBytes } = limits;
  const open = new Map<string, Open>();
  const expressions = (): number => [...open.values()].reduce((sum, one) => sum + one.expressions, 0);

  function subscribe(id: number, params: Params, principal: Principal): string | ReplyError {
    const { channel: name, data = {}, recover, epoch, offset = 0 } = params;
    if (typeof name !== 'string' || name === '') return replyErrors.badRequest;
    const channel = channelNamed(name);
    if (channel === undefined) return replyErrors.unknownChannel;
    if (open.has(name)) return replyErrors.alreadySubscribed;
    if (open.size >= maxSubscriptions) return replyErrors.limitExceeded;
    // Our additions to the protocol, all inside its free field.
    const wishes =
      data === null ? wishesOf({}) : isObject(data) ? wishesOf(data) : { refused: 'data: expected an object' };
    if ('refused' in wishes) return badRequest(wishes.refused);
    const filter = parseFilter(wishes.filter, channel.columns);
    if ('refused' in filter) return badRequest(filter.refused);
    if (expressions() + filter.expressions > MAX_EXPRESSIONS) return replyErrors.limitExceeded;

    const selection = ofChannel(channel, filter, principal.org);
    const own = weightOfAll([...open.values()].map(one => one.selection));
    if (!hub.hasRoom([selection], own)) return replyErrors.tooManyRequests;
    const outlet = outletOf(wishes.conflateMs);
    const take = (batch: Batch): void => {
      if (!outlet.take(batch)) exit.close(closes.slow);
    };
    const subscription = hub.subscribe(selection, take, wishes.conflateMs);
    open.set(name, {
      selection,
      expressions: filter.expressions,
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

  function outletOf(conflateMs: number | undefined): Outlet {
    if (conflateMs !== undefined) return patientOutlet(conflateMs, () => exit.backlog() < queueBytes / 4, emit);
    return {
      take(batch) {
        emit(batch);
        return true;
      },
      close() {},
    };
  }

  /** All or nothing: also nothing where the reply alone would make the client a slow one. */
  function missedSince(look: Look, offset: unknown): readonly Entry[] | undefined {
    if (!isWhole(offset)) return undefined;
    const entries = look.since(offset);
    return entries !== undefined && isTooLong(entries) ? undefined : entries;
  }

  function isTooLong(entries: readonly Entry[]): boolean {
    let bytes = 0;
    for (const { json } of entries) {
      bytes += json.length;
      if (bytes > queueBytes / 2) return true;
    }
    return false;
  }

  function emit(batch: Batch): void {
    exit.send(batch.once('centrifugo', () => pushFrame(batch.topic, batch.entries)));
  }

  function history(id: number, params: Params, principal: Principal): string | ReplyError {
    const { channel: name, limit = 0, since, reverse } = params;
    const channel = typeof name === 'string' ? channelNamed(name) : undefined;
    if (channel === undefined) return replyErrors.unknownChannel;
    if (!isWhole(limit)) return replyErrors.badRequest;
    const look = hub.look(open.get(channel.name)?.selection ?? ofChannel(channel, noFilter, principal.org));
    const position = { epoch: hub.epoch, offset: look.offset };
    if (limit === 0) return historyReply(id, position, []);
    const known = isObject(since) ? entriesSince(look, since, reverse === true) : look.all();
    if (known === undefined) return replyErrors.unrecoverable;
    const most = limit < 0 ? MAX_HISTORY : Math.min(limit, MAX_HISTORY);
    const entries = (reverse === true ? known.toReversed() : known).slice(0, most);
    return isTooLong(entries) ? replyErrors.limitExceeded : historyReply(id, position, entries);
  }

  function entriesSince(look: Look, { epoch, offset = 0 }: Params, reverse: boolean): readonly Entry[] | undefined {
    if (!isWhole(offset) || (epoch !== undefined && epoch !== '' && epoch !== hub.epoch)) return undefined;
    // Backwards it goes from a place to what was before it.
    return reverse ? look.all().filter(entry => entry.offset < offset) : look.since(offset);
  }

  return {
    subscribe,
    history,
    unsubscribe(channel) {
      open.get(channel)?.close();
      open.delete(channel);
    },
    names: () => [...open.keys()],
    close() {
      for (const subscription of open.values()) subscription.close();
      open.clear();
    },
  };
}

function badRequest(message: string): ReplyError {
  return { code: replyErrors.badRequest.code, message };
}
