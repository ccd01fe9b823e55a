// Packets out of frames: what mqtt-packet makes of each, what it does not know but brokers say, and what is told of one that is too large.
import { type Packet, type Parser, parser } from 'mqtt-packet';
import type { Frame } from './frames.ts';
import type { Version } from './client-packets.ts';

const PUBACK = 4;

/** The packet of a frame. Throws an Error where it is none. */
export type PacketReader = (frame: Frame) => Packet;

/** For one connection; a frame that is no packet does not harm the next. */
export function packetReader(protocolVersion: Version): PacketReader {
  let parsed: Packet | undefined;
  let damage: Error | undefined;
  let parse = fresh();

  function fresh(): Parser {
    const one = parser({ protocolVersion });
    one.on('packet', packet => {
      parsed = packet;
    });
    return one.on('error', (error: Error) => {
      damage = error;
    });
  }

  return ({ head, bytes }) => {
    parsed = undefined;
    damage = undefined;
    parse.parse(bytes);
    if (damage !== undefined) {
      // Something of it stays in a parser that has failed.
      parse = fresh();
      // Mosquitto refuses a message by a code that the parser knows of no PUBACK: the packet is too large.
      if (head.type !== PUBACK || head.bodyLength < 3) throw damage;
      const at = head.headLength;
      return { cmd: 'puback', messageId: bytes.readUInt16BE(at), reasonCode: bytes.readUInt8(at + 2) };
    }
    if (parsed === undefined) throw new Error('a packet that ends too early');
    return parsed;
  };
}

/** A PUBLISH above the size limit, of which only the beginning was read. */
export type Oversized = { qos: 0 | 1 | 2; topic: string; messageId: number | undefined; bytes: number };

/** What a frame that is too large tells of its message. Throws an Error where that cannot be. */
export function oversizedOf({ head, bytes }: Frame): Oversized {
  const qos = (head.flags >> 1) & 3;
  const topicAt = head.headLength + 2;
  const topicEnd = topicAt + bytes.readUInt16BE(head.headLength);
  if (qos === 3 || (qos > 0 && topicEnd + 2 > bytes.length)) throw new Error('a damaged message');
  return {
    qos: qos as 0 | 1 | 2,
    topic: bytes.toString('utf8', topicAt, topicEnd),
    messageId: qos > 0 ? bytes.readUInt16BE(topicEnd) : undefined,
    bytes: head.headLength + head.bodyLength,
  };
}
