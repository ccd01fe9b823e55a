// The persistence that aedes asks for, answered from the journal: subscriptions, QoS 2 state, retained messages, wills.
import { Readable } from 'node:stream';
import type { Client, PublishPacket, Subscription } from 'aedes';
import type { Audience, QoS } from './audience.ts';
import type { Incoming } from './incoming.ts';
import type { Retained } from './retained.ts';
import type { Sessions } from './sessions.ts';

type Identified = { id: string };
type Numbered = { messageId?: number };
type Will = PublishPacket & { clientId?: string; brokerId?: string };
type Parts = {
  audience: Audience;
  sessions: Sessions;
  retained: Retained;
  incoming: Incoming;
  /** May this filter be subscribed? aedes stores the refused ones of a packet too. */
  allowed(filter: string): boolean;
  sessionExpirySeconds: number;
};

/**
 * Every method that aedes 1.2 calls. Outgoing messages are not kept here: each durable session pulls its own from the
 * journal, so the outgoing queue of aedes stays empty.
 */
export function journalPersistence(parts: Parts): object {
  const { audience, sessions, retained, incoming, allowed, sessionExpirySeconds } = parts;
  const wills = new Map<string, Will>();
  let brokerId = '';

  const filtersOf = (client: Identified): Map<string, QoS> =>
    new Map(audience.get('session', client.id)?.filters ?? []);
  const saveFilters = (client: Identified, filters: Map<string, QoS>): Promise<void> =>
    audience.put('session', client.id, filters, sessionExpirySeconds);

  return {
    // aedes insists on a function that is declared async.
    async setup(broker: Identified) {
      brokerId = broker.id;
    },

    async addSubscriptions(client: Identified, subscriptions: readonly Subscription[]) {
      const filters = filtersOf(client);
      const fresh = subscriptions.filter(({ topic, qos }) => allowed(topic) && filters.get(topic) !== qos);
      for (const { topic, qos } of fresh) filters.set(topic, qos);
      // aedes calls once per filter, each time with all of them; the SUBACK waits for every call.
      if (fresh.length > 0 || audience.get('session', client.id) === undefined) await saveFilters(client, filters);
    },
    async removeSubscriptions(client: Identified, topics: readonly string[]) {
      const filters = filtersOf(client);
      for (const topic of topics) filters.delete(topic);
      await saveFilters(client, filters);
    },
    async subscriptionsByClient(client: Identified) {
      return [...filtersOf(client)].map(([topic, qos]) => ({ topic, qos }));
    },
    /** A client connected with clean start: its session ends. */
    async cleanSubscriptions(client: Identified) {
      sessions.forget(client.id);
      await Promise.all([audience.drop('session', client.id), incoming.forget(client.id)]);
    },
    async subscriptionsByTopic() {
      return [];
    },

    async outgoingEnqueue() {},
    async outgoingEnqueueCombi() {},
    outgoingStream(client: Client) {
      const due = client.clean ? [] : sessions.released(client.id);
      return Readable.from(due.map(messageId => ({ cmd: 'pubrel', messageId })));
    },
    async outgoingUpdate(client: Identified, packet: Numbered & { cmd: string }) {
      if (packet.cmd === 'pubrel' && packet.messageId !== undefined) sessions.received(client.id, packet.messageId);
    },
    async outgoingClearMessageId(client: Client, packet: Numbered) {
      if (!client.clean && packet.messageId !== undefined) sessions.acknowledged(client.id, packet.messageId);
    },

    async incomingStorePacket(client: Identified, packet: Numbered) {
      incoming.add(client.id, packet.messageId ?? 0);
    },
    async incomingGetPacket(client: Identified, packet: Numbered) {
      if (!incoming.has(client.id, packet.messageId ?? 0)) throw new Error('no such packet');
      return packet;
    },
    async incomingDelPacket(client: Identified, packet: Numbered) {
      if (!(await incoming.end(client.id, packet.messageId ?? 0))) throw new Error('no such packet');
    },
    async cleanIncoming(client: Identified) {
      await incoming.forget(client.id);
    },

    // Stored before the PUBACK already, in authorizePublish; what aedes itself retains is nothing.
    async storeRetained() {},
    createRetainedStream: (filter: string) => Readable.from(retained.matching([filter]).map(asPacket)),
    createRetainedStreamCombi: (filters: readonly string[]) =>
      Readable.from(retained.matching(filters.filter(allowed)).map(asPacket)),

    async putWill(client: Identified, will: Will) {
      wills.set(client.id, Object.assign(will, { clientId: client.id, brokerId }));
    },
    async getWill(client: Identified) {
      return wills.get(client.id);
    },
    async delWill(client: Identified) {
      const will = wills.get(client.id);
      wills.delete(client.id);
      return will;
    },
    streamWill: (brokers: Readonly<Record<string, unknown>>) =>
      Readable.from([...wills.values()].filter(will => !brokers[will.brokerId ?? ''])),
    async destroy() {},
  };
}

function asPacket({ topic, payload, qos }: { topic: string; payload: Buffer; qos: QoS }): object {
  return { cmd: 'publish', topic, payload, qos, retain: true };
}
