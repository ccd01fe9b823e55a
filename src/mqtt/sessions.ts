// Durable sessions of wire clients: each pulls its messages out of the journal, so that a slow or absent one costs no memory and delays nobody.
import type { Duplex } from 'node:stream';
import type { Client, AedesPublishPacket } from 'aedes';
import { type Audience, grantedQos, type QoS, readerOf } from './audience.ts';
import { type Inflight, inflight } from './inflight.ts';
import { type Pull, pull } from './pull.ts';
import { type BrokerJournal, decodeMessage, type StoredEntry } from './store.ts';

export type Sessions = {
  /** The client is ready for messages: its backlog is sent, in order, then what comes. */
  attach(client: Client): void;
  detach(client: Client): void;
  /** Packet as it may be sent to this client now, or undefined when its session pulls that message itself. */
  forward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | undefined;
  /** PUBACK or PUBCOMP. */
  acknowledged(clientId: string, packetId: number): void;
  /** PUBREC. */
  received(clientId: string, packetId: number): void;
  /** Packet identifiers that wait for PUBCOMP, to be sent PUBREL on a new connection. */
  released(clientId: string): readonly number[];
  forget(clientId: string): void;
  /** Notes which readers a message was journalled for. */
  journalled(payload: Buffer, readers: readonly string[]): void;
};

type Session = { flights: Inflight; client?: Client; pull?: Pull };

// Writes to one client that may be under way at a time, none while its socket is full; the rest stays in the journal.
const MAX_WRITES = 256;

const SESSIONS = readerOf('session', '');
const isSession = (reader: string): boolean => reader.startsWith(SESSIONS);
const isFull = (client: Client): boolean => (client.conn as Duplex).writableNeedDrain;

export function sessions(journal: BrokerJournal, audience: Audience, window: number): Sessions {
  const open = new Map<string, Session>();
  // aedes copies a packet on its way but never the payload: these find what a payload belongs to.
  const readersOf = new WeakMap<Buffer, readonly string[]>();
  const pulledIds = new WeakMap<Buffer, number>();

  /** 0 where nothing of its session matches any more. */
  function grantedTo(client: Client, topic: string): QoS {
    return grantedQos(audience.get('session', client.id)?.filters ?? new Map(), topic) ?? 0;
  }

  function sessionOf(clientId: string): Session {
    let session = open.get(clientId);
    if (session === undefined) {
      session = { flights: inflight() };
      open.set(clientId, session);
    }
    return session;
  }

  function send(client: Client, session: Session, entry: StoredEntry, written: () => void): void {
    const { topic, qos: published } = decodeMessage(entry.meta);
    const qos = Math.min(grantedTo(client, topic), published) as QoS;
    const taken = qos === 0 ? undefined : session.flights.take(entry.seq);
    // Unsubscribed meanwhile: nobody wants it any more.
    if (taken === undefined) session.pull?.ack([entry.seq]);
    if (taken === undefined || taken.flight.released) {
      written();
      return;
    }
    const payload = Buffer.from(entry.blob.buffer, entry.blob.byteOffset, entry.blob.byteLength);
    pulledIds.set(payload, taken.flight.id);
    const packet = {
      cmd: 'publish' as const,
      topic,
      payload,
      qos,
      retain: false,
      dup: taken.again,
      // aedes drops a packet whose counter is not above the last one of the same origin: the entry's number is.
      brokerId: 'journal',
      brokerCounter: entry.seq,
    };
    client.publish(packet, written);
  }

  return {
    attach(client) {
      if (client.clean) return;
      const session = sessionOf(client.id);
      session.pull?.stop();
      session.client = client;
      audience.attach('session', client.id);
      let writes = 0;
      let resting = false;
      const own: Pull = pull(journal, readerOf('session', client.id), {
        window,
        deliver(entry) {
          writes++;
          resting = writes >= MAX_WRITES || isFull(client);
          if (resting) own.pause();
          send(client, session, entry, () => {
            writes--;
            // With no write of ours under way nobody would wake us: others may have filled the socket.
            if (!resting || client.closed || (writes > 0 && (writes >= MAX_WRITES || isFull(client)))) return;
            resting = false;
            own.resume();
          });
        },
      });
      session.pull = own;
    },
    detach(client) {
      const session = open.get(client.id);
      if (session === undefined || session.client !== client) return;
      session.pull?.stop();
      session.pull = undefined;
      session.client = undefined;
      session.flights.forgetUnkept();
      if (session.flights.size === 0) open.delete(client.id);
      audience.detach('session', client.id);
    },
    forward(client, packet) {
      if (client.clean) return packet;
      const pulled = pulledIds.get(packet.payload as Buffer);
      if (pulled !== undefined) {
        packet.messageId = pulled;
        return packet;
      }
      if (packet.qos === 0) return packet;
      const reader = readerOf('session', client.id);
      if (readersOf.get(packet.payload as Buffer)?.includes(reader)) return undefined;
      const session = sessionOf(client.id);
      packet.qos = Math.min(grantedTo(client, packet.topic), packet.qos) as QoS;
      const taken = packet.qos === 0 ? undefined : session.flights.take(undefined);
      if (taken === undefined) packet.qos = 0;
      else packet.messageId = taken.flight.id;
      return packet;
    },
    acknowledged(clientId, packetId) {
      const session = open.get(clientId);
      const flight = session?.flights.end(packetId);
      if (flight?.seq === undefined) return;
      if (session?.pull) session.pull.ack([flight.seq]);
      else journal.ack(readerOf('session', clientId), [flight.seq]);
    },
    received(clientId, packetId) {
      const flight = open.get(clientId)?.flights.byId(packetId);
      if (flight) flight.released = true;
    },
    released: clientId => (open.get(clientId)?.flights.released() ?? []).map(flight => flight.id),
    forget(clientId) {
      open.get(clientId)?.pull?.stop();
      open.delete(clientId);
    },
    journalled(payload, readers) {
      // Only durable sessions are ever looked for here: to note every message of a flow would cost more than its acknowledgement.
      if (readers.some(isSession)) readersOf.set(payload, readers);
    },
  };
}
