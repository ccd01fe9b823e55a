// Leica DISTO: the characteristics of distance, inclination and unit of its service.
import { type DecodedFrame, distanceFault, millimetres, resultFault, resultOf } from './define.ts';

export const distoService = '3ab10100-f831-4395-b29d-570977d5bf94';
export const distoCharacteristic = '3ab10101-f831-4395-b29d-570977d5bf94';
/** Where the X family and the D2G notify the distance, at the beginning of 20 bytes; they may lack the other. */
export const distoDistance = '3ab1010d-f831-4395-b29d-570977d5bf94';
export const distoUnit = '3ab10102-f831-4395-b29d-570977d5bf94';
export const distoInclination = '3ab10103-f831-4395-b29d-570977d5bf94';
export const distoCommands = '3ab10109-f831-4395-b29d-570977d5bf94';
/** ASCII `g`: measure a distance. */
export const distoMeasure = Uint8Array.of(0x67);

const LENGTH = 4;
// A notification of the smallest ATT MTU.
const LONGEST = 20;
// The meters begin at 50 mm; random bytes are nearly always far below or above any distance.
const NEAREST_METRES = 0.01;

/** A little-endian float32 of metres, whatever the display shows; some firmware appends bytes, which are not read. */
export function decodeDisto(frame: Uint8Array): DecodedFrame {
  if (frame.length < LENGTH || frame.length > LONGEST)
    return { rejected: `DISTO: expected ${LENGTH} to ${LONGEST} bytes, got ${frame.length}` };
  const metres = new DataView(frame.buffer, frame.byteOffset, LENGTH).getFloat32(0, true);
  const fault = distanceFault(metres) ?? (metres < NEAREST_METRES ? 'distance is below 10 mm' : undefined);
  if (fault !== undefined) return { rejected: `DISTO: ${fault}` };
  return { telemetry: { value_mm: millimetres(metres) }, deviceModel: 'Leica DISTO', metadata: {} };
}

/** A little-endian float32 of radians (CaveSurvey, read from a D810). */
export function decodeDistoInclination(frame: Uint8Array): DecodedFrame {
  if (frame.length < LENGTH || frame.length > LONGEST)
    return { rejected: `DISTO: expected ${LENGTH} to ${LONGEST} bytes, got ${frame.length}` };
  const degrees = (new DataView(frame.buffer, frame.byteOffset, LENGTH).getFloat32(0, true) * 180) / Math.PI;
  const fault = resultFault('angle_deg', degrees);
  if (fault !== undefined) return { rejected: `DISTO: ${fault}` };
  return { telemetry: { angle_deg: resultOf('angle_deg', degrees) }, deviceModel: 'Leica DISTO', metadata: {} };
}

const displayUnits = ['m', 'ft', 'in', 'mm', 'mm', 'mm', 'yd', 'ft and in', 'ft and in', 'ft and in'];

/** What the display shows, as a code in the first byte; the distance is in metres all the same. */
export function decodeDistoUnit(frame: Uint8Array): DecodedFrame {
  const unit = displayUnits[frame[0] ?? -1];
  return { rejected: `DISTO: unit of the display${unit === undefined ? '' : ` (${unit})`}, no measurement` };
}
