// Retention of raw messages: what was received longer ago than wanted goes, whole partitions at once, the rest in small steps.
import { setTimeout as wait } from 'node:timers/promises';
import { Fault } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';
import { codeOf } from '../reading/error-code.ts';

/** Rows of one delete: short enough for no writer to notice. */
const STEP = 5000;
const PAUSE_MS = 50;

export type Forgotten = { rows: number; partitions: number };

/**
 * Removes rows of raw_advertisements that are older than `days`, by their own time and by that of receipt: what came in
 * today with an old time stays. Partitions and hypertable chunks alike are children of the table.
 */
export async function forgetRaw(query: Query, days: number, signal?: AbortSignal): Promise<Forgotten> {
  const [at] = await query<{ cutoff: string }>(`SELECT (now() - $1 * interval '1 day')::text AS cutoff`, [days]);
  const cutoff = at!.cutoff;
  const parts = await query<{ name: string; whole: boolean }>(
    `SELECT inhrelid::regclass::text AS name, coalesce(pg_get_expr(relpartbound, inhrelid), '') <> 'DEFAULT' AS whole
     FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
     WHERE inhparent = 'raw_advertisements'::regclass ORDER BY 1`,
  );
  const gone: Forgotten = { rows: 0, partitions: 0 };
  for (const { name, whole } of parts) {
    if (signal?.aborted) break;
    // An empty one is a month prepared for what is to come.
    const [found] = await query<{ old: boolean; young: boolean }>(
      `SELECT EXISTS (SELECT FROM ${name} WHERE timestamp < $1 AND received_at < $1) AS old,
         EXISTS (${youngOf(name, '$1')}) AS young`,
      [cutoff],
    );
    if (!found?.old) continue;
    if (whole && !found.young && (await dropOld(query, name, cutoff))) gone.partitions++;
    else gone.rows += await deleteOld(query, name, cutoff, signal);
  }
  return gone;
}

const youngOf = (name: string, cutoff: string): string =>
  `SELECT * FROM ${name} WHERE timestamp >= ${cutoff} OR received_at >= ${cutoff}`;

/** Looked at once more while nobody can write to it: a late message that came since would go with it. False where one did. */
async function dropOld(query: Query, name: string, cutoff: string): Promise<boolean> {
  await query(`DO $$ BEGIN
      LOCK TABLE ${name} IN SHARE MODE;
      IF NOT EXISTS (${youngOf(name, `'${cutoff}'`)}) THEN DROP TABLE ${name}; END IF;
    END $$`);
  const [after] = await query<{ dropped: boolean }>('SELECT to_regclass($1) IS NULL AS dropped', [name]);
  return after!.dropped;
}

/** configuration_limit_exceeded: so many rows of a compressed chunk would have to be unpacked for a step. */
const isTooMuch = (error: unknown): boolean => error instanceof Fault && codeOf(error.cause) === '53400';

async function deleteOld(query: Query, name: string, cutoff: string, signal?: AbortSignal): Promise<number> {
  try {
    return await deleteSteps(query, name, cutoff, signal);
  } catch (error) {
    if (!isTooMuch(error)) throw error;
    return replaceWithYoung(query, name, cutoff);
  }
}

/** What is young moves into a new chunk, and the compressed one goes whole: each step would meet the limit again. */
async function replaceWithYoung(query: Query, name: string, cutoff: string): Promise<number> {
  const [old] = await query<{ rows: number }>(
    `SELECT count(*)::int AS rows FROM ${name} WHERE timestamp < $1 AND received_at < $1`,
    [cutoff],
  );
  await query(`DO $$ BEGIN
      LOCK TABLE ${name} IN ACCESS EXCLUSIVE MODE;
      CREATE TEMP TABLE fieldline_young ON COMMIT DROP AS ${youngOf(name, `'${cutoff}'`)};
      DROP TABLE ${name};
      INSERT INTO raw_advertisements SELECT * FROM fieldline_young;
    END $$`);
  return old!.rows;
}

/** By time, not by place: rows of a compressed chunk have none. */
async function deleteSteps(query: Query, table: string, cutoff: string, signal?: AbortSignal): Promise<number> {
  let rows = 0;
  while (!signal?.aborted) {
    const [step] = await query<{ upTo: string | null }>(
      `SELECT max(timestamp)::text AS "upTo" FROM (
         SELECT timestamp FROM ${table} WHERE timestamp < $1 AND received_at < $1 ORDER BY timestamp LIMIT ${STEP}) AS oldest`,
      [cutoff],
    );
    if (step?.upTo == null) break;
    const [gone] = await query<{ rows: number }>(
      `WITH gone AS (DELETE FROM ${table} WHERE timestamp <= $1 AND received_at < $2 RETURNING 1)
       SELECT count(*)::int AS rows FROM gone`,
      [step.upTo, cutoff],
    );
    rows += gone!.rows;
    if (gone!.rows < STEP) break;
    await wait(PAUSE_MS);
  }
  return rows;
}
