// Pages of the archive in order of time: raw messages as their sources gave them, each with its place.
import type { Query } from '../reading/contracts.ts';
import type { Raw } from '../reading/raw.ts';
import { protocols } from '../reading/reading.ts';
import type { Cursor } from './replays.ts';
import type { ArchiveRow, RawMetadata } from './row.ts';
import { conditionOf, type Selection, spanOf } from './selection.ts';

export type Placed = { raw: Raw; place: Cursor };

type Message = {
  received_ms: number;
  scanner_id: string;
  topic: string;
  bytes: Uint8Array;
  org_id: string | null;
  metadata: RawMetadata | null;
};
type Row = Message & { id: number; time: string };

/**
 * Rows that others have inserted may hold JSON alone; then its text stands for the bytes, and the time of the row for that
 * of receipt: what they bring from elsewhere was received there.
 */
const COLUMNS = `id, timestamp::text AS time, scanner_id, topic,
  (extract(epoch FROM CASE WHEN bytes IS NULL THEN timestamp ELSE received_at END) * 1000)::float8 AS received_ms,
  coalesce(bytes, convert_to(payload::text, 'UTF8'), ''::bytea) AS bytes, org_id, metadata`;
/** Rows that are looked at for one page: a device that has hardly any must not have the server read a year at once. */
const LOOKED_AT = 20_000;
/** A page of large messages ends here. */
const PAGE_BYTES = 8 << 20;

export type PagesOptions = {
  query: Query;
  selection: Selection;
  /** Begins behind this place; without it at the oldest or newest message. */
  after?: Cursor | undefined;
  rows?: number | undefined;
  order?: 'oldest' | 'newest';
};

/** Gives the next messages with each call, perhaps none of those that it has looked at; undefined at the end. A call that was rejected may be made again. */
export function archivePages(options: PagesOptions): () => Promise<readonly Placed[] | undefined> {
  const { query, selection, rows = 2000, order = 'oldest' } = options;
  const [beyond, until, direction, back] = order === 'oldest' ? ['>', '<=', 'ASC', 'DESC'] : ['<', '>=', 'DESC', 'ASC'];
  let { after } = options;
  let end: Cursor | undefined;

  /** Of times alone a server leaves out whole partitions, of places it does not. */
  const bounded = (than: string, time: string, id: string): string =>
    `timestamp ${than[0]}= ${time}::timestamptz AND (timestamp, id) ${than} (${time}::timestamptz, ${id}::bigint)`;

  async function endOfNext(): Promise<Cursor | undefined> {
    const from = after === undefined ? [] : [after.time, after.id];
    const span = spanOf(selection, from.length + 1);
    const [last] = await query<Cursor>(
      `SELECT timestamp::text AS time, id FROM (SELECT timestamp, id FROM raw_advertisements
        WHERE ${after === undefined ? '' : `${bounded(beyond, '$1', '$2')} AND `}${span.sql}
        ORDER BY timestamp ${direction}, id ${direction} LIMIT ${LOOKED_AT}) AS looked
      ORDER BY timestamp ${back}, id ${back} LIMIT 1`,
      [...from, ...span.values],
    );
    return last;
  }

  return async () => {
    end ??= await endOfNext();
    if (end === undefined) return undefined;
    const places = [end.time, end.id, ...(after === undefined ? [] : [after.time, after.id])];
    const condition = conditionOf(selection, places.length + 1);
    const found = await query<Row>(
      `SELECT ${COLUMNS} FROM (SELECT *, sum(size) OVER (ORDER BY timestamp ${direction}, id ${direction}
          ROWS UNBOUNDED PRECEDING) - size AS before FROM (
        SELECT *, coalesce(octet_length(bytes), pg_column_size(payload), 0) AS size FROM raw_advertisements
        WHERE ${bounded(until, '$1', '$2')} ${after === undefined ? '' : `AND ${bounded(beyond, '$3', '$4')}`}
          AND ${condition.sql}
        ORDER BY timestamp ${direction}, id ${direction} LIMIT ${rows}) AS page) AS sized
      WHERE before < ${PAGE_BYTES} ORDER BY timestamp ${direction}, id ${direction}`,
      [...places, ...condition.values],
    );
    const last = found.at(-1);
    after = last === undefined ? end : { time: last.time, id: last.id };
    if (last === undefined) end = undefined;
    return found.map(row => ({ raw: rawOf(row), place: { time: row.time, id: row.id } }));
  };
}

/** The same time of receipt and the same bytes give the same rows as when it was live. */
function rawOf({ topic, scanner_id, received_ms, bytes, org_id, metadata }: Message): Raw {
  const { topic: whole, protocol, deviceId, signalStrength } = metadata ?? {};
  const link = topic.startsWith('ble/');
  const device = deviceId ?? (link ? topic.split('/')[2] : undefined);
  return {
    topic: typeof whole === 'string' ? whole : topic,
    bytes,
    receivedAt: Math.floor(received_ms),
    source: scanner_id,
    protocol: protocols.find(known => known === protocol) ?? (link ? 'bluetooth' : 'mqtt'),
    ...(typeof device === 'string' ? { deviceId: device } : {}),
    ...(typeof signalStrength === 'number' ? { signalStrength } : {}),
    ...(org_id === null ? {} : { orgId: org_id }),
  };
}

/** The message of a row that is not in the table. */
export function rawOfRow({ topic, scannerId, receivedAt, bytes, orgId, metadata }: ArchiveRow): Raw {
  const said = metadata === null ? null : (JSON.parse(metadata) as RawMetadata);
  return rawOf({ topic, scanner_id: scannerId, received_ms: receivedAt, bytes, org_id: orgId ?? null, metadata: said });
}
