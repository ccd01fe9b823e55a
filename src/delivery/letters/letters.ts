// Dead letters in the table: kept, listed, put right, queued to be sent again, resolved or discarded; nothing is ever deleted here.
import { digest } from '../../kernel/bytes.ts';
import type { Query } from '../../reading/contracts.ts';
import { countAgain, countReplayed, LARGEST_LETTER, letterText } from '../../reading/letter.ts';
import { protocols } from '../../reading/reading.ts';
import { isReplayEntry } from '../../reading/stages.ts';
import { type LetterFilter, type LetterState, letterCondition } from './filter.ts';

/** raw: bytes as received. reading: JSON of a reading that a sink refused. damaged: a line of the file that cannot be read. */
export type LetterKind = 'raw' | 'reading' | 'damaged';

export type Letter = {
  id: number;
  kind: LetterKind;
  state: LetterState;
  /** Node that gave it up. */
  source: string;
  topic: string | null;
  scanner_id: string | null;
  protocol: string | null;
  device_id: string | null;
  reason: string;
  attempts: number;
  received_at: Date | null;
  created_at: Date;
  last_at: Date;
  decided_by: string | null;
  decided_at: Date | null;
  bytes: Uint8Array;
  /** How many bytes it has: of a list only the first of them are there. */
  size: number;
  /** Sent instead of the bytes. */
  fixed: Uint8Array | null;
};

/** A message to be kept. Times are milliseconds since the epoch. */
export type NewLetter = {
  kind: LetterKind;
  topic?: string;
  scannerId?: string;
  protocol?: string;
  deviceId?: string;
  reason: string;
  attempts: number;
  receivedAt?: number;
  givenUpAt: number;
  bytes: Uint8Array;
  /** Of the letter as which it was sent again, or that of a replay. */
  entry?: string;
  /** Name of the outgoing link that gave it up; a source has none. */
  link?: string;
};

// The same letter again (a file that was moved twice) changes nothing; one that was given up anew after it had been dealt
// with is open again.
const KEEP = `INSERT INTO dead_letters AS l
    (source, kind, topic, scanner_id, protocol, device_id, reason, attempts, received_at, created_at, last_at, bytes, digest, metadata)
  SELECT $1, kind, topic, scanner, protocol, device, reason, attempts, received, given_up::timestamptz, given_up::timestamptz,
    bytes, digest, jsonb_strip_nulls(jsonb_build_object('givenUpAt', given_up, 'link', link))
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int4[], $9::timestamptz[],
    $10::text[], $11::bytea[], $12::uuid[], $13::text[])
    AS letter (kind, topic, scanner, protocol, device, reason, attempts, received, given_up, bytes, digest, link)
  ON CONFLICT (source, digest, received_at) DO UPDATE SET
    attempts = l.attempts + excluded.attempts, reason = excluded.reason, last_at = excluded.last_at,
    state = 'open', resent_at = NULL, metadata = coalesce(l.metadata, '{}') || excluded.metadata
  WHERE l.metadata ->> 'givenUpAt' IS DISTINCT FROM excluded.metadata ->> 'givenUpAt'`;

/** In the table when it resolves. Rejects with a Fault of kind outage. */
export async function keepLetters(query: Query, source: string, letters: readonly NewLetter[]): Promise<void> {
  const all = letters.map(keptOf);
  const again = await countAgain(query, all);
  const others = all.filter(({ entry }) => entry === undefined || !again.has(entry));
  // ON CONFLICT refuses to touch one row twice in a statement; the last of a kind counts.
  const each = [...new Map(others.map(one => [`${one.digest} ${one.received}`, one])).values()];
  const replayed = each.filter(({ entry }) => isReplayEntry(entry));
  const counted = new Set([...(await countReplayed(query, replayed))].map(place => replayed[place]));
  const kept = each.filter(one => !counted.has(one));
  if (kept.length === 0) return;
  await query(KEEP, [
    letterText(source),
    kept.map(({ kind }) => kind),
    kept.map(({ topic }) => letterText(topic)),
    kept.map(({ scannerId }) => letterText(scannerId)),
    kept.map(({ protocol }) => protocols.find(known => known === protocol)),
    kept.map(({ deviceId }) => letterText(deviceId)),
    kept.map(({ reason }) => reason),
    kept.map(({ attempts }) => attempts),
    kept.map(({ received }) => received),
    kept.map(({ givenUpAt }) => givenUpAt),
    kept.map(({ bytes }) => bytes),
    kept.map(one => one.digest),
    kept.map(({ link }) => letterText(link)),
  ]);
}

