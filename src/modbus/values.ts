// Register words to values: every type and word order; what is no value becomes a reason, never a number.
import type { Value } from '../reading/reading.ts';
import type { Table } from './link.ts';

/**
 * Order of the bytes of a 32-bit value as they come over the line: ABCD big-endian, CDAB words swapped, BADC bytes
 * swapped in each word, DCBA little-endian. 64-bit values follow the same four ideas over four words.
 */
export const wordOrders = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
export type WordOrder = (typeof wordOrders)[number];

/** Types and the registers one value takes; undefined where the map says how many (`length`). */
export const fieldTypes = {
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  int64: 4,
  uint64: 4,
  float32: 2,
  float64: 4,
  bool: 1,
  bit: 1,
  enum: 1,
  bcd: undefined,
  string: undefined,
} as const;
export type FieldType = keyof typeof fieldTypes;

/** One value of a unit, with everything resolved: what the grouping and the decoding need to know. */
export type Field = {
  metric: string;
  table: Table;
  /** 0-based address of the protocol. */
  address: number;
  /** Registers, or bits of a bit table, that the value takes. */
  span: number;
  type: FieldType;
  order: WordOrder;
  scale: number;
  offset: number;
  unit: string | undefined;
  /** Lowest and highest value that can be true, after scale and offset. */
  min: number;
  max: number;
  /** Words (upper-case hex, big-endian, after word order) by which the device says that it has no value. */
  notImplemented: readonly string[];
  /** Bit of the register for type bit, 0 the least significant. */
  bit: number;
  /** Names of the codes of an enum. */
  names: Readonly<Record<string, string>>;
};

export type Decoded = { value: Value } | { absent: string };

const isAbsent = (it: unknown): it is { absent: string } => typeof it === 'object' && it !== null;

/** Decodes a field from its own bytes: two per register, or one byte of 0 or 1 for a bit table. */
export function decodeField(field: Field, received: Uint8Array): Decoded {
  const bytes = reorder(received, field);
  const hex = bytes.toString('hex').toUpperCase();
  if (field.notImplemented.includes(hex)) return { absent: `not implemented by the device (${hex})` };
  switch (field.type) {
    case 'bool':
      return { value: bytes.some(byte => byte !== 0) };
    case 'bit':
      return { value: ((bytes.readUInt16BE(0) >> field.bit) & 1) === 1 };
    case 'enum': {
      const name = Object.hasOwn(field.names, bytes.readUInt16BE(0)) ? field.names[bytes.readUInt16BE(0)] : undefined;
      return name === undefined ? { absent: `no name for code ${bytes.readUInt16BE(0)}` } : { value: name };
    }
    case 'string':
      return textOf(bytes);
    default: {
      const raw = numberOf(field.type, bytes, hex);
      return isAbsent(raw) ? raw : scaled(raw, field);
    }
  }
}

function reorder(received: Uint8Array, { type, order, table }: Field): Buffer {
  const bytes = Buffer.from(received);
  if (table === 'coil' || table === 'discrete' || order === 'ABCD') return bytes;
  // The words of a text stand in reading order in every device; only the bytes within them may be swapped.
  if (type === 'string') return order === 'CDAB' ? bytes : bytes.swap16();
  if (order === 'DCBA') return bytes.reverse();
  return order === 'BADC' ? bytes.swap16() : bytes.reverse().swap16();
}

function numberOf(
  type: Exclude<FieldType, 'bool' | 'bit' | 'enum' | 'string'>,
  bytes: Buffer,
  hex: string,
): number | bigint | { absent: string } {
  switch (type) {
    case 'int16':
      return bytes.readInt16BE(0);
    case 'uint16':
      return bytes.readUInt16BE(0);
    case 'int32':
      return bytes.readInt32BE(0);
    case 'uint32':
      return bytes.readUInt32BE(0);
    case 'int64':
      return bytes.readBigInt64BE(0);
    case 'uint64':
      return bytes.readBigUInt64BE(0);
    case 'float32':
      return bytes.readFloatBE(0);
    case 'float64':
      return bytes.readDoubleBE(0);
    case 'bcd':
      return /^\d+$/.test(hex) ? BigInt(hex) : { absent: `expected decimal digits, got ${hex}` };
  }
}

/** Whole numbers beyond 2^53 stay exact as text; scaled ones are doubles, as every scaled value. */
function scaled(raw: number | bigint, { scale, offset, min, max, unit }: Field): Decoded {
  let value: number | bigint = raw;
  if (scale !== 1 || offset !== 0) value = times(Number(raw), scale) + offset;
  if (offset !== 0) value = tidy(Number(value));
  if (typeof value === 'number' && Number.isNaN(value)) return { absent: 'not a number' };
  if (typeof value === 'number' && !Number.isFinite(value)) return { absent: 'infinite' };
  if (value < min || value > max)
    return { absent: `out of range: expected ${rangeOf(min, max)}${unit ? ` ${unit}` : ''}, got ${value}` };
  if (typeof value === 'bigint')
    return { value: Number.isSafeInteger(Number(value)) ? Number(value) : value.toString() };
  return { value: value === 0 ? 0 : value };
}

/** 3 × 0.1 is not 0.3 in doubles, but 3 / 10 is: a scale that is one over a whole number divides, which rounds only once. */
function times(value: number, scale: number): number {
  const inverse = Math.round(1 / scale);
  return inverse !== 0 && Math.abs(inverse * scale - 1) < 1e-12 ? value / inverse : tidy(value * scale);
}

/** 15 digits are what a double can always hold: takes off the noise of binary fractions. */
const tidy = (value: number) => (Number.isFinite(value) ? Number(value.toPrecision(15)) : value);

function rangeOf(min: number, max: number): string {
  return min === -Infinity ? `at most ${max}` : max === Infinity ? `at least ${min}` : `${min} to ${max}`;
}

const latin = new TextDecoder('latin1');
const unicode = new TextDecoder('utf-8', { fatal: true });

/** Text up to the first NUL, without blanks at its end; UTF-8 where it is that, else Latin-1. */
function textOf(bytes: Buffer): Decoded {
  const nul = bytes.indexOf(0);
  const used = nul === -1 ? bytes : bytes.subarray(0, nul);
  let text: string;
  try {
    text = unicode.decode(used);
  } catch {
    text = latin.decode(used);
  }
  text = text.trimEnd();
  if (text === '') return { absent: 'empty text' };
  return /\p{Cc}/u.test(text) ? { absent: 'not text' } : { value: text };
}
