// Dead letters: how much of a message one keeps, and how what is sent again and refused is known as the letter that it is.
import { digest } from '../kernel/bytes.ts';
import type { Query } from './contracts.ts';
import type { Reading } from './reading.ts';

/** Bytes. It is shown and sent in hex, twice as long, and a JavaScript string holds 512 MB at most. */
export const LARGEST_LETTER = 128 << 20;
const PART_BYTES = 1 << 20;

/** `whole` is false where only the begin is kept; the reason says so then. */
export type LetterPart = { bytes: Uint8Array; reason: string; whole: boolean };

export function letterPart(bytes: Uint8Array, reason: string): LetterPart {
  if (bytes.length <= LARGEST_LETTER) return { bytes, reason, whole: true };
  const says = `only the first ${PART_BYTES} of ${bytes.length} bytes are kept (digest of all ${digest(bytes)}): a dead letter holds at most ${LARGEST_LETTER}`;
  return { bytes: bytes.subarray(0, PART_BYTES), reason: `${says}; ${reason}`, whole: false };
}

/** A text as the table takes it; it may be the very reason for the refusal: PostgreSQL takes no U+0000 and no half a surrogate pair. */
export function letterText(text: string): string;
export function letterText(text: string | undefined): string | undefined;
export function letterText(text: string | undefined): string | undefined {
  return text?.replaceAll('\0', '\uFFFD').slice(0, 2000).toWellFormed();
}

/** JSON of a reading without what belonged to this one delivery: the same reading refused again is the same letter. Throws for what JSON cannot hold. */
export function letterOfReading({
  metadata: { receipt: _receipt, entry: _entry, ...metadata },
  ...reading
}: Reading): Buffer {
  return Buffer.from(JSON.stringify({ ...reading, metadata }));
}

/** Stands for an entry of the ledger while a letter is sent again: it travels with whatever nodes make of the message, also through an outbox. */
export function entryOfLetter({ id, digest }: { id: number; digest: string }): string {
  return `letter/${digest}.${id}`;
}

/** Field of a message that is a letter on its way back to the node that gave it up: the id of that node. It leaves there as it was. */
export const LETTER_OF = 'letterOf';

const ENTRY = /^letter\/([0-9a-f-]{36})\.([1-9]\d{0,14})$/;

/** Something was refused of a message with this entry. `givenUpAt`: ISO time, where it may be told a second time. */
export type Again = { entry?: string | undefined; reason: string; attempts: number; givenUpAt?: string };

// A number alone may be that of another letter, in a database that was changed for another one.
const COUNT = `WITH again AS (
    SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::int4[], $5::text[])
      AS again (id, digest, reason, attempts, given_up)),
  counted AS (UPDATE dead_letters l
    SET attempts = l.attempts + again.attempts, reason = again.reason, state = 'open', resent_at = NULL,
      last_at = coalesce(again.given_up::timestamptz, now()),
      metadata = CASE WHEN given_up IS NULL THEN metadata
        ELSE coalesce(metadata, '{}') || jsonb_build_object('givenUpAt', given_up) END
    FROM again WHERE l.id = again.id AND l.digest = again.digest
      AND (given_up IS NULL OR metadata ->> 'givenUpAt' IS DISTINCT FROM given_up))
  SELECT l.id, l.digest FROM dead_letters l JOIN again USING (id, digest)`;

/**
 * Counts what was refused again with the letter that it was sent as, which waits for somebody from then on. Returns the
 * entries of which there is a letter; the others are letters of their own. Rejects with a Fault of kind outage.
 */
export async function countAgain(query: Query, refused: readonly Again[]): Promise<ReadonlySet<string>> {
  const found = refused.flatMap(again => {
    const [, digest, id] = ENTRY.exec(again.entry ?? '') ?? [];
    return id === undefined ? [] : [{ ...again, digest, id }];
  });
  if (found.length === 0) return new Set();
  const letters = await query<{ id: number; digest: string }>(COUNT, [
    found.map(({ id }) => id),
    found.map(({ digest }) => digest),
    found.map(({ reason }) => reason),
    found.map(({ attempts }) => attempts),
    found.map(({ givenUpAt }) => givenUpAt),
  ]);
  return new Set(letters.map(entryOfLetter));
}

/** Something of the archive was refused by a replay. `received`: ISO time of receipt, of a message that is kept as it came. */
export type Replayed = { digest: string; received?: string | undefined; reason: string; attempts: number };

const COUNT_REPLAYED = `WITH again AS (
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::int4[])
      WITH ORDINALITY AS again (digest, received, reason, attempts, place)),
  waiting AS (SELECT DISTINCT ON (place) l.id, again.* FROM again JOIN dead_letters l
      ON l.digest = again.digest AND l.received_at IS NOT DISTINCT FROM again.received
    WHERE l.state IN ('open', 'queued') ORDER BY place, l.id)
  UPDATE dead_letters l SET attempts = l.attempts + waiting.attempts, reason = waiting.reason, last_at = now()
  FROM waiting WHERE l.id = waiting.id RETURNING place`;

/**
 * Counts what a replay was refused with the letter that waits already, whichever node has kept it: one to be dealt with
 * is enough. Returns the places of those that were found; each stands once in `refused`. Rejects with a Fault of kind outage.
 */
export async function countReplayed(query: Query, refused: readonly Replayed[]): Promise<ReadonlySet<number>> {
  if (refused.length === 0) return new Set();
  const found = await query<{ place: number }>(COUNT_REPLAYED, [
    refused.map(({ digest }) => digest),
    refused.map(({ received }) => received),
    refused.map(({ reason }) => reason),
    refused.map(({ attempts }) => attempts),
  ]);
  return new Set(found.map(({ place }) => place - 1));
}
