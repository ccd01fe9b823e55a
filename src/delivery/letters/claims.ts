// Claims on queued dead letters: what one sender has taken no other sends, until it has settled, failed, or its claim runs out.
import type { Query } from '../../reading/contracts.ts';
import { letterText } from '../../reading/letter.ts';
import { COLUMNS, type Letter, SIZE } from './letters.ts';
import { type LetterFilter, letterCondition } from './filter.ts';

/** A claim lasts this long; who sends a letter again renews it well before. */
export const LEASE_SECONDS = 5;

/** `stamp` tells this sending from a later one. `link`: name of the outgoing link that gave it up. */
export type Queued = Letter & { digest: string; stamp: string; link: string | null };

/** Bytes of the letters that are sent at once. */
const RESENT_BYTES = 16 << 20;

const LEASE = `now() + interval '${LEASE_SECONDS} s'`;

/**
 * Claims queued letters that nobody else sends: those never sent and the oldest first, one at least and those after it that
 * are not large together, marked with when they leave.
 */
export async function takeQueued(
  query: Query,
  filter: LetterFilter,
  claim: string,
  limit: number,
): Promise<readonly Queued[]> {
  const condition = letterCondition(filter, 2);
  const rows = await query<Queued>(
    `WITH taken AS (
      SELECT id, resent_at, ${SIZE} AS size FROM dead_letters
      WHERE state = 'queued' AND (claimed_by = $1 OR coalesce(claimed_until < now(), true)) AND ${condition.sql}
      ORDER BY resent_at NULLS FIRST, id LIMIT ${Math.trunc(limit)} FOR UPDATE SKIP LOCKED)
    UPDATE dead_letters SET resent_at = now(), claimed_by = $1, claimed_until = ${LEASE} WHERE id IN (
      SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY resent_at NULLS FIRST, id) - size AS before FROM taken) AS each
      WHERE before < ${RESENT_BYTES})
    RETURNING ${COLUMNS}, bytes, fixed, digest, resent_at::text AS stamp, metadata ->> 'link' AS link`,
    [claim, ...condition.values],
  );
  return [...rows].sort((a, b) => a.id - b.id);
}

/** Keeps letters that have not settled from being sent by somebody else. */
export async function keepClaim(query: Query, claim: string, ids: readonly number[]): Promise<void> {
  await query(`UPDATE dead_letters SET claimed_until = ${LEASE} WHERE id = ANY ($1) AND claimed_by = $2`, [ids, claim]);
}

/** It met an outage: it may be put right, discarded or sent by anybody. */
export async function releaseLetter(query: Query, id: number, claim: string): Promise<void> {
  await query('UPDATE dead_letters SET claimed_until = NULL WHERE id = $1 AND claimed_by = $2', [id, claim]);
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
    [id, stamp, letterText(reason)],
  );
}
