// One channel of a Supabase client: joined with bindings, a room for broadcasts, and a presence; left, or ended with its token.
import { randomUUID } from 'node:crypto';
import type { Refused } from '../kernel/token.ts';
import type { Principal } from '../reading/principal.ts';
import type { Hub } from './hub.ts';
import { type Asked, askedOf, type Bound, boundOf, follow, selectionsOf } from './supabase-bindings.ts';
import { weightOfAll } from './selection.ts';
import { type Member, type Place, type Rooms, roomName } from './supabase-rooms.ts';
import { type Broadcast, broadcastFrame, isObject, type Version } from './supabase-wire.ts';
import { MAX_EXPRESSIONS } from './wishes.ts';

/** How a channel speaks to its client; `reply` answers the join. */
export type Voice = {
  version: Version;
  push(event: string, payload: unknown): void;
  reply(status: 'ok' | 'error', response: unknown): void;
  send(frames: readonly (string | Buffer)[]): void;
};

export type Channel = {
  readonly principal: Principal;
  readonly expressions: number;
  /** Of its bindings, as the hub weighs them. */
  readonly weight: number;
  /** Goes on with other rights. */
  become(principal: Principal): void;
  /** True when it is to be acknowledged. */
  broadcast(broadcast: Broadcast): boolean;
  /** What is wrong with it, or undefined. */
  presence(payload: Readonly<Record<string, unknown>>): string | undefined;
  close(): void;
};

/** What the other channels of the client have. */
export type Taken = Pick<Channel, 'expressions' | 'weight'>;

const MAX_BINDINGS = 100;
const MAX_PRESENCE_BYTES = 16 * 1024;
const PREFIX = 'realtime:';

/** Joins: answers by `voice`, and sends rows only after that answer. Undefined when it was refused. */
export function joinChannel(
  { hub, rooms, others }: { hub: Hub; rooms: Rooms; others: Taken },
  topic: string,
  payload: unknown,
  principal: Principal,
  voice: Voice,
): Channel | undefined {
  const config = partOf(payload, 'config');
  const wanted = Array.isArray(config['postgres_changes']) ? config['postgres_changes'] : [];
  if (wanted.length > MAX_BINDINGS) {
    voice.reply('error', { reason: `TooManyBindings: expected at most ${MAX_BINDINGS}, got ${wanted.length}` });
    return undefined;
  }
  const asked = wanted.map(askedOf);
  const { bound, fault } = checked(asked, others, hub, principal);
  if (fault !== undefined && partOf(config, 'postgres_changes_options')['wait'] === true) {
    voice.reply('error', { reason: `RealtimeDisabledForConfiguration: ${fault}` });
    return undefined;
  }
  const channel = openChannel(hub, rooms, topic, config, bound, principal, voice);
  voice.reply('ok', { postgres_changes: asked });
  channel.greet();
  if (partOf(config, 'broadcast')['replication_ready'] === true)
    voice.push('system', systemNote(topic, 'broadcast', 'ok', 'Replication connection established'));
  if (fault !== undefined) voice.push('system', systemNote(topic, 'postgres_changes', 'error', fault));
  else if (asked.length > 0)
    voice.push('system', systemNote(topic, 'postgres_changes', 'ok', 'Subscribed to PostgreSQL'));
  return channel;
}

export function systemNote(topic: string, extension: string, status: 'ok' | 'error', message: string): object {
  return { extension, status, message, channel: topic.slice(PREFIX.length) };
}

/** All or none: one that cannot be served is told, and no row comes. */
function checked(
  asked: readonly Asked[],
  others: Taken,
  hub: Hub,
  { org }: Principal,
): { bound: readonly Bound[]; fault?: string } {
  const bound: Bound[] = [];
  for (const one of asked) {
    const result: Bound | Refused = boundOf(one);
    if ('refused' in result) return { bound: [], fault: `Unable to subscribe to changes: ${result.refused}` };
    bound.push(result);
  }
  if (others.expressions + expressionsOf(bound) > MAX_EXPRESSIONS)
    return { bound: [], fault: 'Unable to subscribe to changes: too many regular expressions' };
  const selections = selectionsOf(bound, org).map(({ selection }) => selection);
  if (!hub.hasRoom(selections, others.weight))
    return { bound: [], fault: 'Unable to subscribe to changes: too many subscriptions' };
  return { bound };
}

function expressionsOf(bound: readonly Bound[]): number {
  return bound.reduce((sum, { filter }) => sum + filter.expressions, 0);
}

function openChannel(
  hub: Hub,
  rooms: Rooms,
  topic: string,
  config: Readonly<Record<string, unknown>>,
  bound: readonly Bound[],
  first: Principal,
  voice: Voice,
): Channel & { greet(): void } {
  const { ack, self } = partOf(config, 'broadcast');
  const presence = partOf(config, 'presence');
  const key = typeof presence['key'] === 'string' && presence['key'] !== '' ? presence['key'] : randomUUID();
  // Clients of before there was a choice say a key and no more; they wait for who is there.
  let watches = isObject(config['presence']) && presence['enabled'] !== false;
  let principal = first;
  let place: Place;
  let unfollow = (): void => {};

  const member: Member = {
    hear(broadcast) {
      const frame = broadcastFrame(voice.version, topic, broadcast);
      if (frame !== undefined) voice.send([frame]);
    },
    see(diff) {
      if (watches) voice.push('presence_diff', diff);
    },
  };
  const room = (): string => roomName(topic.slice(PREFIX.length), principal.org, config['private'] === true);

  function open(): void {
    place = rooms.enter(room(), member);
    unfollow = follow(hub, bound, principal.org, { version: voice.version, topic, send: voice.send });
  }

  function close(): void {
    place.leave();
    unfollow();
  }

  open();
  return {
    get principal() {
      return principal;
    },
    expressions: expressionsOf(bound),
    weight: weightOfAll(selectionsOf(bound, first.org).map(({ selection }) => selection)),
    greet() {
      if (watches) voice.push('presence_state', place.present);
    },
    become(other) {
      const moves = other.org !== principal.org;
      if (moves) close();
      principal = other;
      if (moves) open();
    },
    broadcast(broadcast) {
      rooms.tell(room(), broadcast, self === true ? undefined : member);
      return ack === true;
    },
    presence({ event, payload }) {
      if (event === 'untrack') place.untrack();
      else if (event !== 'track') return 'UnknownPresenceEvent: expected track or untrack';
      else if (JSON.stringify(payload ?? {}).length > MAX_PRESENCE_BYTES) return 'PayloadTooLarge: presence';
      else {
        if (!watches) voice.push('presence_state', place.present);
        watches = true;
        place.track(key, isObject(payload) ? payload : {});
      }
      return undefined;
    },
    close,
  };
}

function partOf(value: unknown, key: string): Readonly<Record<string, unknown>> {
  const part = isObject(value) ? value[key] : undefined;
  return isObject(part) ? part : {};
}
