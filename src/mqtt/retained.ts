// Retained messages of the embedded broker, kept as notes of the journal; bounded in number and bytes.
import { topicMatches } from '../kernel/topic.ts';
import type { QoS } from './audience.ts';
import type { BrokerJournal } from './store.ts';

export type RetainedMessage = { topic: string; payload: Buffer; qos: QoS; at: number };

export type Retained = {
  /** Resolves when it is on the disk; an empty payload deletes. False when there is no room for one topic more. */
  store(message: RetainedMessage): Promise<boolean>;
  matching(filters: readonly string[]): RetainedMessage[];
  readonly size: number;
};

const PREFIX = 'retained:';

/** Takes up what the journal has notes of; what goes beyond `limits` is not retained. */
export function retained(
  journal: Pick<BrokerJournal, 'note' | 'notes'>,
  limits: { count: number; bytes: number },
): Retained {
  const messages = new Map<string, RetainedMessage>();
  let bytes = 0;
  for (const [key, value] of journal.notes) {
    if (!key.startsWith(PREFIX)) continue;
    const { qos, at, payload: text } = JSON.parse(value) as { qos: QoS; at: number; payload: string };
    const topic = key.slice(PREFIX.length);
    const payload = Buffer.from(text, 'base64');
    messages.set(topic, { topic, qos, at, payload });
    bytes += payload.length;
  }
  return {
    async store(message) {
      const { topic, payload, qos, at } = message;
      const before = messages.get(topic);
      const freed = before?.payload.length ?? 0;
      if (payload.length === 0) {
        if (before === undefined) return true;
        messages.delete(topic);
        bytes -= freed;
        await journal.note(PREFIX + topic, undefined);
        return true;
      }
      const fits = bytes - freed + payload.length <= limits.bytes && (before || messages.size < limits.count);
      if (!fits) return false;
      bytes += payload.length - freed;
      // A copy: the payload is a slice of a larger chunk of the socket, which would stay in memory with it.
      messages.set(topic, { topic, qos, at, payload: Buffer.from(payload) });
      await journal.note(PREFIX + topic, JSON.stringify({ qos, at, payload: payload.toString('base64') }));
      return true;
    },
    matching: filters =>
      [...messages.values()].filter(({ topic }) => filters.some(filter => topicMatches(filter, topic))),
    get size() {
      return messages.size;
    },
  };
}
