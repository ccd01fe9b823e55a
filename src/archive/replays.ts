// Replays as rows: asked for, claimed by whoever runs them, carried on from their cursor after a crash, ended.
import type { Query } from '../reading/contracts.ts';
import { conditionOf, type Selection } from './selection.ts';

export type ReplayState = 'running' | 'stopped' | 'done' | 'failed';

/** Place in the archive: everything up to it has settled. `time` is PostgreSQL's text of it, to the microsecond. */
export type Cursor = { time: string; id: number };

export type Replay = {
  id: number;
  state: ReplayState;
  selection: Selection;
  cursor: Cursor | undefined;
  settled: number;
  failed: number;
  /** Undefined until it is counted. */
  total: number | undefined;
  askedBy: string;
  reason: string | undefined;
};

/** What a running replay has to say of itself. */
export type Progress = Pick<Replay, 'cursor' | 'settled' | 'failed'>;

/** A claim lasts this long; who runs a replay renews it well before. */
export const LEASE_SECONDS = 5;

type Row = {
  id: number;
  state: ReplayState;
  selection: Selection;
  cursor_time: string | null;
  cursor_id: number | null;
  settled: number;
  failed: number;
  total: number | null;
  asked_by: string;
  reason: string | null;
};

const COLUMNS =
  'id, state, selection, cursor_time::text AS cursor_time, cursor_id, settled, failed, total, asked_by, reason';

function replayOf(row: Row): Replay {
  return {
    id: row.id,
    state: row.state,
    selection: row.selection,
    cursor: row.cursor_time === null ? undefined : { time: row.cursor_time, id: row.cursor_id ?? 0 },
    settled: row.settled,
    failed: row.failed,
    total: row.total ?? undefined,
    askedBy: row.asked_by,
    reason: row.reason ?? undefined,
  };
}

/** Clocks of gateways and devices may be ahead of the database's: what they sent is archived as later than now. */
const ARCHIVE_END = `(SELECT greatest(now(), max(timestamp) + interval '1 microsecond') FROM raw_advertisements
  WHERE timestamp >= now() AND timestamp < now() + interval '1 day')`;

export type Wish = {
  selection: Selection;
  askedBy: string;
  /** Left out: whichever replay node comes first. */
  owner?: string | undefined;
  /** How the selection was put, such as `24h`: by them it is found again while it is not over. */
  words?: unknown;
};

/** `already`: it was asked for before, for the same owner, and is not over. `beside`: one that somebody else runs or waits for. */
export type Asked = { replay: Replay; already: boolean; beside: Replay | undefined };

/**
 * Asks for a replay. Without `to` it ends where the archive ends now: what comes later is decoded anyway. Whoever asks
 * for the same while that is not over gets the same, however close together they ask.
 */
export async function askForReplay(
  query: Query,
  { selection, askedBy, owner, words = selection }: Wish,
): Promise<Asked> {
  const before = await unfinishedReplays(query, words);
  const own = before.find(one => one.owner === owner);
  const beside = before.find(one => one.owner !== owner);
  if (own !== undefined) return { replay: own, already: true, beside };
  // Numbers are given out in the order of the commits, behind a lock, and nobody takes it up yet: so of several at once all
  // see the first one.
  const [asked] = await query<{ id: number }>(
    `INSERT INTO replays (selection, asked_by, owner, metadata, claimed_until) SELECT
      CASE WHEN $1::jsonb ? 'to' THEN $1::jsonb
        ELSE $1::jsonb || jsonb_build_object('to', to_char(${ARCHIVE_END} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) END,
      $2, $3, jsonb_build_object('words', $4::jsonb), now() + make_interval(secs => $5)
    FROM (SELECT pg_advisory_xact_lock(hashtext('fieldline replays'))) AS alone RETURNING id`,
    [JSON.stringify(selection), askedBy, owner, JSON.stringify(words), LEASE_SECONDS],
  );
  const id = asked!.id;
  const [first] = await query<Row>(
    `WITH same AS (SELECT r.* FROM replays r JOIN replays mine ON mine.id = $1
        AND r.owner IS NOT DISTINCT FROM mine.owner AND r.metadata -> 'words' = mine.metadata -> 'words'
      WHERE r.state = 'running' OR r.id = $1 ORDER BY r.id LIMIT 1),
    kept AS (UPDATE replays SET claimed_until = NULL WHERE id = $1 AND id = (SELECT id FROM same)),
    gone AS (DELETE FROM replays WHERE id = $1 AND id <> (SELECT id FROM same))
    SELECT ${COLUMNS} FROM same`,
    [id],
  );
  return { replay: replayOf(first!), already: first!.id !== id, beside };
}

