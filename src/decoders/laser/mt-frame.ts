// Frames of Bosch's MT protocol: a request is c0, command, length, payload; a response status, length, payload; then the CRC-8.
import { crc8 } from '../../kernel/bytes.ts';

const REQUEST = 0xc0;
const POLYNOMIAL = 0xa6;
const INITIAL = 0xaa;

/** Over all bytes before it. */
export function mtCrc(bytes: Uint8Array): number {
  return crc8(bytes, POLYNOMIAL, INITIAL);
}

export function mtRequest(command: number, ...payload: readonly number[]): Uint8Array {
  const frame = Uint8Array.of(REQUEST, command, payload.length, ...payload, 0);
  frame[frame.length - 1] = mtCrc(frame.subarray(0, -1));
  return frame;
}

/** Requests have a command, responses a status (0: success). */
export type MtFrame = { command?: number; status: number; payload: Uint8Array };

/** Undefined where length or CRC do not fit. */
export function mtFrameOf(bytes: Uint8Array): MtFrame | undefined {
  const request = (bytes[0] ?? 0) >> 6 === REQUEST >> 6;
  const head = request ? 3 : 2;
  if (bytes.length <= head || bytes[head - 1] !== bytes.length - head - 1) return undefined;
  if (mtCrc(bytes.subarray(0, -1)) !== bytes[bytes.length - 1]) return undefined;
  const payload = bytes.subarray(head, -1);
  return request ? { command: bytes[1]!, status: bytes[0]! & 0x3f, payload } : { status: bytes[0]! & 0x3f, payload };
}
