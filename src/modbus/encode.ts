// Values to register words: the way back from `values.ts`, refusing what a register cannot hold.
import { expected } from '../kernel/fault.ts';
import type { Field, FieldType } from './field.ts';
import { isBitTable } from './link.ts';
import { reorder } from './values.ts';

/** Words to write (0 or 1 for a coil), and which of their bits are meant: all, or some of a register shared with others. */
export type Encoded = { words: number[]; mask: bigint | undefined };
type Refused = { refused: string };

const ranges: Partial<Record<FieldType, readonly [low: bigint, high: bigint]>> = {
  int16: [-0x8000n, 0x7fffn],
  uint16: [0n, 0xffffn],
  int32: [-0x8000_0000n, 0x7fff_ffffn],
  uint32: [0n, 0xffff_ffffn],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};

/** `value` as it stands in a reading: a number, a text (64-bit numbers, names of an enum), true or false. */
export function encodeField(field: Field, value: unknown): Encoded | Refused {
  const { metric, table, type, span } = field;
  if (table === 'input' || table === 'discrete')
    return { refused: expected(metric, 'a holding register or a coil', table) };
  if (field.factor !== undefined) return { refused: expected(metric, 'a register without a scale factor', 'one with') };
  if (isBitTable(table) || type === 'bool' || type === 'bit') {
    if (typeof value !== 'boolean' && value !== 0 && value !== 1)
      return { refused: expected(metric, 'true or false', value) };
    if (type === 'bit') return inBits(field, BigInt(value), 1);
    return { words: words(Buffer.from([0, Number(value)]), isBitTable(table) ? undefined : field), mask: undefined };
  }
  switch (type) {
    case 'enum': {
      const code = Object.entries(field.names).find(([code, name]) => name === value || code === String(value))?.[0];
      return code === undefined
        ? { refused: expected(metric, `one of ${Object.values(field.names).join(', ')}`, value) }
        : inBits(field, BigInt(code), field.width);
    }
    case 'bits': {
      const raw = rawOf(field, value);
      return typeof raw === 'bigint' ? inBits(field, raw, field.width) : raw;
    }
    case 'string': {
      const text = typeof value === 'string' ? Buffer.from(value) : undefined;
      if (text === undefined || text.length > span * 2)
        return { refused: expected(metric, `a text of at most ${span * 2} bytes`, value) };
      return { words: words(Buffer.concat([text, Buffer.alloc(span * 2 - text.length)]), field), mask: undefined };
    }
    case 'float32':
    case 'float64':
      return floatOf(field, value);
    case 'bcd':
    case 'int16':
    case 'uint16':
    case 'int32':
    case 'uint32':
    case 'int64':
    case 'uint64': {
      const raw = rawOf(field, value);
      if (typeof raw !== 'bigint') return raw;
      const [low, high] = ranges[type] ?? [0n, 10n ** BigInt(span * 4) - 1n];
      if (raw < low || raw > high)
        return { refused: expected(metric, `${low} to ${high} in its registers`, raw.toString()) };
      const bits = type === 'bcd' ? BigInt(`0x${raw}`) : raw;
      return { words: words(bytesOf(bits, span), field), mask: undefined };
    }
    default:
      return { refused: expected(metric, 'a type that can be written', type) };
  }
}

/** The number in the register: without offset and scale, rounded; refused outside of the limits of the map. */
function rawOf(field: Field, value: unknown): bigint | Refused {
  const { metric, scale, offset, type } = field;
  const exact = scale === 1 && offset === 0;
  if (exact && typeof value === 'string' && /^-?\d{1,20}$/.test(value)) {
    const raw = BigInt(value);
    return outOfLimits(field, raw) ?? raw;
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) return { refused: expected(metric, 'a number', value) };
  const raw = exact ? value : (value - offset) / scale;
  if (exact && !Number.isInteger(raw)) return { refused: expected(metric, `a whole number for ${type}`, value) };
  if (Math.abs(raw) > 2 ** 64) return { refused: expected(metric, 'a number that fits', value) };
  return outOfLimits(field, value) ?? BigInt(Math.round(raw));
}

function outOfLimits({ metric, min, max, unit }: Field, value: number | bigint): Refused | undefined {
  return value < min || value > max
    ? { refused: expected(metric, `${min} to ${max}${unit === undefined ? '' : ` ${unit}`}`, Number(value)) }
    : undefined;
}

function floatOf(field: Field, value: unknown): Encoded | Refused {
  const { metric, scale, offset, span } = field;
  if (typeof value !== 'number' || !Number.isFinite(value)) return { refused: expected(metric, 'a number', value) };
  const raw = (value - offset) / scale;
  const bytes = Buffer.alloc(span * 2);
  if (span === 2) bytes.writeFloatBE(raw);
  else bytes.writeDoubleBE(raw);
  if (!Number.isFinite(span === 2 ? bytes.readFloatBE() : raw))
    return { refused: expected(metric, `a number that a ${field.type} holds`, value) };
  return outOfLimits(field, value) ?? { words: words(bytes, field), mask: undefined };
}

function inBits(field: Field, raw: bigint, width: number | undefined): Encoded | Refused {
  const { bit, span, metric } = field;
  const room = width ?? span * 16 - bit;
  if (raw < 0n || raw >> BigInt(room) !== 0n)
    return { refused: expected(metric, `0 to ${2n ** BigInt(room) - 1n}`, raw.toString()) };
  const ones = (2n ** BigInt(room) - 1n) << BigInt(bit);
  const whole = room === span * 16;
  const mask = whole ? undefined : numberOf(words(bytesOf(ones, span), field));
  return { words: words(bytesOf(raw << BigInt(bit), span), field), mask };
}

const bytesOf = (value: bigint, span: number): Buffer =>
  Buffer.from(
    BigInt.asUintN(span * 16, value)
      .toString(16)
      .padStart(span * 4, '0'),
    'hex',
  );

/** Words as they go over the line; each order is its own reverse. */
function words(bytes: Buffer, field: Field | undefined): number[] {
  const ordered = field === undefined ? bytes : reorder(bytes, field);
  return Array.from({ length: ordered.length / 2 }, (_, at) => ordered.readUInt16BE(2 * at));
}

export const numberOf = (words: readonly number[]): bigint =>
  words.reduce((all, word) => (all << 16n) | BigInt(word), 0n);

/** The words with the masked bits in place of those that the register has now. */
export function merged({ words, mask }: Encoded, now: readonly number[]): number[] {
  if (mask === undefined) return words;
  const all = (numberOf(now) & ~mask) | numberOf(words);
  return Array.from({ length: words.length }, (_, at) =>
    Number((all >> BigInt(16 * (words.length - 1 - at))) & 0xffffn),
  );
}
