// A device's refusal of a read or a write, out of its ACL packet: noble keeps it to itself (Core 5.4, Vol 3 Part F §3.4.1.1).
import { PACKET } from './h4.ts';

export type Refusal = { handle: number; reason: string };

const ATT_CHANNEL = 0x0004;
const ERROR_RESPONSE = 0x01;
// Read, read blob, write, prepare write, execute write. Discovery ends with errors as a rule.
const REQUESTS = new Set([0x0a, 0x0c, 0x12, 0x16, 0x18]);
const words: Readonly<Record<number, string>> = {
  1: 'no such attribute',
  2: 'reading is not permitted',
  3: 'writing is not permitted',
  6: 'not supported',
  7: 'wrong offset',
  13: 'wrong length',
  14: 'unlikely error',
  17: 'too few resources',
  19: 'value not allowed',
};
// Authentication, authorisation and encryption: noble encrypts the link and asks again.
const PAIRING = new Set([0x05, 0x08, 0x0c, 0x0f]);

/** Says nothing, and noble takes it for the answer to what it has asked. */
export function isEmptyAnswer(packet: Buffer): boolean {
  return packet[0] === PACKET.acl && packet.length === 9 && packet.readUInt16LE(7) === ATT_CHANNEL;
}

/** Undefined for all other packets. */
export function refusalIn(packet: Buffer): Refusal | undefined {
  // Type, handle and flags, length, L2CAP length and channel, opcode, request, attribute, error: 14 bytes in one piece.
  if (packet[0] !== PACKET.acl || packet.length !== 14 || packet.readUInt16LE(7) !== ATT_CHANNEL) return undefined;
  const error = packet.readUInt8(13);
  const isRefusal = packet.readUInt8(9) === ERROR_RESPONSE && REQUESTS.has(packet.readUInt8(10));
  if (!isRefusal || PAIRING.has(error)) return undefined;
  const number = `0x${error.toString(16).padStart(2, '0')}`;
  return {
    handle: packet.readUInt16LE(1) & 0x0fff,
    reason: `the device refuses: ${words[error] ?? 'its own error'} (${number})`,
  };
}
