// Ingest of the gateway: the first key of a new database, told once, and the key with which its own flows post to it.
import { randomBytes } from 'node:crypto';
import type { Key } from '../src/api/key-ring.ts';
import { firstKey } from '../src/api/keys.ts';
import { openStore } from '../src/store/store.ts';

/** What nodes get as `ownIngest`: where this gateway listens, and a key that only this process knows, for as long as it lives. */
export type OwnIngest = { url: string; key: { text: string; key: Key } };

export function ownIngest(url: string): OwnIngest {
  const key: Key = { id: 0, name: 'this gateway', kind: 'app', orgId: undefined, perMinute: undefined, partial: false };
  return { url, key: { text: randomBytes(32).toString('base64url'), key } };
}

/** A start is not held up for a key. */
const PATIENCE_MS = 3000;

/** The text of the first key where the database has never had one. Rejects with a Fault. */
export async function firstKeyOf(databaseUrl: string): Promise<string | undefined> {
  const store = openStore({ url: databaseUrl, connections: 1, statementTimeoutMs: PATIENCE_MS });
  try {
    return (await firstKey(store.query))?.key;
  } finally {
    await store.close();
  }
}
