// Rooms of Socket.IO: sockets with the same selection share one, so that a row is encoded once for all of them.
import { expected } from '../kernel/fault.ts';
import type { Principal } from '../reading/principal.ts';
import { channelNamed } from './channels.ts';
import { parseFilter, type Refused } from './filter.ts';
import type { Hub, Subscription } from './hub.ts';
import { ofChannel, type Selection, weightOfAll } from './selection.ts';
import type { IoServer, IoSocket } from './socket-io-package.ts';
import { MAX_EXPRESSIONS, type Wishes, wishesOf } from './wishes.ts';

/** What a client is acknowledged; `snapshot` where it asked for it: the newest row of each thing. */
export type Acknowledged = { ok: true; channel: string; snapshot?: readonly unknown[] } | { ok: false; error: string };

/** The channels of one socket. */
export type Subscriber = {
  readonly expiresAt: number | undefined;
  subscribe(channel: unknown, wishes: unknown): Acknowledged;
  unsubscribe(channel: unknown): Acknowledged;
  close(): void;
};

type Room = { subscription: Subscription; members: number };
type Open = { room: string; expressions: number; selection: Selection };

export function socketIoSubscriptions(hub: Hub, io: IoServer, { maxSubscriptions }: { maxSubscriptions: number }) {
  const rooms = new Map<string, Room>();

  function enter(name: string, channel: string, selection: Selection, conflateMs: number | undefined): Room {
    const found = rooms.get(name);
    if (found !== undefined) return found;
    const event = eventOf(channel);
    const subscription = hub.subscribe(
      selection,
      ({ entries }) => {
        for (const { row } of entries) io.to(name).emit(event, row.data, channel);
      },
      conflateMs,
    );
    const room = { subscription, members: 0 };
    rooms.set(name, room);
    return room;
  }

  function exit(name: string): void {
    const room = rooms.get(name);
    if (room === undefined || --room.members > 0) return;
    room.subscription.close();
    rooms.delete(name);
  }

  function of(socket: IoSocket, { org, expiresAt }: Principal): Subscriber {
    const open = new Map<string, Open>();

    function subscribe(asked: unknown, more: unknown): Acknowledged {
      const wishes = askedOf(asked, more);
      if ('refused' in wishes) return refused(wishes.refused);
      const channel = channelNamed(wishes.channel);
      if (channel === undefined)
        return refused(expected('channel', 'one that exists, such as device:42', wishes.channel));
      if (open.has(channel.name)) return refused('channel: already subscribed');
      if (open.size >= maxSubscriptions) return refused(`expected at most ${maxSubscriptions} channels`);
      const filter = parseFilter(wishes.filter, channel.columns);
      if ('refused' in filter) return refused(filter.refused);
      const expressions = [...open.values()].reduce((sum, one) => sum + one.expressions, filter.expressions);
      if (expressions > MAX_EXPRESSIONS) return refused(`expected at most ${MAX_EXPRESSIONS} regular expressions`);
      const selection = ofChannel(channel, filter, org);
      const own = weightOfAll([...open.values()].map(one => one.selection));
      if (!hub.hasRoom([selection], own)) return refused('too many subscriptions; try again later');
      const room = JSON.stringify([channel.name, selection.text, wishes.conflateMs ?? null]);
      // The others get what waits; the new one has it in its snapshot.
      hub.flush();
      enter(room, channel.name, selection, wishes.conflateMs).members++;
      socket.join(room);
      open.set(channel.name, { room, expressions: filter.expressions, selection });
      const snapshot = wishes.snapshot ? hub.look(selection).snapshot() : undefined;
      return {
        ok: true,
        channel: channel.name,
        ...(snapshot && { snapshot: snapshot.map(({ row }) => row.data) }),
      };
    }

    function unsubscribe(channel: unknown): Acknowledged {
      const found = typeof channel === 'string' ? open.get(channel) : undefined;
      if (typeof channel !== 'string' || found === undefined) return refused('channel: not subscribed');
      open.delete(channel);
      socket.leave(found.room);
      exit(found.room);
      return { ok: true, channel };
    }

    return {
      expiresAt,
      subscribe,
      unsubscribe,
      close() {
        for (const { room } of open.values()) exit(room);
        open.clear();
      },
    };
  }

  return {
    of,
    close() {
      for (const { subscription } of rooms.values()) subscription.close();
      rooms.clear();
    },
  };
}

function eventOf(channel: string): 'telemetry' | 'alarm' | 'system' {
  if (channel === 'alarms' || channel === 'alerts_changes') return 'alarm';
  return channel === 'system' ? 'system' : 'telemetry';
}

/** `'device:42'`, the same and an object, or one object with everything. */
function askedOf(asked: unknown, more: unknown): (Wishes & { channel: string }) | Refused {
  const given: Record<string, unknown> = {
    ...(isObject(asked) ? asked : { channel: asked }),
    ...(isObject(more) ? more : {}),
  };
  const { channel } = given;
  if (typeof channel !== 'string') return { refused: expected('channel', 'a text such as device:42', channel) };
  const wishes = wishesOf(given);
  return 'refused' in wishes ? wishes : { channel, ...wishes };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refused(error: string): Acknowledged {
  return { ok: false, error };
}
