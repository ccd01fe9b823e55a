// A message to be published as its MQTT packet, and whether a broker takes it.
import type { IPublishPacket } from 'mqtt-packet';
import { expected, Fault, reasonOf } from '../kernel/fault.ts';
import type { Version } from './client-packets.ts';
import type { Allowance } from './connack.ts';
import { packetBytes } from './packet-writer.ts';

/** `entries`: of the messages in the ledger. */
export type Outgoing = {
  topic: string;
  payload: Uint8Array;
  qos: 0 | 1;
  retain: boolean;
  entries?: readonly string[];
};
/** Wildcards, control characters, and code points that are no characters. */
const UNFIT = /[+#]|\p{Cc}|\p{Noncharacter_Code_Point}|\p{Cs}/u;

/** Largest variable byte integer [MQTT5-1.5.5], and what comes before it. */
const LARGEST_PACKET = 268_435_455 + 5;

/** Why the broker could not take it, whatever it says. */
export function faultOf(row: Outgoing, allowance: Allowance, version: Version): string | undefined {
  const { topic } = row;
  // A broker may end the connection over the latter [MQTT5-1.5.4], and with it everything else that is on its way.
  if (topic === '' || UNFIT.test(topic))
    return expected('topic', 'a topic without wildcards and control characters', topic);
  const topicBytes = Buffer.byteLength(topic);
  if (topicBytes > 0xffff) return expected('topic', 'at most 65535 bytes', topicBytes);
  const size = sizeOf(topicBytes, row, version);
  const most = Math.min(allowance.packetBytes, LARGEST_PACKET);
  return size > most ? expected('message', `at most ${most} bytes, which the broker takes`, size) : undefined;
}

/** Of the whole packet (MQTT 5 §3.3): topic with its length, packet identifier, empty properties; before it a byte and the length of the rest. */
function sizeOf(topicBytes: number, { payload, qos }: Outgoing, version: Version): number {
  const rest = 2 + topicBytes + (qos === 0 ? 0 : 2) + (version === 5 ? 1 : 0) + payload.length;
  const lengthBytes = [0x80, 0x4000, 0x20_0000].filter(from => rest >= from).length + 1;
  return 1 + lengthBytes + rest;
}

/** What only the settings can mend: not a message is sent, for the broker would end the connection [MQTT5-3.2.2-11, 14]. */
export function settingFault(rows: readonly Outgoing[], { qos, retain }: Allowance): string | undefined {
  if (rows.some(row => row.qos > qos)) return `it takes no QoS 1: set QoS to ${qos}`;
  return !retain && rows.some(row => row.retain)
    ? 'it retains no messages: set "Latest value" to "not retained"'
    : undefined;
}

export function packetOf({ topic, payload, qos, retain }: Outgoing, id: number | undefined, version: Version): Buffer {
  const packet: IPublishPacket = {
    cmd: 'publish',
    topic,
    payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
    qos,
    retain,
    dup: false,
    ...(id === undefined ? {} : { messageId: id }),
  };
  try {
    return packetBytes(packet, { protocolVersion: version });
  } catch (error) {
    throw new Fault('FIELDLINE_MESSAGE', reasonOf(error));
  }
}
