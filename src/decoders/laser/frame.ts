// A laser meter's frame to a reading: picks the decoder by kind or by form.
import { toHex } from '../../kernel/bytes.ts';
import type { Metadata, Reading, Receipt } from '../../reading/reading.ts';
import { neededReceipt, timeOf } from '../../reading/time.ts';
import { organisationOf } from '../../reading/demo.ts';
import { decodeGlm, isGlm } from './bosch-glm.ts';
import type { DecodedFrame, LaserKind } from './define.ts';
import { decodeDisto, decodeDistoInclination, decodeDistoUnit } from './disto.ts';
import { decodeGlm100, isGlm100 } from './glm100.ts';

const decoders: Readonly<Record<LaserKind, (frame: Uint8Array) => DecodedFrame>> = {
  glm: decodeGlm,
  glm100: decodeGlm100,
  disto: decodeDisto,
  'disto-inclination': decodeDistoInclination,
  'disto-unit': decodeDistoUnit,
};
const parsers: Readonly<Record<LaserKind, string>> = {
  glm: 'bosch-glm',
  glm100: 'bosch-glm100',
  disto: 'leica-disto',
  'disto-inclination': 'leica-disto',
  'disto-unit': 'leica-disto',
};
const GLM_LENGTH = 20;

/** The kind a frame has by its form, or why it has none. */
function kindOf(frame: Uint8Array): LaserKind | { rejected: string } {
  if (isGlm(frame)) return 'glm';
  if (isGlm100(frame)) return 'glm100';
  // 20 bytes without the beginning of a GLM frame are a damaged GLM frame, no DISTO float.
  if (frame.length >= 4 && frame.length < GLM_LENGTH) return 'disto';
  return {
    rejected: frame.length === 0 ? 'frame is empty' : `${frame.length} bytes are no frame of a known laser meter`,
  };
}

export type LaserFrame = {
  bytes: Uint8Array;
  /** By form where it is left out. */
  kind?: LaserKind;
  deviceId?: string;
  /** Milliseconds since the epoch. */
  receivedAt: number;
  /** The message's own time. */
  timestamp?: unknown;
  signalStrength?: number;
  scannerId?: string;
  digest?: string;
  receipt?: Receipt;
  /** Session, element and path of the measurement (A01). */
  context?: Pick<Metadata, 'sessionId' | 'elementType' | 'elementId' | 'source'>;
};

/** The reading, or why the frame gives none. */
export function laserReading(frame: LaserFrame): Reading | { rejected: string } {
  const kind = frame.kind ?? kindOf(frame.bytes);
  if (typeof kind !== 'string') return kind;
  const decoded = decoders[kind](frame.bytes);
  if ('rejected' in decoded) return decoded;
  const { timestamp, ...time } = timeOf(frame.timestamp, frame.receivedAt);
  const deviceId = frame.deviceId ?? 'unknown';
  const receipt = neededReceipt(time, frame.receipt);
  const metadata: Metadata = {
    ...(frame.signalStrength === undefined ? {} : { signalStrength: frame.signalStrength }),
    parser: parsers[kind],
    model: decoded.deviceModel,
    ...decoded.metadata,
    rawHex: toHex(frame.bytes),
    ...frame.context,
    ...time,
    ...organisationOf(deviceId),
    receivedAt: frame.receivedAt,
    ...(frame.scannerId === undefined ? {} : { scannerId: frame.scannerId }),
    ...(frame.digest === undefined ? {} : { digest: frame.digest }),
    ...(receipt === undefined ? {} : { receipt }),
  };
  return {
    deviceId,
    protocol: 'bluetooth',
    timestamp,
    telemetry: decoded.telemetry,
    metadata,
  };
}
