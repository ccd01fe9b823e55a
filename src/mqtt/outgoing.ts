// What is published of a message: topic and bytes of each member; and how it lies in an outbox.
import { outwardJson } from '../reading/outward.ts';
import { isRaw, type Raw } from '../reading/raw.ts';
import { noteFate } from '../kernel/ledger.ts';
import { measurementOf } from '../reading/measurement.ts';
import { isReading, membersOf } from '../reading/reading.ts';
import { entriesOfMembers } from '../reading/sent.ts';
import type { Outgoing } from './outgoing-packet.ts';

export type OutgoingOptions = {
  /** May hold {deviceId}, {protocol} and {topic}; empty for the topic of the message. */
  topic: string;
  send: 'each' | 'whole';
  /** measurement: readings with a distance as the message of seed 000 (A01), nothing else. */
  form: 'payload' | 'measurement';
  qos: 0 | 1;
  /** Is it to be kept by the broker as the latest of its topic? */
  retain(topic: string, member: unknown): boolean;
};

/** A dead letter of this node that is sent again leaves as it was; whether it still is the latest of its topic, nobody knows. */
export function outgoingLetter({ topic, bytes, entry }: Raw, qos: 0 | 1): Outgoing {
  return { topic, payload: bytes, qos, retain: false, ...(entry === undefined ? {} : { entries: [entry] }) };
}

/** `sent`: what the source sent. Throws a Fault of kind data when a member cannot become bytes. An empty topic is refused by the publisher. */
export function outgoingOf(
  message: { topic?: string; payload?: unknown },
  options: OutgoingOptions,
  sent?: readonly unknown[],
): Outgoing[] {
  const { send, form, qos, retain } = options;
  const members = send === 'each' ? membersOf(message.payload) : [message.payload];
  const all = entriesOfMembers(message.payload, sent);
  return members.flatMap((member, at) => {
    const entries = send === 'each' ? all[at]! : all.flat();
    const shaped = form === 'measurement' ? measurementsIn(member) : member;
    if (shaped === undefined) {
      for (const entry of entries) noteFate(entry, 'dropped');
      return [];
    }
    const topic = topicOf(member, message.topic ?? '', options.topic);
    return [{ topic, payload: payloadOf(shaped), qos, retain: retain(topic, member), entries }];
  });
}

/** Of an array an array of those that are measurements. */
function measurementsIn(member: unknown): unknown {
  if (!Array.isArray(member)) return isReading(member) ? measurementOf(member) : undefined;
  const found = member.map(measurementsIn).filter(one => one !== undefined);
  return found.length === 0 ? undefined : found;
}

function topicOf(member: unknown, topic: string, template: string): string {
  const own = isRaw(member) ? member.topic : topic;
  if (template === '') return own;
  const known: Record<string, unknown> =
    typeof member === 'object' && member !== null ? (member as Record<string, unknown>) : {};
  return template.replace(/\{(deviceId|protocol|topic)\}/g, (_, name: string) =>
    // A device id that looks like a wildcard or a further level must not lead elsewhere, nor spoil the topic.
    name === 'topic'
      ? own
      : String(known[name] ?? 'unknown').replace(/[+#/]|\p{Cc}|\p{Noncharacter_Code_Point}|\p{Cs}/gu, '_'),
  );
}

/** Bytes and texts as they are, raw messages as they were received, everything else as JSON. */
function payloadOf(member: unknown): Uint8Array {
  if (isRaw(member)) return member.bytes;
  if (member instanceof Uint8Array) return member;
  if (typeof member === 'string') return Buffer.from(member);
  return Buffer.from(outwardJson(member));
}

type Kept = [topic: string, payload: string, qos: 0 | 1, retain: boolean, entries?: readonly string[]];
export const outgoingCodec = {
  toJson({ topic, payload, qos, retain, entries = [] }: Outgoing): Kept {
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('base64');
    return entries.length === 0 ? [topic, text, qos, retain] : [topic, text, qos, retain, entries];
  },
  fromJson(value: unknown): Outgoing {
    const [topic, payload, qos, retain, entries] = value as Kept;
    return { topic, payload: Buffer.from(payload, 'base64'), qos, retain, entries };
  },
};
