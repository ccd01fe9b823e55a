// From BTHome objects as found in a frame to telemetry: names, numbering of equal ones, events, device details.
import type { Metadata, Value } from '../../../reading/reading.ts';
import type { Decoded, DecodedAdvert } from '../../define.ts';
import { type BthomeObject, bthomeObjects, buttonEvents, dimmerEvents } from './objects.ts';

/** One object of a frame. `number` is given where the frame itself says how the number is coded (version 1). */
export type Part = { object: BthomeObject; bytes: Uint8Array; number?: number };

/** Little-endian integer of 1 to 6 bytes. */
export function integer(bytes: Uint8Array, signed: boolean): number {
  let value = 0;
  for (let at = bytes.length - 1; at >= 0; at--) value = value * 256 + bytes[at]!;
  return signed && bytes[bytes.length - 1]! & 0x80 ? value - 256 ** bytes.length : value;
}

/**
 * Objects of one name in one frame are numbered in their order: `temperature_1`, `temperature_2`. `cut` is one that the frame began and did not end: it counts, too.
 */
function named(parts: readonly Part[], cut: BthomeObject | undefined): (string | undefined)[] {
  const total = new Map<string, number>(cut !== undefined && 'name' in cut ? [[cut.name, 1]] : []);
  for (const { object } of parts) if ('name' in object) total.set(object.name, (total.get(object.name) ?? 0) + 1);
  const seen = new Map<string, number>();
  return parts.map(({ object }) => {
    if (!('name' in object)) return undefined;
    if (total.get(object.name) === 1) return object.name;
    const number = (seen.get(object.name) ?? 0) + 1;
    seen.set(object.name, number);
    return `${object.name}_${number}`;
  });
}

/** `unread` says why the rest of the frame was not read; what stood before it counts. */
export function interpret(parts: readonly Part[], unread?: string, cut?: BthomeObject): DecodedAdvert {
  const telemetry: Record<string, Value> = {};
  const quality: Record<string, string> = unread === undefined ? {} : { payload: unread };
  const metadata: Metadata = {};
  let time: number | undefined;
  const names = named(parts, cut);
  for (const [at, { object, bytes, number }] of parts.entries()) {
    const name = names[at] ?? '';
    switch (object.is) {
      case 'number': {
        // Adding 0 turns -0, which floats of version 1 can be, into 0.
        const value = ((number ?? integer(bytes, object.signed)) * object.times) / object.over + 0;
        if (Number.isFinite(value)) telemetry[name] = value;
        else quality[name] = 'not a number';
        break;
      }
      case 'binary':
        telemetry[name] = integer(bytes, false) !== 0;
        break;
      case 'event': {
        const code = bytes[0]!;
        const event = (object.name === 'button' ? buttonEvents : dimmerEvents).get(code);
        if (event !== undefined) telemetry[name] = event;
        else if (code !== 0) quality[name] = `unknown event ${code}`;
        if (event !== undefined && object.name === 'dimmer') telemetry[`${name}_steps`] = bytes[1] ?? 0;
        break;
      }
      case 'text': {
        const text = utf8(bytes);
        if (text === undefined) quality[name] = 'not valid UTF-8';
        else telemetry[name] = text;
        break;
      }
      case 'raw':
        telemetry[name] = Buffer.from(bytes).toString('hex');
        break;
      case 'packet':
        metadata['packetId'] = integer(bytes, false);
        break;
      case 'time':
        time = integer(bytes, false);
        break;
      case 'deviceType':
        metadata['deviceTypeId'] = integer(bytes, false);
        break;
      case 'firmware':
        metadata.firmware = [...bytes].reverse().join('.');
        break;
    }
  }
  return { telemetry, quality, metadata, ...(time === undefined ? {} : { time }) };
}

/** What stood before an object that is longer than the frame counts; nothing before it means that the frame is damaged. */
export function cutShort(parts: readonly Part[], id: number | undefined): Decoded {
  const what = id === undefined ? 'the last object' : `object 0x${id.toString(16).padStart(2, '0')}`;
  const why = `${what} is longer than the frame`;
  return parts.length > 0 ? interpret(parts, why, bthomeObjects.get(id ?? -1)) : { rejected: `BTHome: ${why}` };
}

const decoder = new TextDecoder('utf-8', { fatal: true });
function utf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
