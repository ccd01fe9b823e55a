// Archive rows as JSON and back, for an outbox: a JSON message as its text, other bytes as base64.
import type { ArchiveRow } from './row.ts';

type Kept = Omit<ArchiveRow, 'bytes'> & { bytes?: string };

export const archiveRowCodec = {
  toJson({ bytes, ...row }: ArchiveRow): unknown {
    // The text of a payload is that of the bytes, but for a byte order mark.
    if (row.payload !== null && Buffer.byteLength(row.payload) === bytes.length) return row;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
    return { ...row, bytes: text } satisfies Kept;
  },
  fromJson(value: unknown): ArchiveRow {
    const { bytes, ...row } = value as Kept;
    return { ...row, bytes: bytes === undefined ? Buffer.from(row.payload ?? '') : Buffer.from(bytes, 'base64') };
  },
};
