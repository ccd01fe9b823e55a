// Pages of the archive in order of time: raw messages as their sources gave them, each with its place.
import type { Query } from '../reading/contracts.ts';
import type { Raw } from '../reading/raw.ts';
import { protocols } from '../reading/reading.ts';
import type { Cursor } from './replays.ts';
import type { ArchiveRow, RawMetadata } from './row.ts';
import { conditionOf, type Selection } from './selection.ts';

export type Placed = { raw: Raw; place: Cursor };

type Message = {
  received_ms: number;
  scanner_id: string;
  topic: string;
  bytes: Uint8Array;
  metadata: RawMetadata | null;
};
type Row = Message & { id: number; time: string };

/** Rows that others have inserted may hold JSON alone; then its text stands for the bytes. */
const COLUMNS = `id, timestamp::text AS time, (extract(epoch FROM received_at) * 1000)::float8 AS received_ms, scanner_id, topic,
  coalesce(bytes, convert_to(payload::text, 'UTF8'), ''::bytea) AS bytes, metadata`;

/** At most `rows` messages after a place, oldest first; or before it, newest first. */
export async function pageOf(
  query: Query,
  selection: Selection,
  after: Cursor | undefined,
  rows: number,
  order: 'oldest' | 'newest' = 'oldest',
): Promise<readonly Placed[]> {
  const from: unknown[] = after === undefined ? [] : [after.time, after.id];
  const condition = conditionOf(selection, from.length + 1);
  const [beyond, direction] = order === 'oldest' ? ['>', 'ASC'] : ['<', 'DESC'];
  const page = await query<Row>(
    `SELECT ${COLUMNS} FROM raw_advertisements
    WHERE ${after === undefined ? '' : `(timestamp, id) ${beyond} ($1::timestamptz, $2::bigint) AND `}${condition.sql}
    ORDER BY timestamp ${direction}, id ${direction} LIMIT ${rows}`,
    [...from, ...condition.values],
  );
  return page.map(row => ({ raw: rawOf(row), place: { time: row.time, id: row.id } }));
}

/** The same time of receipt and the same bytes give the same rows as when it was live. */
function rawOf({ topic, scanner_id, received_ms, bytes, metadata }: Message): Raw {
  const { protocol, deviceId, signalStrength } = metadata ?? {};
  const link = topic.startsWith('ble/');
  const device = deviceId ?? (link ? topic.split('/')[2] : undefined);
  return {
    topic,
    bytes,
    receivedAt: Math.floor(received_ms),
    source: scanner_id,
    protocol: protocols.find(known => known === protocol) ?? (link ? 'bluetooth' : 'mqtt'),
    ...(typeof device === 'string' ? { deviceId: device } : {}),
    ...(typeof signalStrength === 'number' ? { signalStrength } : {}),
  };
}

/** The message of a row that is not in the table. */
export function rawOfRow({ topic, scannerId, receivedAt, bytes, metadata }: ArchiveRow): Raw {
  const said = metadata === null ? null : (JSON.parse(metadata) as RawMetadata);
  return rawOf({ topic, scanner_id: scannerId, received_ms: receivedAt, bytes, metadata: said });
}
