// Durable consumers: registered by name in the broker's journal, so that what is published while a flow is redeployed is kept.
import { digest } from '../kernel/bytes.ts';
import { expected, Fault } from '../kernel/fault.ts';
import { filterFault } from '../kernel/topic.ts';
import { type Audience, grantedQos, readerOf, type TopicFilter } from './audience.ts';
import { type Pull, pull } from './pull.ts';
import type { Retained } from './retained.ts';
import { type BrokerJournal, decodeMessage, encodeMessage } from './store.ts';

/** A message on its way to a consumer. */
export type Delivered = {
  /** Number in the journal, rising; the same on every delivery. */
  seq: number;
  topic: string;
  bytes: Uint8Array;
  /** Of the bytes; made by the broker, where it costs the flows nothing. */
  digest: string;
  /** Milliseconds since the epoch when the broker received it. */
  at: number;
  /** QoS 1: client id and packet id of the publisher. */
  by: string | undefined;
  /** The publisher sent it again. */
  dup: boolean;
};

export type ConsumerOptions = {
  /** Messages handed out and not acknowledged. */
  window: number;
  /** In order; must not throw. May be called after a pause with what was on its way. */
  deliver(messages: readonly Delivered[]): void;
  onFull?(full: boolean): void;
  /** No more comes from this pull, for this reason; what is not acknowledged comes again with the next one. */
  onLost?(reason: string): void;
};

export type Consumer = {
  /** Number of the newest entry of the journal; what was handed out before has none above it. */
  readonly lastSeq: number;
  pull(options: ConsumerOptions): Pull;
  /** The registration stays; it expires when nobody comes back for it. */
  detach(): void;
};

/** What a source needs of the embedded broker. */
export type JournalBroker = {
  /**
   * Registers the filters under a durable name; resolves when they are on the disk. From then on every matching message,
   * QoS 0 ones included, is kept until this name has acknowledged it. New filters bring the retained messages. A second
   * registration of the name takes it over: `onTakenOver` of the first is called. Rejects with a Fault.
   */
  register(
    name: string,
    filters: readonly TopicFilter[],
    expirySeconds: number,
    onTakenOver: () => void,
  ): Promise<Consumer>;
  /** Nobody will come back for this name, unless a removal is undone: what it has not acknowledged is kept so long and no longer. */
  release(name: string, keepSeconds: number): Promise<void>;
};

type Parts = {
  journal: BrokerJournal;
  audience: Audience;
  retained: Retained;
  allowed(filter: string): boolean;
  limit: number;
};

export function journalConsumers(parts: Parts): JournalBroker {
  const { journal, audience, retained, allowed, limit } = parts;
  const attached = new Map<string, () => void>();
  const register: JournalBroker['register'] = async (name, filters, expirySeconds, onTakenOver) => {
    for (const { filter } of filters)
      if (!allowed(filter)) {
        const reason = filterFault(filter) ?? 'it is too long';
        throw new Fault('FIELDLINE_SETTING', `${expected('mqtt journal', 'a topic filter', filter)}: ${reason}`);
      }
    const before = audience.get('consumer', name);
    if (before === undefined && audience.count('session') + audience.count('consumer') >= limit)
      throw new Fault('FIELDLINE_BROKER', expected('mqtt journal', `at most ${limit} durable subscriptions`, name));
    attached.get(name)?.();
    attached.set(name, onTakenOver);

    const reader = readerOf('consumer', name);
    await audience.put('consumer', name, new Map(filters.map(({ filter, qos }) => [filter, qos])), expirySeconds);
    audience.attach('consumer', name);
    const fresh = filters.map(({ filter }) => filter).filter(filter => !before?.filters.has(filter));
    // An earlier filter had it already when it was published.
    for (const { topic, payload, qos, at } of retained.matching(fresh))
      if (before === undefined || grantedQos(before.filters, topic) === undefined)
        await journal.append(encodeMessage({ topic, qos, at }), payload, [reader]);
    return {
      lastSeq: journal.lastSeq,
      pull({ window, deliver, onFull }) {
        let page: Delivered[] = [];
        return pull(journal, reader, {
          window,
          onFull,
          deliver({ seq, meta, blob }) {
            const { topic, at, by, dup = false } = decodeMessage(meta);
            page.push({ seq, topic, bytes: blob, digest: digest(blob), at, by, dup });
          },
          onPage() {
            const messages = page;
            page = [];
            if (messages.length > 0) deliver(messages);
          },
        });
      },
      detach() {
        if (attached.get(name) !== onTakenOver) return;
        attached.delete(name);
        audience.detach('consumer', name);
      },
    };
  };

  return {
    register,
    async release(name, keepSeconds) {
      const member = audience.get('consumer', name);
      if (member !== undefined && !attached.has(name))
        await audience.put('consumer', name, member.filters, keepSeconds);
    },
  };
}
