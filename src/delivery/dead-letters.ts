// Dead letters in the table: kept, listed, put right, queued to be sent again, resolved or discarded; nothing is ever deleted here.
import { digest } from '../kernel/bytes.ts';
import type { Query } from '../reading/contracts.ts';
import { countAgain, LARGEST_LETTER } from '../reading/letter.ts';
import { protocols } from '../reading/reading.ts';
import { type LetterFilter, letterCondition } from './letter-filter.ts';

/** raw: bytes as received. reading: JSON of a reading that a sink refused. damaged: a line of the file that cannot be read. */
export type LetterKind = 'raw' | 'reading' | 'damaged';
/** open: waits for somebody. queued: about to be sent again. resolved: it has settled. discarded: somebody decided so. */
export type LetterState = 'open' | 'queued' | 'resolved' | 'discarded';

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

/** `stamp` tells this sending from a later one. */
export type Queued = Letter & { digest: string; stamp: string };

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
  /** Of the letter as which it was sent again. */
  entry?: string;
};

// The same letter again (a file that was moved twice) changes nothing; one that was given up anew after it had been dealt
// with is open again.
const KEEP = `INSERT INTO dead_letters AS l
    (source, kind, topic, scanner_id, protocol, device_id, reason, attempts, received_at, created_at, last_at, bytes, digest, metadata)
  SELECT $1, kind, topic, scanner, protocol, device, reason, attempts, received, given_up::timestamptz, given_up::timestamptz,
    bytes, digest, jsonb_build_object('givenUpAt', given_up)
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int4[], $9::timestamptz[],
    $10::text[], $11::bytea[], $12::uuid[])
    AS letter (kind, topic, scanner, protocol, device, reason, attempts, received, given_up, bytes, digest)
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
  const kept = [...new Map(others.map(one => [`${one.digest} ${one.received}`, one])).values()];
  if (kept.length === 0) return;
  await query(KEEP, [
    clean(source),
    kept.map(({ kind }) => kind),
    kept.map(({ topic }) => clean(topic)),
    kept.map(({ scannerId }) => clean(scannerId)),
    kept.map(({ protocol }) => protocols.find(known => known === protocol)),
    kept.map(({ deviceId }) => clean(deviceId)),
    kept.map(({ reason }) => reason),
    kept.map(({ attempts }) => attempts),
    kept.map(({ received }) => received),
    kept.map(({ givenUpAt }) => givenUpAt),
    kept.map(({ bytes }) => bytes),
    kept.map(one => one.digest),
  ]);
}

function keptOf({ reason, attempts, givenUpAt, receivedAt, ...letter }: NewLetter) {
  return {
    ...letter,
    reason: clean(reason),
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

/** PostgreSQL takes no U+0000 and no half a surrogate pair. */
function clean(text: string): string;
function clean(text: string | undefined): string | undefined;
function clean(text: string | undefined): string | undefined {
  return text?.replaceAll('\0', '\uFFFD').toWellFormed().slice(0, 2000);
}

const COLUMNS = `id, kind, state, source, topic, scanner_id, protocol, device_id, reason, attempts, received_at, created_at,
  last_at, decided_by, decided_at, octet_length(bytes) AS size`;
const SIZE = '(octet_length(bytes) + coalesce(octet_length(fixed), 0))';
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
  const condition = letterCondition(filter, 1);
  const rows = await query<{ state: LetterState; count: number }>(
    `SELECT state, count(*) AS count FROM dead_letters WHERE ${condition.sql} GROUP BY state`,
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
      AND (state <> 'queued' OR resent_at IS NULL) RETURNING id`,
    [clean(by), fixed, ...condition.values],
  );
  return rows.map(({ id }) => id);
}

/** Takes open and queued letters off the list; they stay in the table with who decided it and when. Returns their ids. */
export async function discardLetters(query: Query, filter: LetterFilter, by: string): Promise<readonly number[]> {
  const condition = letterCondition(filter, 2);
  const rows = await query<{ id: number }>(
    `UPDATE dead_letters SET state = 'discarded', decided_by = $1, decided_at = now()
    WHERE state IN ('open', 'queued') AND ${condition.sql} RETURNING id`,
    [clean(by), ...condition.values],
  );
  return rows.map(({ id }) => id);
}

/** Bytes of the letters that are sent at once. */
const RESENT_BYTES = 16 << 20;

/** Queued letters, oldest first, one at least and those after it that are not large together, marked with when they leave. */
export async function takeQueued(query: Query, filter: LetterFilter, limit: number): Promise<readonly Queued[]> {
  const condition = letterCondition(filter, 1);
  const rows = await query<Queued>(
    `WITH taken AS (
      SELECT id, ${SIZE} AS size FROM dead_letters WHERE state = 'queued' AND ${condition.sql}
      ORDER BY id LIMIT ${Math.trunc(limit)} FOR UPDATE SKIP LOCKED)
    UPDATE dead_letters SET resent_at = now() WHERE id IN (
      SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY id) - size AS before FROM taken) AS each
      WHERE before < ${RESENT_BYTES})
    RETURNING ${COLUMNS}, bytes, fixed, digest, resent_at::text AS stamp`,
    condition.values,
  );
  return [...rows].sort((a, b) => a.id - b.id);
}

/** It has settled. A letter that a sink refused anew meanwhile is open again and stays so. */
export async function resolveLetter(query: Query, id: number, stamp: string): Promise<boolean> {
  const rows = await query(
    "UPDATE dead_letters SET state = 'resolved' WHERE id = $1 AND state = 'queued' AND resent_at = $2::timestamptz RETURNING id",
    [id, stamp],
  );
  return rows.length > 0;
}

/** It failed again: one attempt more, with its reason, and it waits for somebody. */
export async function reopenLetter(query: Query, id: number, stamp: string, reason: string): Promise<void> {
  await query(
    `UPDATE dead_letters SET state = 'open', attempts = attempts + 1, reason = $3, last_at = now(), resent_at = NULL
    WHERE id = $1 AND state = 'queued' AND resent_at = $2::timestamptz`,
    [id, stamp, clean(reason)],
  );
}
