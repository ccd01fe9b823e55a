// Register words to values: every type and word order; what is no value becomes a reason, never a number.
import { isMeasurable } from '../reading/payload.ts';
import type { Value } from '../reading/reading.ts';
import { dateOf } from './dates.ts';
import type { Field, FieldType } from './field.ts';

export type Decoded = { value: Value } | { absent: string };

const isAbsent = (it: unknown): it is { absent: string } => typeof it === 'object' && it !== null;

/**
 * Decodes a field from its own bytes: two per register, or one byte of 0 or 1 for a bit table. `factor`: bytes of its
 * power of ten, where it has one.
 */
export function decodeField(field: Field, received: Uint8Array, factor?: Uint8Array): Decoded {
  const bytes = reorder(received, field);
  const hex = bytes.toString('hex').toUpperCase();
  if (field.notImplemented.includes(hex)) return { absent: `not implemented by the device (${hex})` };
  switch (field.type) {
    case 'bool':
      return { value: bytes.some(byte => byte !== 0) };
    case 'bit':
      return { value: bitsOf(hex, field.bit, 1) === 1n };
    case 'bits':
      return scaled(bitsOf(hex, field.bit, field.width), field, 0);
    case 'flags':
      return { value: flagsOf(hex, field) };
    case 'enum': {
      const code = String(bitsOf(hex, field.bit, field.width));
      const name = Object.hasOwn(field.names, code) ? field.names[code] : undefined;
      return name === undefined ? { absent: `no name for code ${code}` } : { value: name };
    }
    case 'string':
      return textOf(bytes);
    case 'datetime': {
      const date = field.format && dateOf(bytes, field.format);
      return date === undefined ? { absent: `no date (${hex})` } : { value: date };
    }
    default: {
      const raw = numberOf(field.type, bytes, hex);
      const power = field.factor === undefined ? 0 : powerOf(factor);
      return isAbsent(raw) ? raw : isAbsent(power) ? power : scaled(raw, field, power);
    }
  }
}

function bitsOf(hex: string, lowest: number, width: number | undefined): bigint {
  const all = BigInt(`0x${hex}`) >> BigInt(lowest);
  return width === undefined ? all : BigInt.asUintN(width, all);
}

/** Names of the bits that are set, the lowest first. */
function flagsOf(hex: string, { names }: Field): string {
  const set = Object.keys(names).filter(bit => bitsOf(hex, Number(bit), 1) === 1n);
  return set.map(bit => names[bit]).join(', ') || 'none';
}

/** SunSpec's scale factors go from -10 to 10. */
function powerOf(factor: Uint8Array | undefined): number | { absent: string } {
  if (factor === undefined) return { absent: 'its scale factor did not come' };
  const power = Buffer.from(factor).readInt16BE(0);
  if (power === -32768) return { absent: 'its scale factor is not implemented by the device (8000)' };
  return Math.abs(power) <= 10 ? power : { absent: `its scale factor: expected -10 to 10, got ${power}` };
}

/** Texts and dates in parts stand in reading order in every device; only the bytes within their words may be swapped. */
const wordByWord = ({ type, format }: Field) => type === 'string' || format === 'iec870' || format === 'parts';

export function reorder(received: Uint8Array, field: Field): Buffer {
  const { order, table } = field;
  const bytes = Buffer.from(received);
  if (table === 'coil' || table === 'discrete' || order === 'ABCD') return bytes;
  if (wordByWord(field)) return order === 'CDAB' ? bytes : bytes.swap16();
  if (order === 'DCBA') return bytes.reverse();
  return order === 'BADC' ? bytes.swap16() : bytes.reverse().swap16();
}

function numberOf(
  type: Exclude<FieldType, 'bool' | 'bit' | 'bits' | 'flags' | 'enum' | 'string' | 'datetime'>,
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
    case 'int8h':
      return bytes.readInt8(0);
    case 'int8l':
      return bytes.readInt8(1);
    case 'uint8h':
      return bytes.readUInt8(0);
    case 'uint8l':
      return bytes.readUInt8(1);
    case 'float16':
      return halfOf(bytes.readUInt16BE(0));
    case 'float32':
      return bytes.readFloatBE(0);
    case 'float64':
      return bytes.readDoubleBE(0);
    case 'bcd':
      return /^\d+$/.test(hex) ? BigInt(hex) : { absent: `expected decimal digits, got ${hex}` };
  }
}

/** IEEE 754 binary16: one bit sign, five exponent, ten fraction. */
function halfOf(word: number): number {
  const sign = word & 0x8000 ? -1 : 1;
  const exponent = (word >> 10) & 0x1f;
  const fraction = word & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** Whole numbers beyond 2^53 stay exact as text; scaled ones are doubles, as every scaled value. */
function scaled(raw: number | bigint, { scale, offset, min, max, unit }: Field, power: number): Decoded {
  let value: number | bigint = raw;
  if (power !== 0) value = power < 0 ? Number(raw) / 10 ** -power : tidy(Number(raw) * 10 ** power);
  if (scale !== 1 || offset !== 0) value = plus(times(Number(value), scale), offset);
  if (typeof value === 'number' && Number.isNaN(value)) return { absent: 'not a number' };
  if (typeof value === 'number' && !Number.isFinite(value)) return { absent: 'infinite' };
  if (typeof value === 'number' && !isMeasurable(value))
    return { absent: `no measurement: expected at most 1e100 either way, got ${value}` };
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

/** 40.3 - 40 is not 0.3 in doubles: a sum has no more decimals than its parts. */
function plus(value: number, offset: number): number {
  if (offset === 0 || !Number.isFinite(value)) return value + offset;
  return tidy(Number((value + offset).toFixed(Math.min(100, Math.max(decimals(value), decimals(offset))))));
}

function decimals(value: number): number {
  const [digits = '', exponent = '0'] = String(value).split('e');
  return Math.max(0, (digits.split('.')[1] ?? '').length - Number(exponent));
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
