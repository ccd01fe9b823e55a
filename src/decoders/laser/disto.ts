// Leica DISTO: the distance characteristic 3ab10101, a float32 of metres.
import { type DecodedFrame, distanceFault, millimetres } from './define.ts';

export const distoService = '3ab10100-f831-4395-b29d-570977d5bf94';
export const distoCharacteristic = '3ab10101-f831-4395-b29d-570977d5bf94';

const LENGTH = 4;
// A notification of the smallest ATT MTU.
const LONGEST = 20;
// The meters begin at 50 mm; random bytes are nearly always far below or above any distance.
const NEAREST_METRES = 0.01;

/** Little-endian float32 at 0; some firmware appends bytes, which are not read. */
export function decodeDisto(frame: Uint8Array): DecodedFrame {
  if (frame.length < LENGTH || frame.length > LONGEST)
    return { rejected: `DISTO: expected ${LENGTH} to ${LONGEST} bytes, got ${frame.length}` };
  const metres = new DataView(frame.buffer, frame.byteOffset, LENGTH).getFloat32(0, true);
  const fault = distanceFault(metres) ?? (metres < NEAREST_METRES ? 'distance is below 10 mm' : undefined);
  if (fault !== undefined) return { rejected: `DISTO: ${fault}` };
  return { telemetry: { value_mm: millimetres(metres) }, deviceModel: 'Leica DISTO', metadata: {} };
}
