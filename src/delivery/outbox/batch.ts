// A batch as it lies in the outbox: rows as JSON, compressed, with a checksum and its place in the sequence of all rows.
import { promisify } from 'node:util';
import { crc32, deflateRaw, inflateRaw } from 'node:zlib';
import { expected, reasonOf } from '../../kernel/fault.ts';

/** Rows and bytes that went into the outbox before, since it was made: positions that only ever grow. */
export type Position = { row: number; byte: number };
/** What stands beside the blob. `at`: wall clock, ms, for people; `clock`: that of the outbox, ms, for its age. */
export type BatchHead = Position & { rows: number; at: number; clock: number; crc: number; packed: boolean };

/** How one row becomes JSON and back; plain JSON where it is left out. */
export type RowCodec<Row> = { toJson(row: Row): unknown; fromJson(value: unknown): Row };

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);
/** Less does not repay the trouble. */
const PACK_FROM_BYTES = 512;
/** Text of one blob before it is compressed; a single row may exceed it. */
const BLOB_TEXT_BYTES = 1 << 20;
/** Text that is inflated in one go: each further one costs the event loop a turn. */
const CHUNK_BYTES = 1 << 17;
/** A damaged length must not fill the memory. */
const MOST_TEXT_BYTES = 512 << 20;

/** The row as a member of a JSON array, or why it cannot be one. */
function textOf<Row>(row: Row, codec: RowCodec<Row> | undefined): string | { rejected: string } {
  try {
    const text = JSON.stringify(codec === undefined ? row : codec.toJson(row)) as string | undefined;
    return text ?? { rejected: expected('outbox', 'a row that JSON can hold', typeof row) };
  } catch (error) {
    return { rejected: `outbox: expected a row that JSON can hold: ${reasonOf(error)}` };
  }
}

/** Rows in order as the texts of one blob after the other, with their places; `refuse` hears of those that JSON cannot hold. */
export function* blobTexts<Row>(
  rows: readonly Row[],
  codec: RowCodec<Row> | undefined,
  refuse: (place: number, refusal: { rejected: string }) => void,
): Generator<{ texts: readonly string[]; places: readonly number[] }> {
  let texts: string[] = [];
  let places: number[] = [];
  let length = 0;
  for (const [place, row] of rows.entries()) {
    const text = textOf(row, codec);
    if (typeof text !== 'string') {
      refuse(place, text);
      continue;
    }
    if (texts.length > 0 && length + text.length > BLOB_TEXT_BYTES) {
      yield { texts, places };
      texts = [];
      places = [];
      length = 0;
    }
    texts.push(text);
    places.push(place);
    length += text.length;
  }
  if (texts.length > 0) yield { texts, places };
}

export async function pack(texts: readonly string[]): Promise<{ blob: Uint8Array; crc: number; packed: boolean }> {
  const text = Buffer.from(`[${texts.join(',')}]`);
  const packed = text.length >= PACK_FROM_BYTES;
  // The fastest level: readings repeat themselves, so even that makes them several times smaller.
  const blob = packed ? await deflate(text, { level: 1 }) : text;
  return { blob, crc: crc32(blob), packed };
}

/** `textBytes`: size of the text that the rows were made of. */
export type Unpacked<Row> = { rows: Row[]; textBytes: number };

/** Throws an Error when the bytes are not those that were packed. */
export async function unpack<Row>(
  head: BatchHead,
  blob: Uint8Array,
  codec: RowCodec<Row> | undefined,
): Promise<Unpacked<Row>> {
  if (crc32(blob) !== head.crc) throw new Error('the checksum does not match');
  const text = head.packed ? await inflate(blob, { maxOutputLength: MOST_TEXT_BYTES, chunkSize: CHUNK_BYTES }) : blob;
  const values = JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString()) as unknown[];
  if (values.length !== head.rows) throw new Error(expected('batch', `${head.rows} rows`, values.length));
  const rows = codec === undefined ? (values as Row[]) : values.map(codec.fromJson);
  return { rows, textBytes: text.byteLength };
}

/** Where the sequence goes on after a batch. */
export function endOf(head: BatchHead, blob: Uint8Array): Position {
  return { row: head.row + head.rows, byte: head.byte + blob.length };
}

/** With a checksum behind it: a changed byte in such a text is noticed by nobody else. */
export const sealed = (text: string): string => `${text} ${crc32(text)}`;

/** The text as it was sealed, else undefined. What the first versions wrote has no checksum. */
export function unsealed(text: string): string | undefined {
  const at = text.lastIndexOf(' ');
  if (at < 0) return text;
  const bare = text.slice(0, at);
  return Number(text.slice(at + 1)) === crc32(bare) ? bare : undefined;
}

/** The head of an entry's meta text; undefined when it is none. */
export function headOf(meta: string): BatchHead | undefined {
  try {
    const head = JSON.parse(unsealed(meta) ?? '') as BatchHead;
    // Files of the first version told the wall clock alone.
    head.clock ??= head.at;
    const numbers = [head.row, head.byte, head.rows, head.at, head.clock, head.crc];
    return numbers.every(number => Number.isSafeInteger(number) && number >= 0) ? head : undefined;
  } catch {
    return undefined;
  }
}
