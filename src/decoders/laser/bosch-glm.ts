// Bosch GLM 50 C, GLM 50-27 C and kin: the 20-byte message of the auto-sync ("EDC") characteristic.
import { crc8 } from '../../kernel/bytes.ts';
import type { Metadata } from '../../reading/reading.ts';
import { type DecodedFrame, distanceFault, millimetres } from './define.ts';

export const glmService = '02a6c0d0-0451-4000-b000-fb3210111989';
export const glmCharacteristic = '02a6c0d1-0451-4000-b000-fb3210111989';
/** Written after subscribing, with response: send each measurement by yourself. */
export const glmEnable = Uint8Array.of(0xc0, 0x55, 0x02, 0x01, 0x00, 0x1a);

const LENGTH = 20;
const PAYLOAD = 16;
// CRC-8 of the MT protocol: over all bytes before it.
const POLYNOMIAL = 0xa6;
const INITIAL = 0xaa;

type Mode = { name: string; metric: 'value_mm' | 'area_m2' | 'volume_m3' | 'angle_deg' };
const modes: ReadonlyMap<number, Mode> = new Map<number, Mode>([
  [1, { name: 'single', metric: 'value_mm' }],
  [2, { name: 'continuous', metric: 'value_mm' }],
  [3, { name: 'min-max', metric: 'value_mm' }],
  [4, { name: 'add-subtract', metric: 'value_mm' }],
  [5, { name: 'area', metric: 'area_m2' }],
  [6, { name: 'volume', metric: 'volume_m3' }],
  [10, { name: 'indirect-height', metric: 'value_mm' }],
  [11, { name: 'indirect-length', metric: 'value_mm' }],
  [12, { name: 'double-indirect', metric: 'value_mm' }],
  [13, { name: 'partial-area', metric: 'area_m2' }],
  [14, { name: 'stake-out', metric: 'value_mm' }],
  [15, { name: 'angle', metric: 'angle_deg' }],
]);
// Modes of replies and status messages.
const silentModes = new Set([0, 60, 62]);
// Modes that measure one distance directly: the range check holds for these alone, a sum may well be negative.
const directModes = new Set([1, 2]);

export function isGlm(frame: Uint8Array): boolean {
  return frame[0] === 0xc0 && frame[1] === 0x55;
}

/**
 * Layout: 0 0xC0, 1 0x55, 2 payload length (16), 3 reference edge (bits 0-1) and mode (bits 2-7), 4 state, 5 sequence,
 * 6 not settled, 7 result, 11 and 15 components (float32 LE; m, m², m³ or degrees by mode), 19 CRC-8.
 */
export function decodeGlm(frame: Uint8Array): DecodedFrame {
  if (!isGlm(frame)) return { rejected: 'GLM: frame does not begin with c0 55' };
  if (frame.length !== LENGTH) return { rejected: lengthReason(frame) };
  if (frame[2] !== PAYLOAD) return { rejected: `GLM: payload length says ${frame[2]}, expected ${PAYLOAD}` };
  const crc = crc8(frame.subarray(0, LENGTH - 1), POLYNOMIAL, INITIAL);
  if (crc !== frame[LENGTH - 1]) return { rejected: `GLM: CRC is ${hex(frame[LENGTH - 1]!)}, expected ${hex(crc)}` };
  const number = frame[3]! >> 2;
  const mode = modes.get(number);
  if (mode === undefined)
    return {
      rejected: silentModes.has(number)
        ? `GLM: status message (mode ${number}), no measurement`
        : `GLM: mode ${number} is not known`,
    };
  const view = new DataView(frame.buffer, frame.byteOffset, LENGTH);
  const result = view.getFloat32(7, true);
  const fault = directModes.has(number)
    ? distanceFault(result)
    : Number.isFinite(result)
      ? undefined
      : 'result is not a number';
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
    components: [view.getFloat32(11, true), view.getFloat32(15, true)].filter(Number.isFinite).map(short),
  };
  const value = mode.metric === 'value_mm' ? millimetres(result) : short(result);
  return { telemetry: { [mode.metric]: value + 0 }, deviceModel: 'Bosch GLM', metadata };
}

function lengthReason(frame: Uint8Array): string {
  const announced = frame[2] === undefined ? LENGTH : frame[2] + 4;
  // The reply to the enable command is a sound frame of its own; it only measures nothing.
  const sound =
    frame.length === announced && crc8(frame.subarray(0, -1), POLYNOMIAL, INITIAL) === frame[frame.length - 1];
  return sound
    ? `GLM: reply of ${frame.length} bytes, no measurement`
    : `GLM: expected exactly ${LENGTH} bytes, got ${frame.length}`;
}

/** Seven digits are what a float32 carries. */
function short(value: number): number {
  return Number(value.toPrecision(7));
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
