// Bosch GLM 50 C, GLM 50-27 C and kin: the 20-byte message of the auto-sync ("EDC") characteristic.
import type { Metadata } from '../../reading/reading.ts';
import { type DecodedFrame, distanceFault, resultFault, resultOf, short } from './define.ts';
import { glmModeOf } from './glm-modes.ts';
import { mtCrc, mtFrameOf } from './mt-frame.ts';

export const glmService = '02a6c0d0-0451-4000-b000-fb3210111989';
export const glmCharacteristic = '02a6c0d1-0451-4000-b000-fb3210111989';
/** Written after subscribing, with response: send each measurement by yourself. */
export const glmEnable = Uint8Array.of(0xc0, 0x55, 0x02, 0x01, 0x00, 0x1a);
/** As the button of the meter: the first press switches the laser on, the second measures. */
export const glmMeasure = Uint8Array.of(0xc0, 0x56, 0x01, 0x00, 0x1e);

const LENGTH = 20;
const PAYLOAD = 16;
// Modes that measure one distance directly: the range check holds for these alone, a sum may well be negative.
const directModes = new Set([1, 2]);

export function isGlm(frame: Uint8Array): boolean {
  return frame[0] === 0xc0 && frame[1] === 0x55;
}

/**
 * Layout: 0 0xC0, 1 0x55, 2 payload length (16), 3 reference edge (bits 0-1) and mode (bits 2-7), 4 state, 5 and 6
 * number of the measurement (its low byte is `sequence`), 7 result, 11 and 15 components (float32 LE; m, m², m³ or
 * degrees by mode), 19 CRC-8.
 */
export function decodeGlm(frame: Uint8Array): DecodedFrame {
  if (!isGlm(frame)) return { rejected: 'GLM: frame does not begin with c0 55' };
  if (frame.length !== LENGTH) return { rejected: lengthReason(frame) };
  if (frame[2] !== PAYLOAD) return { rejected: `GLM: payload length says ${frame[2]}, expected ${PAYLOAD}` };
  const crc = mtCrc(frame.subarray(0, LENGTH - 1));
  if (crc !== frame[LENGTH - 1]) return { rejected: `GLM: CRC is ${hex(frame[LENGTH - 1]!)}, expected ${hex(crc)}` };
  const number = frame[3]! >> 2;
  const view = new DataView(frame.buffer, frame.byteOffset, LENGTH);
  const result = view.getFloat32(7, true);
  const components = [view.getFloat32(11, true), view.getFloat32(15, true)] as const;
  const mode = glmModeOf(number, { result, first: components[0], second: components[1] });
  if ('rejected' in mode) return { rejected: `GLM: ${mode.rejected}` };
  const fault = directModes.has(number) ? distanceFault(result) : resultFault(mode.metric, result);
  if (fault !== undefined) return { rejected: `GLM: ${fault}` };
  const state = frame[4]!;
  const metadata: Metadata = {
    mode: mode.name,
    referenceEdge: frame[3]! & 0x03,
    sequence: frame[5]!,
    laserOn: (state & 0x01) !== 0,
    temperatureWarning: (state & 0x02) !== 0,
    lowBattery: (state & 0x04) !== 0,
    displayUnits: state & 0x08 ? 'imperial' : 'metric',
    components: components.filter(Number.isFinite).map(short),
  };
  return { telemetry: { [mode.metric]: resultOf(mode.metric, result) }, deviceModel: 'Bosch GLM', metadata };
}

function lengthReason(frame: Uint8Array): string {
  // The reply to the enable command is a sound frame of its own; it only measures nothing.
  return mtFrameOf(frame) === undefined
    ? `GLM: expected exactly ${LENGTH} bytes, got ${frame.length}`
    : `GLM: reply of ${frame.length} bytes, no measurement`;
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
