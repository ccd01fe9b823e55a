// The durable audience of the embedded broker: who must get a message, kept as notes of the journal, so that it is there before the broker listens.
import { boundedMap } from '../kernel/bounded.ts';
import type { Clock } from '../kernel/clock.ts';
import { topicMatches } from '../kernel/topic.ts';
import type { BrokerJournal } from './store.ts';

export type QoS = 0 | 1 | 2;
export type TopicFilter = { filter: string; qos: QoS };
/** session: a client that connected with clean start off. consumer: a source in this process; it gets QoS 0 messages durably too. */
export type MemberKind = 'session' | 'consumer';

export type Member = {
  readonly reader: string;
  readonly kind: MemberKind;
  readonly filters: ReadonlyMap<string, QoS>;
  readonly expirySeconds: number;
};
type Stored = { filters: [string, QoS][]; expirySeconds: number; seenAt: number };

export type Audience = {
  get(kind: MemberKind, name: string): Member | undefined;
  /** Sets the whole list of filters; resolves when it is on the disk. */
  put(kind: MemberKind, name: string, filters: ReadonlyMap<string, QoS>, expirySeconds: number): Promise<void>;
  /** Forgets a member and everything kept for it alone. */
  drop(kind: MemberKind, name: string): Promise<void>;
  /** Readers whose filters match, for a message of this QoS. */
  match(topic: string, qos: QoS): readonly string[];
  /** While attached, a member does not expire. */
  attach(kind: MemberKind, name: string): void;
  detach(kind: MemberKind, name: string): void;
  /** Drops members that nobody has attached to for longer than their expiry; returns their readers. */
  expire(): readonly string[];
  count(kind: MemberKind): number;
};

export const readerOf = (kind: MemberKind, name: string): string => `${kind}:${name}`;

/** Best QoS granted to the topic by a list of filters; undefined when none matches. */
export function grantedQos(filters: ReadonlyMap<string, QoS>, topic: string): QoS | undefined {
  let best: QoS | undefined;
  for (const [filter, qos] of filters)
    if ((best === undefined || qos > best) && topicMatches(filter, topic)) best = qos;
  return best;
}

/** Takes up the members that the journal has notes of; readers without one are dropped from it. */
export function audience(journal: BrokerJournal, clock: Clock): Audience {
  const members = new Map<string, Member>();
  const seenAt = new Map<string, number>();
  const attached = new Set<string>();
  // Devices publish on the same topics over and over: most matches are answered from here.
  const matches = boundedMap<string, { everyone: string[]; consumers: string[] }>(10_000);

  for (const [key, value] of journal.notes) {
    const [, kind] = /^(session|consumer):/.exec(key) ?? [];
    if (kind === undefined) continue;
    const stored = JSON.parse(value) as Stored;
    members.set(key, { ...stored, reader: key, kind: kind as MemberKind, filters: new Map(stored.filters) });
    seenAt.set(key, stored.seenAt);
  }
  // A crash between the two may leave a reader without a note: nobody would ever acknowledge for it.
  for (const reader of journal.readers) if (!members.has(reader)) journal.dropReader(reader);

  function save(member: Member): Promise<void> {
    const now = clock.now();
    seenAt.set(member.reader, now);
    const stored: Stored = { filters: [...member.filters], expirySeconds: member.expirySeconds, seenAt: now };
    return journal.note(member.reader, JSON.stringify(stored));
  }
  function touch(reader: string): void {
    const member = members.get(reader);
    // A lost touch only shortens the expiry; the journal reports a failing disk itself.
    if (member) void save(member).catch(() => {});
  }
  function forget(reader: string): Promise<void> {
    matches.clear();
    members.delete(reader);
    seenAt.delete(reader);
    journal.dropReader(reader);
    return journal.note(reader, undefined);
  }

  return {
    get: (kind, name) => members.get(readerOf(kind, name)),
    put(kind, name, filters, expirySeconds) {
      const reader = readerOf(kind, name);
      const member: Member = { reader, kind, filters: new Map(filters), expirySeconds };
      members.set(reader, member);
      matches.clear();
      return save(member);
    },
    async drop(kind, name) {
      const reader = readerOf(kind, name);
      if (members.has(reader)) await forget(reader);
    },
    match(topic, qos) {
      let found = matches.get(topic);
      if (found === undefined) {
        found = { everyone: [], consumers: [] };
        for (const member of members.values()) {
          const granted = grantedQos(member.filters, topic);
          if (granted === undefined) continue;
          if (member.kind === 'consumer') found.consumers.push(member.reader);
          else if (granted > 0) found.everyone.push(member.reader);
        }
        found.everyone.push(...found.consumers);
        matches.set(topic, found);
      }
      return qos > 0 ? found.everyone : found.consumers;
    },
    attach(kind, name) {
      attached.add(readerOf(kind, name));
      touch(readerOf(kind, name));
    },
    detach(kind, name) {
      attached.delete(readerOf(kind, name));
      touch(readerOf(kind, name));
    },
    expire() {
      const now = clock.now();
      const expired: string[] = [];
      for (const [reader, member] of members)
        if (attached.has(reader)) touch(reader);
        else if (now - (seenAt.get(reader) ?? now) > member.expirySeconds * 1000) expired.push(reader);
      for (const reader of expired) void forget(reader).catch(() => {});
      return expired;
    },
    count: kind => [...members.values()].filter(member => member.kind === kind).length,
  };
}
