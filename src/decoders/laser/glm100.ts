// Bosch GLM 100 C, PLR and kin, which speak the older MT protocol: short replies in steps of 0.05 mm, and the sync container.
import type { Metadata } from '../../reading/reading.ts';
import { type DecodedFrame, distanceFault, type LaserMetric, resultFault, resultOf, short } from './define.ts';
import { mtCrc, mtFrameOf, mtRequest } from './mt-frame.ts';

export const glm100Service = '00005301-0000-0041-5253-534f46540000';
/** The host writes to the first, the meter answers on the second. */
export const glm100Commands = '00004301-0000-0041-5253-534f46540000';
export const glm100Answers = '00004302-0000-0041-5253-534f46540000';

const SYNC = 0x50;
/** Send each measurement by yourself. */
export const glm100Enable = mtRequest(SYNC, 0x40, 0x00);
/** As the button of the meter: the first press switches the laser on, the second measures. */
export const glm100Measure = mtRequest(SYNC, 0x01, 0x00);

const REPLY = 7;
const STEPS = 4;
const STEP_MM = 0.05;
const CONTAINER = 33;

type SyncMode = { name: string; metric: LaserMetric };
const modes: ReadonlyMap<number, SyncMode> = new Map([
  [1, { name: 'single', metric: 'value_mm' }],
  [2, { name: 'area', metric: 'area_m2' }],
  [3, { name: 'volume', metric: 'volume_m3' }],
  [4, { name: 'angle', metric: 'angle_deg' }],
  [6, { name: 'min-max', metric: 'value_mm' }],
  [7, { name: 'indirect-height', metric: 'value_mm' }],
  [8, { name: 'indirect-length', metric: 'value_mm' }],
  [9, { name: 'double-indirect', metric: 'value_mm' }],
  [10, { name: 'wall-area', metric: 'area_m2' }],
  [14, { name: 'trapezoid', metric: 'value_mm' }],
]);
const DIRECT = 1;
const ANGLE = 4;
// Get, set-up, calibration and list.
const silentModes = new Set([0, 11, 12, 13]);
/** The low three bits of a status, then a bit each. */
const statusWords = [
  'success',
  'timeout',
  'wrong mode',
  'wrong checksum',
  'unknown command',
  'no access',
  'wrong data',
  'reserved',
];
const statusFlags = ['hardware', 'not ready', 'asks for attention'];

function statusOf(status: number): string {
  const flags = statusFlags.filter((_, bit) => status & (8 << bit));
  return [...(status & 7 || flags.length === 0 ? [statusWords[status & 7]] : []), ...flags].join(', ');
}

/** By its form: a frame of the protocol with a reply or a container in it, or the container alone. */
export function isGlm100(frame: Uint8Array): boolean {
  if (frame.length === CONTAINER) return true;
  if (frame.length === CONTAINER + 1) return mtCrc(frame.subarray(0, -1)) === frame[CONTAINER];
  const found = frame.length >= REPLY ? mtFrameOf(frame) : undefined;
  return found !== undefined && (found.payload.length === STEPS || found.payload.length === CONTAINER);
}

export function decodeGlm100(frame: Uint8Array): DecodedFrame {
  const decoded = decode(frame);
  return 'rejected' in decoded ? { rejected: `GLM 100: ${decoded.rejected}` } : decoded;
}

function decode(frame: Uint8Array): DecodedFrame {
  // Cut out of its frame already, with or without the CRC behind it.
  if (frame.length === CONTAINER) return decodeContainer(frame);
  if (frame.length === CONTAINER + 1)
    return mtCrc(frame.subarray(0, -1)) === frame[CONTAINER]
      ? decodeContainer(frame.subarray(0, -1))
      : { rejected: 'CRC does not fit' };
  const found = mtFrameOf(frame);
  if (found === undefined) return { rejected: frameFault(frame) };
  if (found.command === undefined && found.status !== 0)
    return { rejected: `status ${found.status} (${statusOf(found.status)}), no measurement` };
  if (found.payload.length === CONTAINER) return decodeContainer(found.payload);
  if (found.command === undefined && found.payload.length === STEPS) return decodeSteps(found.payload);
  return { rejected: `reply of ${frame.length} bytes, no measurement` };
}

function frameFault(frame: Uint8Array): string {
  const head = (frame[0] ?? 0) >= 0xc0 ? 3 : 2;
  const length = (frame[head - 1] ?? STEPS) + head + 1;
  return frame.length === length ? 'CRC does not fit' : `expected exactly ${length} bytes, got ${frame.length}`;
}

/** u32 LE · 0.05 mm (lasercom README; `0004130e000032` is 180.15 mm). */
function decodeSteps(payload: Uint8Array): DecodedFrame {
  const steps = new DataView(payload.buffer, payload.byteOffset, STEPS).getUint32(0, true);
  const fault = distanceFault((steps * STEP_MM) / 1000);
  if (fault !== undefined) return { rejected: fault };
  return { telemetry: { value_mm: steps / (1 / STEP_MM) }, deviceModel: 'Bosch GLM 100', metadata: {} };
}

/**
 * Layout (piannucci/pymtprotocol, protocol.py): 0 mode (bits 0-4) and calculation, 1 reference of distance (bits 0-2)
 * and angle (3-5), unit of the display (6), 2 charge in percent, 3 temperature, 4, 8 and 12 distances, 16 result, 20 angle
 * (float32 LE; m, m², m³ or degrees by mode), 24 clock of the meter in seconds, 28 laser on (bit 0) and errors, 29
 * place in its list, 30 compass, 32 sensor state.
 */
function decodeContainer(bytes: Uint8Array): DecodedFrame {
  const view = new DataView(bytes.buffer, bytes.byteOffset, CONTAINER);
  const number = bytes[0]! & 0x1f;
  const mode = modes.get(number);
  if (mode === undefined)
    return {
      rejected: silentModes.has(number)
        ? `status message (mode ${number}), no measurement`
        : `mode ${number} is not known`,
    };
  const errors = bytes[28]! >> 1;
  if (errors !== 0) return { rejected: `the meter reports error ${errors}` };
  const angle = view.getFloat32(20, true);
  const result = view.getFloat32(16, true);
  const value = number === ANGLE && result === 0 ? angle : result;
  const fault = number === DIRECT ? distanceFault(value) : resultFault(mode.metric, value);
  if (fault !== undefined) return { rejected: fault };
  const charge = bytes[2]!;
  const metadata: Metadata = {
    mode: mode.name,
    referenceEdge: bytes[1]! & 0x07,
    displayUnits: bytes[1]! & 0x40 ? 'imperial' : 'metric',
    ...(charge <= 100 ? { batteryLevel: charge } : {}),
    laserOn: (bytes[28]! & 1) !== 0,
    listIndex: bytes[29]!,
    components: [4, 8, 12]
      .map(at => view.getFloat32(at, true))
      .filter(Number.isFinite)
      .map(short),
    ...(Number.isFinite(angle) ? { angle: short(angle) } : {}),
  };
  return { telemetry: { [mode.metric]: resultOf(mode.metric, value) }, deviceModel: 'Bosch GLM 100', metadata };
}