/** The oldest replay that is for `owner` and nobody else runs, claimed; or the one of `id`. Undefined when there is none. */
export async function claimReplay(
  query: Query,
  claim: string,
  by: { owner: string } | { id: number },
): Promise<Replay | undefined> {
  const [row] = await query<Row>(
    `UPDATE replays SET claimed_by = $1, claimed_until = now() + make_interval(secs => $2) WHERE id = (
      SELECT id FROM replays
      WHERE state = 'running' AND (claimed_until IS NULL OR claimed_until < now() OR claimed_by = $1)
        AND ${'id' in by ? 'id = $3' : '(owner IS NULL OR owner = $3)'}
      ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING ${COLUMNS}`,
    [claim, LEASE_SECONDS, 'id' in by ? by.id : by.owner],
  );
  return row === undefined ? undefined : replayOf(row);
}

/** Keeps the progress and renews the claim. False when the replay was stopped or somebody else runs it now. */
export async function keepProgress(query: Query, id: number, claim: string, progress: Progress): Promise<boolean> {
  const rows = await query(
    `UPDATE replays SET cursor_time = $3::timestamptz, cursor_id = $4, settled = $5, failed = $6,
      claimed_until = now() + make_interval(secs => $7), updated_at = now()
    WHERE id = $1 AND claimed_by = $2 AND state = 'running' RETURNING id`,
    [id, claim, progress.cursor?.time, progress.cursor?.id, progress.settled, progress.failed, LEASE_SECONDS],
  );
  return rows.length > 0;
}

/** Ends a replay that this claim runs, with a reason where it failed. */
export async function endReplay(
  query: Query,
  id: number,
  claim: string,
  state: 'done' | 'failed',
  reason?: string,
): Promise<void> {
  await query(
    `UPDATE replays SET state = $3, reason = $4, finished_at = now(), updated_at = now(), claimed_until = NULL
    WHERE id = $1 AND claimed_by = $2 AND state = 'running'`,
    [id, claim, state, reason],
  );
}

/** Lets somebody else carry on at once. */
export async function releaseReplay(query: Query, id: number, claim: string): Promise<void> {
  await query('UPDATE replays SET claimed_until = NULL WHERE id = $1 AND claimed_by = $2', [id, claim]);
}

/** Stops replays for good: of an owner, or the one of `id`. Returns how many. */
export async function stopReplays(query: Query, by: { owner: string } | { id: number }): Promise<number> {
  const stopped = await query(
    `UPDATE replays SET state = 'stopped', finished_at = now(), updated_at = now()
    WHERE state = 'running' AND ${'id' in by ? 'id = $1' : '(owner IS NULL OR owner = $1)'} RETURNING id`,
    ['id' in by ? by.id : by.owner],
  );
  return stopped.length;
}

/** Has a replay that was stopped or has failed go on where it was, for this owner. False when there is none such. */
export async function resumeReplay(query: Query, id: number, owner: string): Promise<boolean> {
  const rows = await query(
    `UPDATE replays SET state = 'running', owner = $2, reason = NULL, finished_at = NULL, claimed_until = NULL, updated_at = now()
    WHERE id = $1 AND state IN ('stopped', 'failed') RETURNING id`,
    [id, owner],
  );
  return rows.length > 0;
}

/** Those that were asked for in the same words and are not over, the oldest first: a later one may be about to give way to it. */
async function unfinishedReplays(
  query: Query,
  words: unknown,
): Promise<readonly (Replay & { owner: string | undefined })[]> {
  const rows = await query<Row & { owner: string | null }>(
    `SELECT ${COLUMNS}, owner FROM replays WHERE state = 'running' AND metadata -> 'words' = $1::jsonb ORDER BY id`,
    [JSON.stringify(words)],
  );
  return rows.map(row => ({ ...replayOf(row), owner: row.owner ?? undefined }));
}

/** Of a replay that somebody runs: who, and how many seconds its claim lasts if nobody renews it. */
export async function claimOf(query: Query, id: number): Promise<{ until: string; seconds: number } | undefined> {
  const [row] = await query<{ until: string; seconds: number }>(
    `SELECT claimed_until::text AS until, extract(epoch FROM claimed_until - now())::float8 AS seconds FROM replays
    WHERE id = $1 AND state = 'running' AND claimed_until > now()`,
    [id],
  );
  return row;
}

/** Counts the messages of a replay and keeps the number, for its progress. */
export async function countReplay(query: Query, { id, selection }: Replay): Promise<number> {
  const condition = conditionOf(selection, 1);
  const [row] = await query<{ total: number }>(
    `SELECT count(*) AS total FROM raw_advertisements WHERE ${condition.sql}`,
    condition.values,
  );
  await query('UPDATE replays SET total = $2 WHERE id = $1', [id, row?.total ?? 0]);
  return row?.total ?? 0;
}

/** When a replay last came to its end, whoever ran it; '' before the first. */
export async function lastEnd(query: Query): Promise<string> {
  const [row] = await query<{ at: string }>("SELECT coalesce(max(finished_at)::text, '') AS at FROM replays");
  return row?.at ?? '';
}
