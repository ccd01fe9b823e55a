// JavaScript arrays as PostgreSQL takes them: in binary where the statement says the element type, else as a literal.
import { binaryArray } from './binary.ts';

const UNSAFE = /["\\]/;

/** Literal of a one-dimensional array of numbers, booleans, texts, bytes and nulls, e.g. `{1,"a\"b",NULL}`. */
export function arrayLiteral(items: readonly unknown[]): string {
  let literal = '{';
  for (let at = 0; at < items.length; at++) {
    if (at > 0) literal += ',';
    literal += element(items[at]);
  }
  return literal + '}';
}

function element(item: unknown): string {
  if (item === null || item === undefined) return 'NULL';
  if (typeof item === 'number' || typeof item === 'boolean') return String(item);
  if (item instanceof Uint8Array)
    return `"\\\\x${Buffer.from(item.buffer, item.byteOffset, item.byteLength).toString('hex')}"`;
  const text = String(item);
  return UNSAFE.test(text) ? `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${text}"`;
}

const CAST = /\$(\d+)::(\w+)\[\]/g;
const typesOf = new Map<string, readonly (string | undefined)[]>();
const KNOWN = 1000;

/** Element types that a statement casts its parameters to, e.g. `$2::text[]`. Texts are few and fixed. */
function elementTypes(sql: string): readonly (string | undefined)[] {
  let types = typesOf.get(sql);
  if (types === undefined) {
    const found: (string | undefined)[] = [];
    for (const [, place, type] of sql.matchAll(CAST)) found[Number(place) - 1] = type;
    types = found;
    if (typesOf.size < KNOWN) typesOf.set(sql, types);
  }
  return types;
}

/** At a longer message PostgreSQL hangs up without a word (a gigabyte, pqformat.h); some of it is needed for more than the values. */
const LONGEST_BYTES = 2 ** 30 - 2 ** 16;

/**
 * Values of a statement with its arrays encoded: a third of the time and less garbage than literals. Throws a RangeError
 * when they are more than a message holds.
 */
export function encoded(sql: string, values: readonly unknown[], longestBytes = LONGEST_BYTES): unknown[] {
  if (!values.some(Array.isArray)) return [...values];
  const types = elementTypes(sql);
  let bytes = 0;
  const sent = values.map((value, place) => {
    if (!Array.isArray(value)) return value;
    const type = types[place];
    const array = (type === undefined ? undefined : binaryArray(type, value)) ?? arrayLiteral(value);
    bytes += Buffer.byteLength(array);
    return array;
  });
  if (bytes > longestBytes) throw new RangeError(`a statement of ${bytes} bytes is longer than PostgreSQL takes`);
  return sent;
}
