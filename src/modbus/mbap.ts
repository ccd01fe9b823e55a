// Modbus TCP framing (Modbus Messaging on TCP/IP V1.0b §3.1.3): cuts the stream into frames.
import type { Message } from './pdu.ts';

export type Frame = Message & { transaction: number };

const HEADER = 7;
/** Unit id, function code and at least one byte; unit id and the longest PDU of 253 bytes. */
const MIN_LENGTH = 3;
const MAX_LENGTH = 254;

/**
 * Takes chunks as they come and gives whole frames. `broken` says why the stream cannot be followed any longer: there
 * is no way to find the next header, so the connection must be dropped. Keeps at most one incomplete frame.
 */
export function frameReader(minLength = MIN_LENGTH): (chunk: Uint8Array) => { frames: Frame[]; broken?: string } {
  let rest: Buffer = Buffer.alloc(0);
  return chunk => {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
    const frames: Frame[] = [];
    while (rest.length >= 6) {
      const protocol = rest.readUInt16BE(2);
      const length = rest.readUInt16BE(4);
      if (protocol !== 0) return { frames, broken: `expected protocol id 0 in the frame header, got ${protocol}` };
      if (length < minLength || length > MAX_LENGTH)
        return { frames, broken: `expected a frame length of ${minLength} to ${MAX_LENGTH}, got ${length}` };
      if (rest.length < HEADER - 1 + length) break;
      frames.push({
        transaction: rest.readUInt16BE(0),
        unit: rest.readUInt8(6),
        pdu: new Uint8Array(rest.subarray(HEADER, HEADER - 1 + length)),
      });
      rest = rest.subarray(HEADER - 1 + length);
    }
    return { frames };
  };
}
