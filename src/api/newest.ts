// Newest rows of all devices: the tables know time by blocks and partitions, not row by row, so that a look back as far as needed beats a sort of all there is.
import type { Clock } from '../kernel/clock.ts';

const HOUR_MS = 3_600_000;
const BACK_MS = [HOUR_MS, 24 * HOUR_MS, 30 * 24 * HOUR_MS];

/**
 * `ask` gives rows newest first, those after a time or, for undefined, all; asked again further back until there are
 * `enough`. `until`: where the list begins, in ISO 8601; left out: now.
 */
export async function newest<Row>(
  ask: (since: string | undefined) => Promise<readonly Row[]>,
  enough: number,
  clock: Clock,
  until?: string,
): Promise<readonly Row[]> {
  const begin = until === undefined ? clock.now() : Math.min(clock.now(), Date.parse(until));
  for (const back of BACK_MS) {
    const rows = await ask(new Date(begin - back).toISOString());
    if (rows.length >= enough) return rows;
  }
  return ask(undefined);
}
