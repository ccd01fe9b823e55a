// JavaScript arrays as PostgreSQL arrays in the binary format of the protocol (array_send and the send functions of the element types).
import { microseconds } from '../reading/instant.ts';

/** Writes elements one after the other into one buffer, which grows and is used again for the next array. */
type Target = {
  /** Room for so many more bytes; returns the place of the first. */
  take(bytes: number): number;
  /** Gives back the last bytes of what was taken. */
  give(bytes: number): void;
  buffer: Buffer;
};
type Element = {
  oid: number;
  /** False when this value has no such form; the array then goes as text, and the server says what is wrong with it. */
  write(value: unknown, target: Target): boolean;
};

const HEADER = 20;
/** Microseconds from 1970 to 2000, where PostgreSQL counts from. */
const EPOCH_US = 946_684_800_000_000;

function utf8(text: string, target: Target, prefix = 0): true {
  // Room for the worst case is cheaper than counting, except for long texts.
  const most = text.length < 4096 ? text.length * 3 : Buffer.byteLength(text);
  const at = target.take(4 + prefix + most);
  const length = target.buffer.write(text, at + 4 + prefix, 'utf8');
  target.buffer.writeInt32BE(prefix + length, at);
  target.give(most - length);
  return true;
}

function int64(value: number, target: Target): boolean {
  if (!Number.isSafeInteger(value)) return false;
  const at = target.take(12);
  const high = Math.floor(value / 2 ** 32);
  target.buffer.writeInt32BE(8, at);
  target.buffer.writeInt32BE(high, at + 4);
  target.buffer.writeUInt32BE(value - high * 2 ** 32, at + 8);
  return true;
}

const elements: Readonly<Record<string, Element>> = {
  text: { oid: 25, write: (value, target) => utf8(String(value), target) },
  jsonb: {
    oid: 3802,
    write(value, target) {
      if (typeof value !== 'string') return false;
      // Version of the format, before the text.
      const at = target.take(0);
      utf8(value, target, 1);
      target.buffer[at + 4] = 1;
      return true;
    },
  },
  float8: {
    oid: 701,
    write(value, target) {
      if (typeof value !== 'number') return false;
      const at = target.take(12);
      target.buffer.writeInt32BE(8, at);
      // Never minus zero, as in a literal.
      target.buffer.writeDoubleBE(value + 0, at + 4);
      return true;
    },
  },
  int4: {
    oid: 23,
    write(value, target) {
      if (typeof value !== 'number' || (value | 0) !== value) return false;
      const at = target.take(8);
      target.buffer.writeInt32BE(4, at);
      target.buffer.writeInt32BE(value, at + 4);
      return true;
    },
  },
  int8: { oid: 20, write: (value, target) => typeof value === 'number' && int64(value, target) },
  boolean: {
    oid: 16,
    write(value, target) {
      if (typeof value !== 'boolean') return false;
      const at = target.take(5);
      target.buffer.writeInt32BE(1, at);
      target.buffer[at + 4] = value ? 1 : 0;
      return true;
    },
  },
  timestamptz: {
    oid: 1184,
    write(value, target) {
      if (value instanceof Date) return int64(value.getTime() * 1000 - EPOCH_US, target);
      return typeof value === 'string' && int64(microseconds(value) - EPOCH_US, target);
    },
  },
  bytea: {
    oid: 17,
    write(value, target) {
      if (!(value instanceof Uint8Array)) return false;
      const at = target.take(4 + value.length);
      target.buffer.writeInt32BE(value.length, at);
      target.buffer.set(value, at + 4);
      return true;
    },
  },
  uuid: {
    oid: 2950,
    write(value, target) {
      if (typeof value !== 'string') return false;
      const hex = value.length === 36 ? value.replaceAll('-', '') : value;
      const at = target.take(20);
      target.buffer.writeInt32BE(16, at);
      return hex.length === 32 && target.buffer.write(hex, at + 4, 'hex') === 16;
    },
  },
};

const SCRATCH = 64 * 1024;
/** A larger one is not kept for the next array. */
const KEPT = 4 * 1024 * 1024;
let scratch: Buffer = Buffer.allocUnsafeSlow(SCRATCH);

/** One-dimensional array of this element type, null and undefined as NULL; undefined where it must go as text. */
export function binaryArray(type: string, items: readonly unknown[]): Buffer | undefined {
  const element = elements[type];
  if (element === undefined) return undefined;
  let length = HEADER;
  const target: Target = {
    buffer: scratch,
    take(bytes) {
      const at = length;
      length += bytes;
      if (length > target.buffer.length) {
        const larger = Buffer.allocUnsafeSlow(Math.max(length, target.buffer.length * 2));
        target.buffer.copy(larger, 0, 0, at);
        target.buffer = larger;
      }
      return at;
    },
    give(bytes) {
      length -= bytes;
    },
  };
  let nulls = 0;
  // Loops by place, here and below: for-of makes an object for each step, in the hottest loop of a write.
  for (let at = 0; at < items.length; at++) {
    const item = items[at];
    if (item !== null && item !== undefined) {
      if (!element.write(item, target)) return undefined;
    } else {
      nulls = 1;
      target.buffer.writeInt32BE(-1, target.take(4));
    }
  }
  if (target.buffer.length <= KEPT) scratch = target.buffer;
  // Dimensions, whether there are nulls, element type; then the length of the dimension and where it begins.
  const header = [items.length === 0 ? 0 : 1, nulls, element.oid, items.length, 1];
  for (let at = 0; at < header.length; at++) target.buffer.writeInt32BE(header[at] as number, at * 4);
  return Buffer.from(target.buffer.subarray(0, items.length === 0 ? 12 : length));
}
