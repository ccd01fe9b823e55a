// What live data experiences beside a replay: how long the writes of the gateways to this database take just now.
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Query } from '../reading/contracts.ts';

/** `application_name` of connections whose writes are those of a replay alone. */
export const REPLAY_CONNECTIONS = 'fieldline replay';

/** Statements of others show their text to the same role only; where they do not, no live data is seen. */
const OLDEST = `SELECT (max(extract(epoch FROM clock_timestamp() - query_start)) * 1000)::float8 AS ms
  FROM pg_stat_activity
  WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
    AND application_name <> '${REPLAY_CONNECTIONS}' AND query ~* '^\\s*(with|insert|update|delete|copy|merge|commit)\\M'`;

/** Writes are short: seldom is one met at work. So long after the last one there still is live data. */
const PRESENT_MS = 3000;

/**
 * Each call gives the milliseconds that the oldest write of others has been running, or that the asking itself took where
 * that is more: so crowded are the server and this process. 0 where nobody else has written of late.
 */
export function liveWrites(query: Query, clock: Clock = systemClock): () => Promise<number> {
  let seenAt = -Infinity;
  return async () => {
    const askedAt = clock.steady();
    const [row] = await query<{ ms: number | null }>(OLDEST);
    const now = clock.steady();
    if (row?.ms != null) seenAt = now;
    return now - seenAt > PRESENT_MS ? 0 : Math.max(row?.ms ?? 0, now - askedAt);
  };
}
