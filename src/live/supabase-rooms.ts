// Rooms of Supabase channels: what clients tell each other (broadcast) and who is there (presence), by topic and organisation.
import { randomUUID } from 'node:crypto';
import type { Broadcast } from './supabase-wire.ts';

/** A channel of a client in a room. */
export type Member = {
  hear(broadcast: Broadcast): void;
  see(diff: PresenceDiff): void;
};
type Meta = Readonly<Record<string, unknown>> & { phx_ref: string };
export type PresenceState = Readonly<Record<string, { metas: readonly Meta[] }>>;
export type PresenceDiff = { joins: PresenceState; leaves: PresenceState };

export type Rooms = {
  enter(room: string, member: Member): Place;
  /** To all in the room but `from`; to nobody where there is no such room. */
  tell(room: string, broadcast: Broadcast, from?: Member): void;
};

/** Where a member stands. */
export type Place = {
  readonly present: PresenceState;
  /** Shows the member under this key, with what it says of itself; again replaces it. */
  track(key: string, payload: Readonly<Record<string, unknown>>): void;
  untrack(): void;
  leave(): void;
};

type Room = { members: Set<Member>; present: Map<Member, { key: string; meta: Meta }> };

/** Organisations are rooms of their own: a topic of one is not that of another. */
export function roomName(topic: string, org: string | undefined, isPrivate: boolean): string {
  return JSON.stringify([org ?? null, isPrivate, topic]);
}

export function createRooms(): Rooms {
  const rooms = new Map<string, Room>();
  return {
    enter(name, member) {
      const room = rooms.get(name) ?? { members: new Set(), present: new Map() };
      rooms.set(name, room);
      room.members.add(member);
      const place = placeIn(room, member);
      return {
        ...place,
        get present() {
          return stateOf([...room.present.values()]);
        },
        leave() {
          place.untrack();
          room.members.delete(member);
          if (room.members.size === 0) rooms.delete(name);
        },
      };
    },
    tell(name, broadcast, from) {
      for (const member of rooms.get(name)?.members ?? []) if (member !== from) member.hear(broadcast);
    },
  };
}

function placeIn(room: Room, member: Member): Pick<Place, 'track' | 'untrack'> {
  const show = (joins: PresenceState, leaves: PresenceState): void => {
    for (const one of room.members) one.see({ joins, leaves });
  };
  return {
    track(key, payload) {
      const before = room.present.get(member);
      const meta = { ...payload, phx_ref: randomUUID().slice(0, 13) };
      room.present.set(member, { key, meta });
      show(stateOf([{ key, meta }]), stateOf(before === undefined ? [] : [before]));
    },
    untrack() {
      const before = room.present.get(member);
      if (before === undefined) return;
      room.present.delete(member);
      show({}, stateOf([before]));
    },
  };
}

function stateOf(present: readonly { key: string; meta: Meta }[]): PresenceState {
  const metas = new Map<string, Meta[]>();
  for (const { key, meta } of present) metas.set(key, [...(metas.get(key) ?? []), meta]);
  return Object.fromEntries([...metas].map(([key, list]) => [key, { metas: list }]));
}
