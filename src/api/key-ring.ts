// Key ring: the API keys that may be used now, in memory; asked again so often that a revoked key works for half a second at most.
import { boundedMap } from '../kernel/bounded.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Query } from '../reading/contracts.ts';
import { isKeyText, type KeyKind, keyHash } from './keys.ts';

/** `perMinute`: a limit of its own. */
export type Key = {
  id: number;
  name: string;
  kind: KeyKind;
  orgId: string | undefined;
  perMinute: number | undefined;
  partial: boolean;
};

export type KeyRing = {
  /**
   * The key with this text; undefined when there is none. Rejects with a Fault of kind outage before the keys were ever read,
   * and for what may be a key made since, while they cannot be read.
   */
  find(text: string): Promise<Key | undefined>;
  /** Reads the keys; for the start. */
  load(): Promise<void>;
};

type Row = Omit<Key, 'orgId' | 'perMinute'> & {
  hash: string;
  org_id: string | null;
  limit_per_minute: number | null;
  expires_at: Date | null;
};
type Held = Key & { expiresAt: number };

const SQL = `SELECT id, name, kind, hash, org_id, limit_per_minute, partial, expires_at FROM api_keys
  WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) ORDER BY id DESC LIMIT 10000`;
const USED = `UPDATE api_keys SET last_used_at = now() WHERE id = ANY ($1)
  AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`;

/** Older than this, the keys are asked for again before one is trusted. */
const FRESH_MS = 500;
/** A text that is no known key may belong to one just made; a flood of wrong ones must not reach the database. */
const FRESH_FOR_UNKNOWN_MS = 50;
/** A database that does not answer delays nobody longer; while it is away, the keys as last known count. */
const PATIENCE_MS = 250;
const USED_MS = 60_000;

export type RingOptions = {
  /** Keys that are in no table, by text. */
  extra?: ReadonlyMap<string, Key>;
  /** Names the database: a ring begins with what the ring before it knew of the same one. */
  database?: string | undefined;
};

/** By database: a deploy makes a new ring, and may come while the database is away. */
const lastKnown = boundedMap<string, ReadonlyMap<string, Held>>(4);

/** Keys of `api_keys` as they were at most half a second ago, or as last known while the database is away. */
export function keyRing(query: Query, clock: Clock, { extra = new Map(), database }: RingOptions = {}): KeyRing {
  let keys = database === undefined ? undefined : lastKnown.get(database);
  let askedAt = -Infinity;
  /** When it was asked what is known now. */
  let knownAt = -Infinity;
  let running: Promise<void> | undefined;
  let failure: unknown;
  const used = new Set<number>();
  let usedWrittenAt = -Infinity;

  async function read(): Promise<void> {
    const at = clock.steady();
    askedAt = at;
    try {
      const rows = await query<Row>(SQL);
      knownAt = at;
      keys = new Map(rows.map(row => [row.hash, heldOf(row)]));
      if (database !== undefined) lastKnown.set(database, keys);
      failure = undefined;
    } catch (error) {
      failure = error;
    } finally {
      running = undefined;
    }
    void writeUsed();
  }

  /** Only a figure for the list: lost where the database is away. */
  async function writeUsed(): Promise<void> {
    if (used.size === 0 || clock.steady() - usedWrittenAt < USED_MS || failure !== undefined) return;
    usedWrittenAt = clock.steady();
    const ids = [...used];
    used.clear();
    await query(USED, [ids]).catch(() => undefined);
  }

  async function noOlderThan(ms: number): Promise<void> {
    if (clock.steady() - askedAt < ms) {
      // Nobody waits for an answer that did not come in time for the one who asked.
      if (running !== undefined && keys === undefined) await patient(running);
      return;
    }
    running ??= read();
    await patient(running);
  }

  return {
    async load() {
      running ??= read();
      await running;
    },
    async find(text) {
      const given = extra.get(text);
      if (given !== undefined) return given;
      const cameAt = clock.steady();
      await noOlderThan(FRESH_MS);
      const hash = keyHash(text);
      if (keys?.get(hash) === undefined) {
        // One just made, by a rotation say, is worth a moment's wait; anything else is refused at once.
        if (isKeyText(text)) await pause(askedAt + FRESH_FOR_UNKNOWN_MS - clock.steady());
        await noOlderThan(FRESH_FOR_UNKNOWN_MS);
        if (isKeyText(text) && running !== undefined) await patient(running);
      }
      const held = keys?.get(hash);
      const isTooOld = held === undefined && isKeyText(text) && knownAt < cameAt - FRESH_FOR_UNKNOWN_MS;
      if (keys === undefined || isTooOld) throw failure ?? new Error('the keys have not been read yet');
      if (held === undefined || held.expiresAt <= clock.now()) return undefined;
      used.add(held.id);
      return held;
    },
  };
}

/** At least so long: a timer may fire a fraction of a millisecond early. */
async function pause(ms: number): Promise<void> {
  if (ms > 0) await new Promise(resolve => setTimeout(resolve, Math.ceil(ms) + 1));
}

function heldOf(row: Row): Held {
  const { id, name, kind, partial, org_id: orgId, limit_per_minute: perMinute, expires_at: expiresAt } = row;
  return {
    ...{ id, name, kind, partial, orgId: orgId ?? undefined, perMinute: perMinute ?? undefined },
    expiresAt: expiresAt?.getTime() ?? Infinity,
  };
}

function patient(work: Promise<void>): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, PATIENCE_MS);
    work.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
