// Payloads on their way out of the gateway: JSON without what only matters within it.
import { toHex } from '../kernel/bytes.ts';
import { expected, Fault, reasonOf } from '../kernel/fault.ts';
import { isRaw } from './raw.ts';
import { isReading } from './reading.ts';

/** JSON text of a payload or an array of them. Throws a Fault of kind data where JSON cannot hold it. */
export function outwardJson(payload: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(Array.isArray(payload) ? payload.map(outward) : outward(payload));
  } catch (error) {
    throw new Fault('FIELDLINE_MESSAGE', `payload: expected something that JSON can hold: ${reasonOf(error)}`);
  }
  if (text === undefined)
    throw new Fault('FIELDLINE_MESSAGE', expected('payload', 'something that JSON can hold', typeof payload));
  return text;
}

function outward(member: unknown): unknown {
  if (isReading(member)) {
    const { receipt: _receipt, entry: _entry, ...metadata } = member.metadata;
    return { ...member, metadata };
  }
  if (!isRaw(member)) return member;
  const { topic, bytes, receivedAt, source, deviceId } = member;
  return { topic, hex: toHex(bytes), receivedAt: new Date(receivedAt).toISOString(), source, deviceId };
}
