// HCI by name: the commands and events that are looked at between noble and the controller (Core 5.4, Vol 4 Part E §7).
import { PACKET } from './h4.ts';

export const COMMAND = {
  disconnect: 0x0406,
  setEventMask: 0x0c01,
  reset: 0x0c03,
  readLeHost: 0x0c6c,
  writeLeHost: 0x0c6d,
  readLocalVersion: 0x1001,
  readBufferSize: 0x1005,
  readBdAddr: 0x1009,
  readRssi: 0x1405,
  leSetEventMask: 0x2001,
  leReadBufferSize: 0x2002,
  leReadFeatures: 0x2003,
  leSetScanParameters: 0x200b,
  leSetScanEnable: 0x200c,
  leCreateConnection: 0x200d,
  leCancelConnection: 0x200e,
  leUpdateConnection: 0x2013,
  leStartEncryption: 0x2019,
  leSetDefaultPhy: 0x2031,
  leSetExtendedScanParameters: 0x2041,
  leSetExtendedScanEnable: 0x2042,
  leExtendedCreateConnection: 0x2043,
} as const;

export const EVENT = {
  disconnected: 0x05,
  encryptionChange: 0x08,
  commandComplete: 0x0e,
  commandStatus: 0x0f,
  hardwareError: 0x10,
  completedPackets: 0x13,
  leMeta: 0x3e,
} as const;

export const LE_EVENT = { connected: 0x01, advert: 0x02, enhancedConnected: 0x0a, extendedAdvert: 0x0d } as const;

export function commandPacket(opcode: number, parameters: Uint8Array = new Uint8Array()): Buffer {
  const packet = Buffer.alloc(4 + parameters.length);
  packet[0] = PACKET.command;
  packet.writeUInt16LE(opcode, 1);
  packet[3] = parameters.length;
  packet.set(parameters, 4);
  return packet;
}

export function eventPacket(event: number, parameters: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(PACKET.event, event, parameters.length), parameters]);
}

export function opcodeOf(packet: Buffer): number {
  return packet.readUInt16LE(1);
}

/** 6 bytes, least significant first, as the address is written: upper case with colons. */
export function addressText(bytes: Uint8Array): string {
  let text = '';
  for (let at = 5; at >= 0; at--) text += (at === 5 ? '' : ':') + HEX[bytes[at]!];
  return text;
}

export function addressBytes(address: string): Buffer {
  return Buffer.from(address.replaceAll(':', ''), 'hex').reverse();
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0').toUpperCase());

const statusWords: Readonly<Record<number, string>> = {
  1: 'unknown command',
  2: 'unknown connection',
  7: 'memory exceeded',
  8: 'the link was lost (supervision timeout)',
  9: 'too many connections',
  12: 'command disallowed',
  13: 'too few resources',
  17: 'not supported',
  18: 'invalid parameters',
  19: 'the device ended the link',
  20: 'the device ended the link: low resources',
  21: 'the device is being switched off',
  22: 'ended by this side',
  31: 'unspecified error',
  34: 'the device did not answer in time',
  59: 'connection parameters not accepted',
  60: 'advertising timeout',
  61: 'authentication failed (MIC)',
  62: 'connection failed to be established',
};

/** Status or reason in words, with its number (Core 5.4, Vol 1 Part F). */
export function statusText(status: number): string {
  const number = `0x${status.toString(16).padStart(2, '0')}`;
  const words = statusWords[status];
  return words === undefined ? `HCI status ${number}` : `${words} (${number})`;
}
