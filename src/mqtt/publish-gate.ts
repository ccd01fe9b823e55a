// What happens between a PUBLISH and its acknowledgement: checked, journalled for everyone who must get it, retained.
import type { Client, PublishPacket } from 'aedes';
import type { Clock } from '../kernel/clock.ts';
import { expected } from '../kernel/fault.ts';
import { count } from '../kernel/metrics.ts';
import type { Audience } from './audience.ts';
import type { Incoming } from './incoming.ts';
import type { Retained } from './retained.ts';
import type { Sessions } from './sessions.ts';
import { type BrokerJournal, encodeMessage } from './store.ts';

type Parts = {
  journal: BrokerJournal;
  audience: Audience;
  sessions: Sessions;
  retained: Retained;
  incoming: Incoming;
  clock: Clock;
  topicBytes: number;
};
type Answer = (error?: Error | null) => void;
/** `plain`: kept by the journal alone, which takes messages in their order. */
type Kept = { plain: boolean; over: Promise<unknown> };

/**
 * Calls back when the message may be acknowledged. aedes writes PUBACK right after this step, whatever its persistence;
 * an error closes the connection, so that the publisher sends again.
 */
export function publishGate(parts: Parts): (client: Client | null, packet: PublishPacket, done: Answer) => void {
  const { journal, audience, sessions, retained, incoming, clock, topicBytes } = parts;
  // A QoS 2 message that was sent again on a new connection while the first copy still waits for the disk.
  const waiting = new Map<string, Promise<unknown>>();

  /** The last message of a client; one that is not plain only while it waits. */
  const last = new WeakMap<Client, Kept>();

  /** Messages of a client are let through in their order, whatever each of them waits for [MQTT-4.6.0-6]. */
  function inOrder(client: Client | null, { plain, over }: Kept): Promise<unknown> {
    if (client === null) return over;
    const before = last.get(client);
    const waits = before !== undefined && !(before.plain && plain);
    const mine = {
      plain: plain && !waits,
      over: waits ? Promise.allSettled([before.over, over]).then(() => over) : over,
    };
    last.set(client, mine);
    // Who comes after a plain one waits for nothing, or for one that is over: the many need no clearing up.
    if (mine.plain) return over;
    const forget = () => void (last.get(client) === mine && last.delete(client));
    mine.over.then(forget, forget);
    return mine.over;
  }

  function keep(client: Client | null, packet: PublishPacket, payload: Buffer): Kept {
    const { topic, qos } = packet;
    const at = clock.now();
    const readers = audience.match(topic, qos);
    const steps: Promise<unknown>[] = [];
    if (packet.retain)
      steps.push(
        retained.store({ topic, payload, qos, at }).then(stored => {
          if (!stored) count('fieldline_broker_not_retained_total');
        }),
      );
    if (readers.length > 0 && qos === 0 && journal.state().waiting > 0)
      // Nobody waits for an acknowledgement, so a full journal cannot slow this publisher down.
      count('fieldline_broker_dropped_total', 1, { reason: 'journal full, QoS 0' });
    else if (readers.length > 0) {
      const note = qos === 2 && client && !client.clean ? incoming.note(client.id, packet.messageId ?? 0) : undefined;
      sessions.journalled(payload, readers);
      const origin = qos === 1 && client ? { by: `${client.id}:${packet.messageId}` } : {};
      const meta = encodeMessage({ topic, qos, at, ...origin, ...(packet.dup ? { dup: true } : {}) });
      steps.push(journal.append(meta, payload, readers, note));
    }
    // The many have one step, and need no promise over it.
    const over = steps.length === 1 ? (steps[0] as Promise<unknown>) : Promise.all(steps);
    return { plain: steps.length === 1 && !packet.retain, over };
  }

  /** Whatever is thrown on the way rejects. */
  function letThrough(client: Client | null, packet: PublishPacket, payload: Buffer): Promise<unknown> {
    try {
      return inOrder(client, keep(client, packet, payload));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  return (client, packet, done) => {
    const { topic, qos } = packet;
    if (topic.startsWith('$SYS/')) return done(new Error(`${topic}: topics of the broker are not for clients`));
    if (Buffer.byteLength(topic) > topicBytes || topic.includes('\0'))
      return done(new Error(expected('mqtt broker', `a topic of at most ${topicBytes} bytes without NUL`, topic)));
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    packet.payload = payload;
    if (qos === 0 && !packet.retain && audience.match(topic, 0).length === 0) return done(null);

    const key = qos === 2 && client ? `${client.id}\0${packet.messageId}` : undefined;
    if (key !== undefined && client && incoming.has(client.id, packet.messageId ?? 0)) return done(null);
    const kept = (key === undefined ? undefined : waiting.get(key)) ?? letThrough(client, packet, payload);
    const told = kept.then(
      () => done(null),
      error => done(error as Error),
    );
    if (key === undefined) return;
    waiting.set(key, kept);
    void told.finally(() => waiting.delete(key));
  };
}
