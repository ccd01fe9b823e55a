// Durable consumers in this process: registered by name in the broker's journal, so that what is published while a flow is redeployed is kept.
import { expected, Fault } from '../kernel/fault.ts';
import { filterFault } from '../kernel/topic.ts';
import { type Audience, grantedQos, readerOf, type TopicFilter } from './audience.ts';
import type { Retained } from './retained.ts';
import { type BrokerJournal, encodeMessage } from './store.ts';

export type Consumer = {
  readonly reader: string;
  readonly journal: BrokerJournal;
  /** The registration stays; it expires when nobody comes back for it. */
  detach(): void;
};

/** What a source in this process needs of the embedded broker. */
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
};

type Parts = {
  journal: BrokerJournal;
  audience: Audience;
  retained: Retained;
  allowed(filter: string): boolean;
  limit: number;
};

export function registerConsumer(parts: Parts): JournalBroker['register'] {
  const { journal, audience, retained, allowed, limit } = parts;
  const attached = new Map<string, () => void>();
  return async (name, filters, expirySeconds, onTakenOver) => {
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
      reader,
      journal,
      detach() {
        if (attached.get(name) !== onTakenOver) return;
        attached.delete(name);
        audience.detach('consumer', name);
      },
    };
  };
}
