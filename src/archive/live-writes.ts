// What live data experiences beside a replay: how long the writes of the gateways to this database have been running just now.
import type { Query } from '../reading/contracts.ts';

/** `application_name` of connections whose writes are those of a replay alone. */
export const REPLAY_CONNECTIONS = 'fieldline replay';

/** Statements of others show their text to the same role only; where they do not, no live data is seen. */
const OLDEST = `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - query_start)) * 1000, 0)::float8 AS ms
  FROM pg_stat_activity
  WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()
    AND application_name <> '${REPLAY_CONNECTIONS}' AND query ~* '^\\s*(with|insert|update|delete|copy|merge|commit)\\M'`;

/** Milliseconds that the oldest write of others has been running; 0 without one. */
export async function oldestWrite(query: Query): Promise<number> {
  const [row] = await query<{ ms: number }>(OLDEST);
  return row?.ms ?? 0;
}
