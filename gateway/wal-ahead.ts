// The write-ahead log of the embedded database, made ready ahead: while PostgreSQL makes a new piece of it, nobody commits.
import { statfsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';

const PLENTY_BYTES = 20e9;

/** Setting `min_wal_size`, what PostgreSQL keeps to be used again: as much as it lets come to be (`max_wal_size`). On a small disk its own default. */
export function minWalSize(directory: string): string {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize > PLENTY_BYTES ? '1GB' : '80MB';
}

/** Settings of a server that takes thousands of measurements a second, with its data in this folder (docs/adr/0010-wal-made-ahead.md). */
export function steadySettings(directory: string) {
  // What a session has written goes to the disk soon after: a checkpoint that forces all of it at once holds up all commits.
  return { min_wal_size: minWalSize(directory), backend_flush_after: '256kB' };
}

const LOOK_MS = 200;
/** Others who write so much from one look to the next are not to be held up: they make the pieces that they need. */
const BUSY_BYTES = 200_000;

/** How many pieces fewer lie there than `min_wal_size` asks for, and the place at which the log is. */
const LOOK = `
  SELECT (pg_size_bytes(current_setting('min_wal_size')) / pg_size_bytes(current_setting('wal_segment_size')) - count(*))::int AS missing,
    (pg_current_wal_insert_lsn() - '0/0')::float8 AS place
  FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'`;
/** With an empty record, as a piece that nothing was written to is not ended. */
const NEXT_PIECE = `SELECT pg_logical_emit_message(false, 'fieldline', ''), pg_switch_wal()`;

/**
 * Makes pieces while the database has little else to do, until there are as many as `min_wal_size` asks for: twenty seconds
 * at the first start, nothing at the next. A piece that is written for the first time holds up all commits by 50 to 150 ms,
 * at 10,000 measurements a second once a second; one that is used again does not (docs/adr/0010-wal-made-ahead.md).
 * `url`: a superuser's. Rejects where PostgreSQL does, and when `signal` is aborted.
 */
export async function walAhead(url: string, signal?: AbortSignal): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  const look = async (): Promise<{ missing: number; place: number }> =>
    (await client.query<{ missing: number; place: number }>(LOOK)).rows[0]!;
  try {
    let last = await look();
    if (last.missing <= 0) return;
    while (last.missing > 0) {
      await wait(LOOK_MS, undefined, { signal });
      const now = await look();
      if (now.place - last.place < BUSY_BYTES) await client.query(NEXT_PIECE);
      last = await look();
    }
    // The pieces before it are free to be used again.
    await client.query('CHECKPOINT');
  } finally {
    await client.end();
  }
}
