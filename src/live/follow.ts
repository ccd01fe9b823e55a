// What a hub has of the database: the newest rows for snapshots when it starts, then the rows of other writers as they come.
import { setTimeout as wait } from 'node:timers/promises';
import { backoff } from '../kernel/backoff.ts';
import { reasonOf } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';
import { type Cursor, type Feed, openFeed } from './feed.ts';
import type { Hub } from './hub.ts';
import { latestRowsOf } from './prime.ts';

export type Following = {
  /** Resolves when snapshots show what the database knows, or after some seconds without it. Never rejects. */
  readonly ready: Promise<void>;
  readonly cursor: Cursor | undefined;
  close(): Promise<void>;
};

export type FollowOptions = {
  query: Query;
  /** Resolves when the tables are there. */
  migrated: Promise<unknown>;
  listen(channel: string, wake: () => void): () => void;
  /** Where an earlier following ended; what has come since then is told first. */
  cursor: Cursor | undefined;
  log(level: 'warn', text: string): void;
  /** How long clients wait for the database. */
  readyLimitMs?: number;
};

const CHANNEL = 'fieldline_live';

export function followDatabase(hub: Hub, options: FollowOptions): Following {
  const { query, migrated, listen, cursor, log, readyLimitMs = 5000 } = options;
  let feed: Feed | undefined;
  let closed = false;
  let late = false;

  async function start(): Promise<void> {
    await migrated;
    if (closed) return;
    // Before the snapshot is read, so that nothing falls between them.
    feed = openFeed({
      ...{ query, cursor, log },
      listen: wake => listen(CHANNEL, wake),
      onRows: rows => hub.publishRows(rows),
      onLost: () => hub.breakOff(),
    });
    await prime();
    await feed.begun;
    // Clients are in already, and what others wrote before the first look was told to none of them.
    if (late && cursor === undefined && !closed) hub.breakOff();
  }

  /** The database may have gone away again since its tables were found. */
  async function prime(): Promise<void> {
    const waits = backoff(200, 10_000);
    while (!closed)
      try {
        const rows = await latestRowsOf(query);
        if (!closed) hub.prime(rows);
        return;
      } catch (error) {
        if (waits.attempts === 0 && !closed) log('warn', `snapshots begin empty: ${reasonOf(error)}; trying again`);
        await wait(waits.next(), undefined, { ref: false });
      }
  }

  const started = start().catch((error: unknown) => {
    if (!closed) log('warn', `snapshots begin empty: ${reasonOf(error)}`);
  });
  return {
    ready: Promise.race([
      started,
      wait(readyLimitMs, undefined, { ref: false }).then(() => {
        late = true;
      }),
    ]),
    get cursor() {
      return feed?.cursor ?? cursor;
    },
    async close() {
      closed = true;
      await feed?.close();
    },
  };
}
