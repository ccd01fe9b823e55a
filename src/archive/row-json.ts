// Archive rows as JSON and back, for an outbox: the bytes as base64.
import type { ArchiveRow } from './row.ts';

export const archiveRowCodec = {
  toJson: ({ bytes, ...row }: ArchiveRow): unknown => ({
    ...row,
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64'),
  }),
  fromJson(value: unknown): ArchiveRow {
    const { bytes, ...row } = value as Omit<ArchiveRow, 'bytes'> & { bytes: string };
    return { ...row, bytes: Buffer.from(bytes, 'base64') };
  },
};