function keptOf({ reason, attempts, givenUpAt, receivedAt, ...letter }: NewLetter) {
  return {
    ...letter,
    reason: letterText(reason),
    attempts: attempts > 0 && attempts < 1e9 ? Math.ceil(attempts) : 1,
    received: isoOf(receivedAt),
    givenUpAt: isoOf(givenUpAt) ?? new Date().toISOString(),
    digest: digest(letter.bytes),
  };
}

const LATEST = Date.UTC(9999, 0, 1);
function isoOf(ms: number | undefined): string | undefined {
  return ms !== undefined && ms >= 0 && ms < LATEST ? new Date(ms).toISOString() : undefined;
}

export const COLUMNS = `id, kind, state, source, topic, scanner_id, protocol, device_id, reason, attempts, received_at, created_at,
  last_at, decided_by, decided_at, octet_length(bytes) AS size`;
/** Bytes of a letter. */
export const SIZE = '(octet_length(bytes) + coalesce(octet_length(fixed), 0))';
const MOST_LISTED = 1000;
/** Of each letter that is not shown whole. */
export const LISTED_BYTES = 4096;

/** Newest first, at most `limit` of them; the first of them whole as long as they are of `wholeBytes` together. */
export async function listLetters(
  query: Query,
  filter: LetterFilter,
  limit = 100,
  wholeBytes = 0,
): Promise<readonly Letter[]> {
  const condition = letterCondition(filter, 1);
  return query<Letter>(
    `SELECT ${COLUMNS}, substring(bytes FOR most) AS bytes, substring(fixed FOR most) AS fixed FROM (
      SELECT *, CASE WHEN sum(${SIZE}) OVER (ORDER BY last_at DESC, id DESC) <= ${wholeBytes}
        THEN ${LARGEST_LETTER * 8} ELSE ${LISTED_BYTES} END AS most
      FROM (SELECT * FROM dead_letters WHERE ${condition.sql}
        ORDER BY last_at DESC, id DESC LIMIT ${Math.max(1, Math.min(MOST_LISTED, Math.trunc(limit)))}) AS newest) AS letter
    ORDER BY last_at DESC, id DESC`,
    condition.values,
  );
}

export type LetterCounts = Record<LetterState, number>;

export async function countLetters(query: Query, filter: LetterFilter = {}): Promise<LetterCounts> {
  return counted(query, filter, 'true');
}

/** Of those that wait alone: an index knows them, however many letters there ever were. */
export async function countWaiting(query: Query, filter: LetterFilter): Promise<Pick<LetterCounts, 'open' | 'queued'>> {
  return counted(query, filter, "state IN ('open', 'queued')");
}

async function counted(query: Query, filter: LetterFilter, which: string): Promise<LetterCounts> {
  const condition = letterCondition(filter, 1);
  const rows = await query<{ state: LetterState; count: number }>(
    `SELECT state, count(*) AS count FROM dead_letters WHERE ${which} AND ${condition.sql} GROUP BY state`,
    condition.values,
  );
  const counts: LetterCounts = { open: 0, queued: 0, resolved: 0, discarded: 0 };
  for (const { state, count } of rows) counts[state] = count;
  return counts;
}

/**
 * Queues letters: the running gateway sends them again. With `fixed` those bytes go instead; the original stays. A line
 * of the file that could not be read is sent only when it was put right, and what is on its way is left alone: of two
 * versions one would be too many. Returns their ids.
 */
export async function queueLetters(
  query: Query,
  filter: LetterFilter,
  by: string,
  fixed?: Uint8Array,
): Promise<readonly number[]> {
  const condition = letterCondition(filter, 3);
  const rows = await query<{ id: number }>(
    `UPDATE dead_letters SET state = 'queued', resent_at = NULL, decided_by = $1, decided_at = now(),
      fixed = coalesce($2::bytea, fixed)
    WHERE ${condition.sql} AND (kind <> 'damaged' OR $2::bytea IS NOT NULL OR fixed IS NOT NULL)
      AND (state <> 'queued' OR coalesce(claimed_until < now(), true)) RETURNING id`,
    [letterText(by), fixed, ...condition.values],
  );
  return rows.map(({ id }) => id);
}

/** Takes open and queued letters off the list; they stay in the table with who decided it and when. Returns their ids. */
export async function discardLetters(query: Query, filter: LetterFilter, by: string): Promise<readonly number[]> {
  const condition = letterCondition(filter, 2);
  const rows = await query<{ id: number }>(
    `UPDATE dead_letters SET state = 'discarded', decided_by = $1, decided_at = now()
    WHERE state IN ('open', 'queued') AND ${condition.sql} RETURNING id`,
    [letterText(by), ...condition.values],
  );
  return rows.map(({ id }) => id);
}
