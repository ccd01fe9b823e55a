// What live data experiences beside a replay: how long the writes of the gateways to this database take just now.
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Query } from '../reading/contracts.ts';

/** `application_name` of connections whose writes are those of a replay alone. */
export const REPLAY_CONNECTIONS = 'fieldline replay';

/**
 * Writes are short, and between two of them a connection still shows its last one: so long after it there is live data.
 * Statements of others show their text to the same role only; where they do not, no live data is seen.
 */
const WRITES = `SELECT max(extract(epoch FROM clock_timestamp() - query_start) * 1000) FILTER (WHERE state = 'active')::float8 AS ms,
    count(*) > 0 AS present
  FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> '${REPLAY_CONNECTIONS}'
    AND (state = 'active' OR state_change > clock_timestamp() - interval '3 seconds')
    AND query ~* '^\\s*(with|insert|update|delete|copy|merge|commit)\\M'`;

/**
 * Each call gives the milliseconds that the oldest write of others has been running, or that the asking itself took where
 * that is more: so crowded are the server and this process. 0 where nobody else has written of late.
 */
export function liveWrites(query: Query, clock: Clock = systemClock): () => Promise<number> {
  return async () => {
    const askedAt = clock.steady();
    const [row] = await query<{ ms: number | null; present: boolean }>(WRITES);
    return row?.present ? Math.max(row.ms ?? 0, clock.steady() - askedAt) : 0;
  };
}
