// What a client says to a broker, as packets of MQTT 5 or 3.1.1.
import type { IConnectPacket } from 'mqtt-packet';
import type { TopicFilter } from './audience.ts';
import { packetBytes } from './packet-writer.ts';

/** Protocol level of MQTT 3.1.1 and of MQTT 5. */
export type Version = 4 | 5;
export type ConnectOptions = {
  clientId: string;
  username: string | undefined;
  password: string | undefined;
  keepaliveSeconds: number;
  sessionExpirySeconds: number;
  receiveMaximum: number;
  maxPacketBytes: number;
  /** Asks for a session of its own, without anything an earlier one has left. */
  clean?: boolean;
  /** How long the peer may take until it is reached and has answered. */
  handshakeMs?: number;
};

export const PINGREQ = Uint8Array.of(0xc0, 0);
export const DISCONNECT = Uint8Array.of(0xe0, 0);
/** Packet identifier of every SUBSCRIBE: one is out at a time. */
export const SUBSCRIBE_ID = 1;
const UNSUBSCRIBE_ID = 2;

export function connectPacket(options: ConnectOptions, version: Version): Buffer {
  const { clientId, username, password, clean = false, keepaliveSeconds } = options;
  const properties = {
    sessionExpiryInterval: options.sessionExpirySeconds,
    receiveMaximum: options.receiveMaximum,
    maximumPacketSize: options.maxPacketBytes,
  };
  const packet: IConnectPacket = {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: version,
    clientId,
    clean,
    keepalive: keepaliveSeconds,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
    ...(version === 5 ? { properties } : {}),
  };
  return packetBytes(packet, { protocolVersion: version });
}

export function subscribePacket(filters: readonly TopicFilter[], version: Version): Buffer {
  // Retained messages only where the subscription is new [MQTT5-3.3.1-10]; 3.1.1 sends them each time.
  const subscriptions = filters.map(({ filter, qos }) => ({ topic: filter, qos, nl: false, rap: false, rh: 1 }));
  return packetBytes({ cmd: 'subscribe', messageId: SUBSCRIBE_ID, subscriptions }, { protocolVersion: version });
}

export function unsubscribePacket(filters: readonly string[], version: Version): Buffer {
  const unsubscriptions = [...filters];
  return packetBytes({ cmd: 'unsubscribe', messageId: UNSUBSCRIBE_ID, unsubscriptions }, { protocolVersion: version });
}
