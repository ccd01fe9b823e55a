// Newest rows of all devices: the tables know time by blocks and partitions, not row by row, so that a look back as far as needed beats a sort of all there is.
import type { Query } from '../reading/contracts.ts';

const HOUR_MS = 3_600_000;
const BACK_MS = [HOUR_MS, 24 * HOUR_MS, 30 * 24 * HOUR_MS];

/**
 * `ask` gives rows newest first, those after a time or, for undefined, all; asked again further back until there are
 * `enough`. `until`: no row is later, in ISO 8601.
 */
export async function newest<Row>(
  query: Query,
  ask: (since: string | undefined) => Promise<readonly Row[]>,
  enough: number,
  until?: string,
): Promise<readonly Row[]> {
  const heard = await lastHeard(query);
  if (heard !== undefined)
    for (const back of BACK_MS) {
      const begin = until === undefined ? heard : Math.min(heard, Date.parse(until));
      const rows = await ask(new Date(begin - back).toISOString());
      if (rows.length >= enough) return rows;
    }
  return ask(undefined);
}

/** Whoever writes rows, devices.last_seen follows: never ahead of now. */
async function lastHeard(query: Query): Promise<number | undefined> {
  const sql = `SELECT max(last_seen) AS time FROM devices WHERE last_seen BETWEEN '2000-01-01Z' AND now()`;
  const [row] = await query<{ time: Date | null }>(sql);
  return row?.time?.getTime();
}
