// Packets out of whole frames: what mqtt-packet makes of each, and what it does not know but brokers say.
import { type Packet, type Parser, parser } from 'mqtt-packet';
import type { Frame } from './frames.ts';

const PUBACK = 4;

/** The packet of a frame. Throws an Error where it is none. */
export type PacketReader = (frame: Frame) => Packet;

export function packetReader(protocolVersion: 4 | 5): PacketReader {
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
