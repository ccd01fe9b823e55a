// Bosch GLM 100 C and PLR: short replies of the older MT protocol, a distance as a multiple of 0.05 mm.
import { crc8 } from '../../kernel/bytes.ts';
import { type DecodedFrame, distanceFault } from './define.ts';

const LENGTH = 7;

/** `[status 0][length 4][u32 LE · 0.05 mm][CRC-8]` (lasercom README; `0004130e000032` is 180.15 mm). */
export function isGlm100(frame: Uint8Array): boolean {
  return frame.length === LENGTH && frame[1] === 4 && crcOf(frame) === frame[LENGTH - 1];
}

export function decodeGlm100(frame: Uint8Array): DecodedFrame {
  if (frame.length !== LENGTH) return { rejected: `GLM 100: expected exactly ${LENGTH} bytes, got ${frame.length}` };
  if (frame[1] !== 4) return { rejected: `GLM 100: payload length says ${frame[1]}, expected 4` };
  if (crcOf(frame) !== frame[LENGTH - 1]) return { rejected: 'GLM 100: CRC does not fit' };
  if (frame[0] !== 0) return { rejected: `GLM 100: status ${frame[0]}, no measurement` };
  const steps = new DataView(frame.buffer, frame.byteOffset, LENGTH).getUint32(2, true);
  const fault = distanceFault(steps / 20_000);
  if (fault !== undefined) return { rejected: `GLM 100: ${fault}` };
  return { telemetry: { value_mm: steps / 20 }, deviceModel: 'Bosch GLM 100', metadata: {} };
}

function crcOf(frame: Uint8Array): number {
  return crc8(frame.subarray(0, -1), 0xa6, 0xaa);
}
