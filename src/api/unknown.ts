// Devices whose adverts no decoder made anything of, with a sample to be pasted into a decoder's dialog. Adverts of the last
// hours alone, and fewer of them than the view unknown_devices takes: it is asked every half minute.
import type { Query } from '../reading/contracts.ts';

export type UnknownDevice = {
  address: string;
  name: string | null;
  adverts: number;
  last_seen: string;
  /** The last advert as JSON text, without scanner and time. */
  sample: string;
};

const HOURS = 24;
/** Messages that are looked at, the newest first. */
const MESSAGES = 10_000;
/** An advert has 1,650 bytes at most, in hex twice as many: what is larger is none, and must not fill an answer. */
const ADVERT_BYTES = 8192;
const ADDRESS_CHARACTERS = 64;

const unknownSql = `
  WITH recent AS (
    SELECT payload, timestamp FROM raw_advertisements
    WHERE is_advert(topic, payload) AND timestamp > now() - interval '${HOURS} hours'
    ORDER BY timestamp DESC LIMIT ${MESSAGES}
  ), heard AS (
    SELECT device_address(advert ->> 'address') AS address, advert, timestamp
    FROM recent CROSS JOIN LATERAL jsonb_path_query(payload, 'lax $[*]') AS advert
    WHERE jsonb_typeof(advert -> 'address') = 'string' AND pg_column_size(advert) <= ${ADVERT_BYTES}
      AND length(advert ->> 'address') BETWEEN 1 AND ${ADDRESS_CHARACTERS}
  )
  SELECT address, count(*)::int AS adverts, max(timestamp) AS last_seen,
    max(advert ->> 'name') AS name,
    (array_agg(advert - '{scanner_id,timestamp,rssi,tx_power}'::text[] ORDER BY timestamp DESC))[1]::text AS sample
  FROM heard WHERE NOT EXISTS (SELECT FROM devices WHERE device_id = address)
  GROUP BY address ORDER BY adverts DESC, last_seen DESC, address LIMIT $1`;

/** Those heard most often first, of those the last heard. */
export async function unknownDevices(query: Query, limit: number): Promise<readonly UnknownDevice[]> {
  const rows = await query<Omit<UnknownDevice, 'last_seen'> & { last_seen: Date }>(unknownSql, [limit]);
  return rows.map(row => ({ ...row, last_seen: row.last_seen.toISOString() }));
}
