// Serial framing (Modbus over Serial Line V1.02 §2.5): checksum, frames built, and answers found among whatever a line carries.
import { answerBytes, isWrite, nameOf, type Request } from './link.ts';
import { answerFault, functionOf, type Message, requestPdu } from './pdu.ts';

/** Unit, function, exception code and checksum: the shortest answer. */
const SHORTEST = 5;
/** Unit, function, address, count or value, checksum: a confirmed write. */
const CONFIRMED = 8;

const crcTable = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
  return crc;
});

/** CRC-16/MODBUS; it goes over the line low byte first. */
export function crc16(bytes: Uint8Array): number {
  let crc = 0xffff;
  for (const byte of bytes) crc = (crc >> 8) ^ (crcTable[(crc ^ byte) & 0xff] as number);
  return crc;
}

export function rtuFrame({ unit, pdu }: Message): Buffer {
  const frame = Buffer.alloc(pdu.length + 3);
  frame[0] = unit;
  frame.set(pdu, 1);
  frame.writeUInt16LE(crc16(frame.subarray(0, -2)), frame.length - 2);
  return frame;
}

export const requestFrame = (request: Request): Buffer => rtuFrame({ unit: request.unit, pdu: requestPdu(request) });

/** Bytes of the right answer on the line. */
export const answerLength = (request: Request): number =>
  isWrite(request) ? CONFIRMED : SHORTEST + answerBytes(request);

/** The message in these bytes, or undefined where the checksum says that they are no frame. */
export function messageOf(bytes: Buffer): Message | undefined {
  if (bytes.length < 4 || crc16(bytes.subarray(0, -2)) !== bytes.readUInt16LE(bytes.length - 2)) return undefined;
  return { unit: bytes[0] as number, pdu: new Uint8Array(bytes.subarray(1, -2)) };
}

/** Lengths that an answer beginning here may have; a byte count may lie, so that of the request is tried as well. */
function lengthsAt(bytes: Buffer, request: Request): number[] {
  const code = bytes[1] ?? 0;
  if (code & 0x80) return [SHORTEST];
  if (code >= 1 && code <= 4) return [SHORTEST + (bytes[2] ?? 0), answerLength(request)];
  return code === 5 || code === 6 || code === 15 || code === 16 ? [CONFIRMED] : [answerLength(request)];
}

export type Heard = {
  /** The right answer, or an exception. */
  answer?: Message;
  /** A whole frame of this unit that is no answer to the request: why. */
  wrong?: string;
  /** The line gave the request back. */
  echo: boolean;
  /** Bytes behind the answer, which nobody asked for. */
  extra: number;
};

/**
 * Looks for the answer in what came since the request went out. Damaged bytes, the request's own echo and frames of
 * other units are passed over. Where two right answers came that differ, nobody knows which one belongs to the request
 * (a converter may have held back an old one): neither is believed. `echoes`: this line is known to give requests back; a write's confirmation looks the same.
 */
export function listen(received: Buffer, request: Request, echoes: boolean): Heard {
  const own = requestFrame(request);
  const heard: Heard = { echo: false, extra: 0 };
  let right: { message: Message; end: number } | undefined;
  const mayBeEcho = (at: number) =>
    !heard.echo && (echoes || !confirmsByEcho(request)) && received.subarray(at, at + own.length).equals(own);
  for (let at = 0; at + SHORTEST <= received.length; ) {
    if (mayBeEcho(at)) {
      heard.echo = true;
      at += own.length;
      continue;
    }
    const found = frameAt(received.subarray(at), request);
    if (found === undefined) {
      at++;
      continue;
    }
    at += found.length;
    if (found.message.unit !== request.unit) continue;
    const wrong = answerFault(request, found.message);
    if (wrong !== undefined) heard.wrong = wrong;
    else if (right === undefined) right = { message: found.message, end: at };
    else if (!sameBytes(right.message.pdu, found.message.pdu))
      return { ...heard, wrong: `answer for ${nameOf(request)}: expected one, got two that differ` };
  }
  return right === undefined ? heard : { ...heard, answer: right.message, extra: received.length - right.end };
}

const sameBytes = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/** The confirmation of a write of one coil or register has the very bytes of the request. */
export const confirmsByEcho = (request: Request): boolean => functionOf(request) === 5 || functionOf(request) === 6;

function frameAt(bytes: Buffer, request: Request): { message: Message; length: number } | undefined {
  for (const length of lengthsAt(bytes, request)) {
    const message = length <= bytes.length ? messageOf(bytes.subarray(0, length)) : undefined;
    if (message !== undefined) return { message, length };
  }
  return undefined;
}
