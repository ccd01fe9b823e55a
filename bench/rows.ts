// What the database holds of a range of bench messages: rows, gaps, doubles, and the time from publishing to commit.
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import type { Range } from './message.ts';

/** `lost` counts published numbers without a row, `duplicates` rows beyond the first of a number, `foreign` rows nobody published. */
export type Count = { stored: number; lost: number; duplicates: number; foreign: number; firstLost: readonly number[] };

/** Milliseconds from the message's own time to its commit. */
export type Latency = { p50: number; p99: number; max: number };

export type Rows = {
  count(range: Range): Promise<Count>;
  /** Of the raw messages that raw-archive has kept. */
  archived(range: Range): Promise<Count>;
  /** Resolves with the count soon after nothing is missing (a double may still come), or with what is there after `limitMs`. */
  settled(range: Range, limitMs?: number): Promise<Count>;
  /** Resolves when the database answers and holds at least `count` rows of the prefix; rejects after `limitMs`. */
  atLeast(prefix: string, count: number, limitMs?: number): Promise<void>;
  /** Needs `track_commit_timestamp = on` since before the rows. `since`: only messages whose own time (ms since the epoch) is later. */
  latency(range: Range, since?: number): Promise<Latency>;
  /** Of the messages whose own time is before `before`: the first such time, and the last commit (ms since the epoch). */
  span(range: Range, before?: number): Promise<{ firstTime: number; lastCommit: number }>;
  query<R extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<R[]>;
  close(): Promise<void>;
};

/** Rows that come late, if any, come with the redelivery of what a gateway had not acknowledged. */
const QUIET_MS = 500;

const ARCHIVE = `(SELECT split_part(topic, '/', 3) AS device_id, (payload->>'total_energy_kwh')::float8 AS total_energy_kwh
  FROM raw_advertisements WHERE topic LIKE 'homelab/energy/%') AS archive`;

/** Of `energy_readings`, or of another table with the columns device_id, timestamp and total_energy_kwh. */
export function openRows(url: string, readings = 'energy_readings'): Rows {
  const pool = new pg.Pool({ connectionString: url, max: 2, application_name: 'bench' });
  // Connections of the pool end with a server that is stopped on purpose.
  pool.on('error', () => undefined);

  async function query<R extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<R[]> {
    return (await pool.query<R>(sql, [...values])).rows;
  }

  async function count({ prefix, first, next }: Range, table = readings): Promise<Count> {
    const [found] = await query<{ rows: string; numbers: string; foreign: string }>(
      `SELECT count(*) FILTER (WHERE n >= $2 AND n < $3) AS rows, count(DISTINCT n) FILTER (WHERE n >= $2 AND n < $3) AS numbers,
              count(*) FILTER (WHERE n IS NULL OR n <> floor(n)
                OR device_id <> $1 || '-' || lpad((n::bigint % 100)::text, 3, '0')) AS foreign
       FROM (SELECT device_id, total_energy_kwh AS n FROM ${table} WHERE device_id LIKE $1 || '-%') AS bench`,
      [prefix, first, next],
    );
    const stored = Number(found!.rows);
    const lost = next - first - Number(found!.numbers);
    const missing =
      lost === 0
        ? []
        : await query<{ n: string }>(
            `SELECT n FROM generate_series($2::bigint, $3::bigint - 1) AS n
             EXCEPT SELECT total_energy_kwh::bigint FROM ${table} WHERE device_id LIKE $1 || '-%' ORDER BY n LIMIT 10`,
            [prefix, first, next],
          );
    return {
      stored,
      lost,
      duplicates: stored - Number(found!.numbers),
      foreign: Number(found!.foreign),
      firstLost: missing.map(row => Number(row.n)),
    };
  }

  /** Rows of a prefix, or -1 while the database does not answer or has no such table yet. */
  async function rowsNow(prefix: string): Promise<number> {
    try {
      const [found] = await query<{ n: string }>(
        `SELECT count(*) AS n FROM ${readings} WHERE device_id LIKE $1 || '-%'`,
        [prefix],
      );
      return Number(found!.n);
    } catch {
      return -1;
    }
  }

  return {
    count: range => count(range),
    archived: range => count(range, ARCHIVE),
    query,
    async settled(range, limitMs = 100_000) {
      const isWhole = async () =>
        (await rowsNow(range.prefix)) >= range.next - range.first && (await count(range)).lost === 0;
      const end = performance.now() + limitMs;
      while (performance.now() < end && !(await isWhole())) await wait(100);
      await wait(QUIET_MS);
      return count(range);
    },
    async atLeast(prefix, rows, limitMs = 100_000) {
      const end = performance.now() + limitMs;
      while ((await rowsNow(prefix)) < rows) {
        if (performance.now() > end)
          throw new Error(`${readings}: fewer than ${rows} rows of ${prefix} after ${limitMs} ms`);
        await wait(50);
      }
    },
    async latency({ prefix, first, next }, since = 0) {
      const [found] = await query<{ ms: [number, number, number] }>(
        `SELECT percentile_disc(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (
           ORDER BY 1000 * extract(epoch FROM pg_xact_commit_timestamp(xmin) - timestamp)::float8) AS ms
         FROM ${readings} WHERE device_id LIKE $1 || '-%' AND total_energy_kwh >= $2 AND total_energy_kwh < $3
           AND timestamp >= to_timestamp($4::float8 / 1000)`,
        [prefix, first, next, since],
      );
      const [p50, p99, max] = found!.ms ?? [Number.NaN, Number.NaN, Number.NaN];
      return { p50, p99, max };
    },
    async span({ prefix, first, next }, before = 8e12) {
      const [found] = await query<{ firstTime: number; lastCommit: number }>(
        `SELECT 1000 * extract(epoch FROM min(timestamp))::float8 AS "firstTime",
                1000 * extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))::float8 AS "lastCommit"
         FROM ${readings} WHERE device_id LIKE $1 || '-%' AND total_energy_kwh >= $2 AND total_energy_kwh < $3
           AND timestamp < to_timestamp($4::float8 / 1000)`,
        [prefix, first, next, before],
      );
      return found!;
    },
    async close() {
      await pool.end();
    },
  };
}

/** One line for a table or a failed assertion. */
export function verdict({ lost, duplicates, foreign }: Count): string {
  return `${lost} lost, ${duplicates} duplicate${foreign > 0 ? `, ${foreign} foreign` : ''}`;
}
