// API keys: made, listed, rotated and revoked. The table holds their hashes only; the key itself is told once.
import { hash, randomBytes } from 'node:crypto';
import { expected, Fault } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';

/** A gateway posts batches now and then, an app whenever somebody measures: the class decides about the rate limit (X8). */
export const keyKinds = ['gateway', 'app'] as const;
export type KeyKind = (typeof keyKinds)[number];

/** A key as it is listed. Times are ISO 8601. */
export type KeyLine = {
  id: number;
  name: string;
  kind: KeyKind;
  /** Its first characters. */
  hint: string;
  state: 'in use' | 'replaced' | 'expired' | 'revoked';
  org_id: string | null;
  limit_per_minute: number | null;
  partial: boolean;
  created_at: string;
  last_used_at: string | null;
  expires_at: string | null;
};
/** The key itself is in no other answer. */
export type NewKey = KeyLine & { key: string };

export type KeyWish = {
  name: string;
  kind?: KeyKind | undefined;
  orgId?: string | undefined;
  limitPerMinute?: number | undefined;
  partial?: boolean | undefined;
  expiresInHours?: number | undefined;
};

const PREFIX = 'flk_';
const HINT_LENGTH = PREFIX.length + 6;

const COLUMNS = `id, name, kind, coalesce(hint, '') AS hint, org_id, limit_per_minute, partial, created_at, last_used_at, expires_at,
  CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired'
       WHEN replaced_at IS NOT NULL THEN 'replaced' ELSE 'in use' END AS state`;

const EXPIRES = `CASE WHEN $6::float8 IS NULL THEN NULL ELSE now() + $6 * interval '1 hour' END`;

/** SHA-256 in hex. The key is 256 random bits: nothing slower is needed, and every request is spared it. */
export function keyHash(key: string): string {
  return hash('sha256', key, 'hex');
}

/** Might this be a key of ours? */
export function isKeyText(text: string): boolean {
  return text.startsWith(PREFIX) && text.length === PREFIX.length + 43;
}

function randomKey(): string {
  return PREFIX + randomBytes(32).toString('base64url');
}

/** Rejects with a Fault FIELDLINE_SETTING where a key of that name is in use. */
export async function createKey(query: Query, wish: KeyWish): Promise<NewKey> {
  const { name, kind = 'gateway', orgId, limitPerMinute, partial = false, expiresInHours } = wish;
  const key = randomKey();
  const [line] = await query<KeyLine>(
    `INSERT INTO api_keys (name, kind, org_id, limit_per_minute, partial, expires_at, hash, hint)
     VALUES ($1, $2, $3, $4, $5, ${EXPIRES}, $7, $8) ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
    [
      ...[name, kind, orgId ?? null, limitPerMinute ?? null, partial, expiresInHours ?? null],
      ...[keyHash(key), key.slice(0, HINT_LENGTH)],
    ],
  );
  if (line === undefined)
    throw new Fault('FIELDLINE_SETTING', expected('key', 'a name that no key in use has (rotate or revoke it)', name));
  return { ...line, key };
}

/** Newest first. */
export function listKeys(query: Query): Promise<readonly KeyLine[]> {
  return query<KeyLine>(`SELECT ${COLUMNS} FROM api_keys ORDER BY id DESC LIMIT 10000`);
}

/** Which key is meant: by its number that one, by a name all of that name, in the organisation where one is given. */
export type Meant = { who: string; orgId?: string | undefined };

/** The old one goes on for `overlapHours`. Rejects with a Fault FIELDLINE_SETTING where none is in use. */
export async function rotateKey(query: Query, meant: Meant, overlapHours: number): Promise<NewKey> {
  const key = randomKey();
  const [line] = await query<KeyLine>(
    `WITH old AS (
       UPDATE api_keys SET replaced_at = now(), expires_at = least(expires_at, now() + $2 * interval '1 hour')
       WHERE id = ANY ($1) AND revoked_at IS NULL AND replaced_at IS NULL
       RETURNING name, kind, org_id, limit_per_minute, partial, metadata)
     INSERT INTO api_keys (name, kind, org_id, limit_per_minute, partial, metadata, hash, hint)
     SELECT name, kind, org_id, limit_per_minute, partial, metadata, $3, $4 FROM old RETURNING ${COLUMNS}`,
    [await numbersOf(query, meant), overlapHours, keyHash(key), key.slice(0, HINT_LENGTH)],
  );
  if (line === undefined) throw unknownKey(meant);
  return { ...line, key };
}

/** By name also those that a rotation has left. Rejects with a Fault FIELDLINE_SETTING where none is in use. */
export async function revokeKeys(query: Query, meant: Meant): Promise<readonly KeyLine[]> {
  const lines = await query<KeyLine>(
    `UPDATE api_keys SET revoked_at = now() WHERE id = ANY ($1) AND revoked_at IS NULL RETURNING ${COLUMNS}`,
    [await numbersOf(query, meant)],
  );
  if (lines.length === 0) throw unknownKey(meant);
  return lines;
}

/** A name may stand in several organisations, and look like a number: nobody's key must go with another's. */
async function numbersOf(query: Query, { who, orgId }: Meant): Promise<readonly number[]> {
  const found = await query<{ id: number; org: string }>(
    `WITH known AS (SELECT id, name, coalesce(org_id, '') AS org FROM api_keys
       WHERE revoked_at IS NULL AND ($2::text IS NULL OR org_id = $2))
     SELECT id, org FROM known
     WHERE CASE WHEN $1 IN (SELECT id::text FROM known) THEN id::text = $1 ELSE name = $1 END`,
    [who, orgId ?? null],
  );
  const numbers = found.map(({ id }) => id);
  if (new Set(found.map(({ org }) => org)).size > 1)
    throw new Fault(
      'FIELDLINE_SETTING',
      expected('key', `one of the numbers ${numbers.join(', ')}, since several organisations have that name`, who),
    );
  return numbers;
}

/** The first key of a database that has never had one; undefined everywhere else. Two gateways at once make one. */
export async function firstKey(query: Query): Promise<NewKey | undefined> {
  const [{ none } = { none: false }] = await query<{ none: boolean }>(
    'SELECT NOT EXISTS (SELECT FROM api_keys) AS none',
  );
  if (!none) return undefined;
  try {
    return await createKey(query, { name: 'first', kind: 'app' });
  } catch (error) {
    if (error instanceof Fault && error.code === 'FIELDLINE_SETTING') return undefined;
    throw error;
  }
}

function unknownKey({ who }: Meant): Fault {
  return new Fault('FIELDLINE_SETTING', expected('key', 'the name or number of a key in use', who));
}
