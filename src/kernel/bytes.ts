// Bytes: hex, checksums and the digest that identifies a message as received.
import { hash } from 'node:crypto';

/** Bytes of a hex text (upper or lower case, optional spaces, colons or dashes between bytes), or undefined when it is none. */
export function fromHex(text: string): Uint8Array | undefined {
  const plain = text.replace(/[\s:-]/g, '');
  if (plain.length % 2 !== 0 || !/^[0-9a-fA-F]+$/.test(plain)) return undefined;
  return new Uint8Array(Buffer.from(plain, 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** CRC-8, most significant bit first, no reflection, no final xor. */
export function crc8(bytes: Uint8Array, polynomial: number, initial: number): number {
  let crc = initial;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ polynomial) & 0xff : (crc << 1) & 0xff;
  }
  return crc;
}

/** CRC-16/MODBUS (polynomial 0xA001 reflected, initial 0xFFFF), Modbus over serial line V1.02 §6.2.2. */
export function crc16modbus(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}

/** 128 bits of SHA-256 as 32 hex digits: the content part of a row's identity. */
export function digest(content: Uint8Array | string): string {
  return hash('sha256', content, 'hex').slice(0, 32);
}
