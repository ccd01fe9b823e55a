// Dead letters: what the database refused, kept with its bytes and the reason.
import { inspect } from 'node:util';
import { digest } from '../kernel/bytes.ts';
import type { Query } from '../reading/contracts.ts';
import {
  countAgain,
  countReplayed,
  LARGEST_LETTER,
  letterOfReading,
  letterPart,
  letterText,
} from '../reading/letter.ts';
import { entryOf, isReading } from '../reading/reading.ts';
import { isReplayEntry } from '../reading/stages.ts';

/** A row that was refused, as it came to the sink, and why. */
export type Refused = { row: unknown; topic: string | undefined; reason: string };

const sql = `INSERT INTO dead_letters AS l (source, kind, topic, device_id, org_id, reason, bytes, digest)
  SELECT $1, letter.* FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::uuid[])
    AS letter (kind, topic, device_id, org_id, reason, bytes, digest)
  ON CONFLICT (source, digest, received_at) DO UPDATE SET
    attempts = l.attempts + 1, last_at = now(), reason = excluded.reason, state = 'open', resent_at = NULL`;

/**
 * Keeps the letters of one source; the same again counts as a further attempt, and what was sent again as a letter, as it
 * was or as it was put right, stays that letter. So does what a replay brings of which a letter waits. Rejects with a Fault of kind outage.
 */
export async function keepDeadLetters(query: Query, source: string, refused: readonly Refused[]): Promise<void> {
  const again = await countAgain(
    query,
    refused.map(({ row, reason }) => ({ entry: entryOf(row), reason: letterText(reason), attempts: 1 })),
  );
  const others = refused.filter(({ row }) => !again.has(entryOf(row) ?? ''));
  // ON CONFLICT refuses to touch one row twice in a statement.
  const letters = new Map(others.map(letter => letterOf(letter)).map(letter => [letter.digest, letter]));
  const replayed = [...letters.values()].filter(letter => letter.replayed);
  for (const place of await countReplayed(query, replayed)) letters.delete(replayed[place]!.digest);
  for (const rows of portions([...letters.values()])) await keep(query, source, rows);
}

/** Of about one large letter each: PostgreSQL takes no statement above 1 GB. */
function portions(letters: readonly Kept[]): Kept[][] {
  const found: Kept[][] = [];
  let size = Infinity;
  for (const letter of letters) {
    size += letter.bytes.length;
    if (size > LARGEST_LETTER) {
      found.push([]);
      size = letter.bytes.length;
    }
    found.at(-1)!.push(letter);
  }
  return found;
}

async function keep(query: Query, source: string, rows: readonly Kept[]): Promise<void> {
  await query(sql, [
    source,
    rows.map(row => row.kind),
    rows.map(row => row.topic),
    rows.map(row => row.deviceId),
    rows.map(row => row.orgId),
    rows.map(row => row.reason),
    rows.map(row => row.bytes),
    rows.map(row => row.digest),
  ]);
}

type Kept = ReturnType<typeof letterOf>;
function letterOf({ row, topic, reason: why }: Refused) {
  const all = bytesOf(row);
  const { bytes, reason, whole } = letterPart(all, why);
  return {
    kind: whole ? 'reading' : 'damaged',
    topic: letterText(topic),
    deviceId: isReading(row) ? letterText(row.deviceId) : undefined,
    orgId: isReading(row) ? letterText(row.metadata.orgId) : undefined,
    reason: letterText(reason),
    bytes,
    digest: digest(identityOf(row) ?? all),
    attempts: 1,
    replayed: isReplayEntry(entryOf(row)),
  };
}

/** What stays the same of a reading each time its message is read in the same way; scores and the like come to it on the way. */
function identityOf(row: unknown): string | undefined {
  if (!isReading(row) || row.metadata.digest === undefined) return undefined;
  const { deviceId, protocol, timestamp, telemetry, metadata } = row;
  try {
    return JSON.stringify([deviceId, protocol, timestamp, metadata.digest, telemetry]);
  } catch {
    return undefined;
  }
}

/** The reading as JSON, so that it can be sent again as it is. What JSON cannot hold is kept for a reader. */
function bytesOf(row: unknown): Uint8Array {
  try {
    return isReading(row) ? letterOfReading(row) : Buffer.from(JSON.stringify(row) ?? String(row));
  } catch {
    return Buffer.from(inspect(row, { depth: 10 }));
  }
}
