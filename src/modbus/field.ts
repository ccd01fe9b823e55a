// One value of a unit with everything resolved: its type, how many registers it takes, and in which order their bytes come.
import type { DateFormat } from './dates.ts';
import type { Table } from './link.ts';

/**
 * Order of the bytes of a 32-bit value as they come over the line: ABCD big-endian, CDAB words swapped, BADC bytes
 * swapped in each word, DCBA little-endian. 64-bit values follow the same four ideas over four words.
 */
export const wordOrders = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
export type WordOrder = (typeof wordOrders)[number];

/** How documents write the same four orders for four words. */
export const longOrders: Readonly<Record<string, WordOrder>> = {
  ABCDEFGH: 'ABCD',
  GHEFCDAB: 'CDAB',
  BADCFEHG: 'BADC',
  HGFEDCBA: 'DCBA',
};

/**
 * Types and the registers that a value takes. Where the map says how many (`length`): the most there may be, and how
 * many there are unless it says so. `int8h` is the upper byte of a register, `int8l` the lower one.
 */
export const fieldTypes = {
  int16: 1,
  uint16: 1,
  int32: 2,
  uint32: 2,
  int64: 4,
  uint64: 4,
  int8h: 1,
  int8l: 1,
  uint8h: 1,
  uint8l: 1,
  float16: 1,
  float32: 2,
  float64: 4,
  bool: 1,
  bit: { most: 4, usual: 1 },
  bits: { most: 4, usual: 1 },
  flags: { most: 4, usual: 1 },
  enum: { most: 2, usual: 1 },
  bcd: { most: 4, usual: undefined },
  string: { most: 125, usual: undefined },
  datetime: { most: 6, usual: undefined },
} as const;
export type FieldType = keyof typeof fieldTypes;

/** Where a value is: what the grouping of requests needs to know. */
export type Place = {
  /** Name in messages. */
  metric: string;
  table: Table;
  /** 0-based address of the protocol. */
  address: number;
  /** Registers, or bits of a bit table, that the value takes. */
  span: number;
};

export type Field = Place & {
  type: FieldType;
  order: WordOrder;
  scale: number;
  offset: number;
  /** Register with the power of ten to multiply by (SunSpec). */
  factor: Place | undefined;
  unit: string | undefined;
  /** Lowest and highest value that can be true, after scale and offset. */
  min: number;
  max: number;
  /** Words (upper-case hex, big-endian, after word order) by which the device says that it has no value. */
  notImplemented: readonly string[];
  /** Lowest bit for bit, bits and enum, 0 the least significant; and how many there are, all from there on where undefined. */
  bit: number;
  width: number | undefined;
  /** Names of the codes of an enum, or of the bits of flags. */
  names: Readonly<Record<string, string>>;
  format: DateFormat | undefined;
  /** Milliseconds between two reads, where it is not the period of the poll. */
  every: number | undefined;
  /** SunSpec: the models that have this point, of which the first one of the device counts; `address` is its offset in the model. */
  models: readonly number[];
  /** Which one, where the device has several of the same model; 1 is the first. */
  occurrence: number;
};
