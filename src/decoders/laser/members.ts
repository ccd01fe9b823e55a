// One member of a payload to the reading of a laser frame: a raw message, a buffer, hex, or an object with hex in it.
import { digest, fromHex } from '../../kernel/bytes.ts';
import { digestOf, isRaw, type Raw } from '../../reading/raw.ts';
import type { Reading } from '../../reading/reading.ts';
import { normalAddress } from '../advert-record.ts';
import { jsonOf, type Refusal, textOf } from '../members.ts';
import { glmCharacteristic } from './bosch-glm.ts';
import { type LaserKind, laserKinds } from './define.ts';
import { distoCharacteristic, distoDistance, distoInclination, distoUnit } from './disto.ts';
import { type LaserFrame, laserReading } from './frame.ts';
import { glm100Answers } from './glm100.ts';

export type LaserContext = {
  /** Instead of the form of the frame. */
  kind?: LaserKind;
  context?: LaserFrame['context'];
  /** For what carries no device. */
  deviceId?: string;
  /** Milliseconds since the epoch, for members without a time of receipt. */
  now: number;
};

const kindsByCharacteristic: ReadonlyMap<string, LaserKind> = new Map([
  [glmCharacteristic, 'glm'],
  [glm100Answers, 'glm100'],
  [distoCharacteristic, 'disto'],
  [distoDistance, 'disto'],
  [distoInclination, 'disto-inclination'],
  [distoUnit, 'disto-unit'],
]);

/** Never throws. */
export function laserOf(member: unknown, given: LaserContext): Reading | Refusal {
  const frame = isRaw(member) ? frameOfRaw(member, given) : frameOfOther(member, given);
  if ('reason' in frame) return frame;
  const reading = laserReading(frame);
  if (!('rejected' in reading)) return reading;
  return { reason: reading.rejected, label: reading.rejected.split(':')[0] ?? 'frame' };
}

function frameOfRaw(raw: Raw, given: LaserContext): LaserFrame | Refusal {
  const json = jsonOf(raw.bytes);
  const base =
    typeof json === 'object' && json !== null
      ? frameOfOther(json, given)
      : { ...given, bytes: raw.bytes, receivedAt: raw.receivedAt };
  if ('reason' in base) return base;
  // `ble/{scanner}/{address}/{characteristic}`
  const told = kindsByCharacteristic.get(raw.topic.split('/').at(-1)?.toLowerCase() ?? '');
  // A DISTO says by the characteristic which of its values it is.
  const kind = base.kind === undefined || (base.kind === 'disto' && told?.startsWith('disto')) ? told : base.kind;
  const deviceId = base.deviceId ?? raw.deviceId;
  return {
    ...base,
    receivedAt: raw.receivedAt,
    scannerId: raw.source,
    digest: digestOf(raw),
    ...(kind === undefined ? {} : { kind }),
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(raw.signalStrength === undefined ? {} : { signalStrength: raw.signalStrength }),
    ...(raw.receipt === undefined ? {} : { receipt: raw.receipt }),
  };
}

function frameOfOther(member: unknown, { now, ...given }: LaserContext): LaserFrame | Refusal {
  const withBytes = (bytes: Uint8Array): LaserFrame => ({ ...given, bytes, receivedAt: now, digest: digest(bytes) });
  if (member instanceof Uint8Array) return withBytes(member);
  const hex = typeof member === 'string' ? member : fieldOf(member, ['hex', 'raw_hex', 'rawHex']);
  const bytes = hex === undefined ? undefined : fromHex(hex);
  if (bytes === undefined) return { reason: 'expected a frame as bytes or hex', label: 'no frame' };
  const frame = withBytes(bytes);
  if (typeof member === 'string') return frame;
  const device = fieldOf(member, ['deviceId', 'device_id', 'address']);
  const kind = laserKinds.find(known => known === fieldOf(member, ['kind']));
  const timestamp = (member as Record<string, unknown>)['timestamp'];
  return {
    ...frame,
    timestamp,
    digest: digest(textOf(member) ?? bytes),
    ...(device === undefined ? {} : { deviceId: normalAddress(device) ?? device }),
    ...(kind === undefined ? {} : { kind }),
  };
}

function fieldOf(value: unknown, names: readonly string[]): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = value as Record<string, unknown>;
  return names.map(name => fields[name]).find(found => typeof found === 'string' && found !== '') as string | undefined;
}
