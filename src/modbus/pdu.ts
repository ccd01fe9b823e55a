// The part of a frame that all transports share (Modbus Application Protocol V1.1b3 §6): requests built, answers checked.
import { exceptionName, ModbusFault } from './fault.ts';
import { answerBytes, isWrite, nameOf, type Request, readFunction } from './link.ts';

/** Unit id, and function code with its data. */
export type Message = { unit: number; pdu: Uint8Array };

export const functionOf = (request: Request): number =>
  isWrite(request) ? request.write : readFunction[request.table];

const two = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff];

/** Function code and data of a request. */
export function requestPdu(request: Request): Uint8Array {
  const { address } = request;
  const code = functionOf(request);
  if (!isWrite(request)) return Uint8Array.of(code, ...two(address), ...two(request.count));
  const { values } = request;
  switch (request.write) {
    case 5:
      return Uint8Array.of(code, ...two(address), values[0] ? 0xff : 0, 0);
    case 6:
      return Uint8Array.of(code, ...two(address), ...two(values[0] ?? 0));
    case 15: {
      const bits = packBits(values);
      return Uint8Array.of(code, ...two(address), ...two(values.length), bits.length, ...bits);
    }
    case 16:
      return Uint8Array.of(code, ...two(address), ...two(values.length), values.length * 2, ...values.flatMap(two));
  }
}

/** Eight bits per byte, the first one in bit 0 of byte 0. */
export function packBits(bits: readonly number[]): number[] {
  const bytes = new Array<number>(Math.ceil(bits.length / 8)).fill(0);
  for (const [at, bit] of bits.entries()) if (bit) bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (1 << (at & 7));
  return bytes;
}

/** Why the message is no answer to the request, or undefined when it is one (an exception is one, too). */
export function answerFault(request: Request, { unit, pdu }: Message): string | undefined {
  const where = `answer for ${nameOf(request)}`;
  const code = functionOf(request);
  if (unit !== request.unit) return `${where}: expected unit ${request.unit}, got ${unit}`;
  if (pdu[0] === (code | 0x80))
    return pdu.length === 2 ? undefined : `${where}: expected an exception of 2 bytes, got ${pdu.length}`;
  if (pdu[0] !== code) return `${where}: expected function ${code}, got ${pdu[0] ?? 'nothing'}`;
  if (isWrite(request)) {
    // A write is confirmed by its address and its value, or by how many values there were.
    const confirmed = Buffer.from(requestPdu(request).subarray(0, 5));
    return confirmed.equals(pdu)
      ? undefined
      : `${where}: expected ${confirmed.toString('hex')}, got ${Buffer.from(pdu).toString('hex')}`;
  }
  const bytes = answerBytes(request);
  if (pdu[1] !== bytes) return `${where}: expected a byte count of ${bytes}, got ${pdu[1] ?? 'nothing'}`;
  if (pdu.length !== bytes + 2) return `${where}: expected ${bytes} data bytes, got ${pdu.length - 2}`;
  return undefined;
}

/** The data of an answer that `answerFault` found right; throws the ModbusFault of an exception. */
export function answerData(request: Request, pdu: Uint8Array): Uint8Array {
  const [code = 0, second = 0] = pdu;
  if (code & 0x80) throw new ModbusFault('exception', `${nameOf(request)}: ${exceptionName(second)}`, second);
  return isWrite(request) ? new Uint8Array(0) : pdu.slice(2);
}
