// Reads the objects of an open MiBeacon payload.
import type { Metadata, Value } from '../../../reading/reading.ts';
import { viewOf } from '../shared/numbers.ts';
import { eventObjects } from './events.ts';
import { lockObjects } from './locks.ts';
import type { MiObject, Told } from './object.ts';
import { productObjects } from './product.ts';
import { standardObjects } from './standard.ts';

const objects: ReadonlyMap<number, MiObject> = new Map([
  ...standardObjects,
  ...productObjects,
  ...eventObjects,
  ...lockObjects,
]);

/** Reads the objects of a plain payload in their order; later ones overwrite. What stands before a cut one counts. */
export function objectsOf(payload: Uint8Array, model: string): (Told & { unread: string[] }) | { rejected: string } {
  const telemetry: Record<string, Value> = {};
  const metadata: Metadata = {};
  const unread: string[] = [];
  const view = viewOf(payload);
  let at = 0;
  while (at + 3 <= payload.length) {
    const id = view.getUint16(at, true);
    const length = view.getUint8(at + 2);
    const shown = `object 0x${id.toString(16).padStart(4, '0')}`;
    if (at + 3 + length > payload.length) {
      if (at === 0) return { rejected: `MiBeacon: ${shown} is longer than the frame` };
      unread.push(`${shown} is longer than the frame`);
      return { telemetry, metadata, unread };
    }
    const object = objects.get(id);
    if (object === undefined) unread.push(`unknown ${shown}`);
    else if (!object.bytes.includes(length)) unread.push(`${shown} has ${length} bytes`);
    else {
      const told = object.read(viewOf(payload.subarray(at + 3, at + 3 + length)), model);
      Object.assign(telemetry, told.telemetry);
      Object.assign(metadata, told.metadata);
    }
    at += 3 + length;
  }
  if (at < payload.length) unread.push(`${payload.length - at} bytes left over`);
  return { telemetry, metadata, unread };
}
