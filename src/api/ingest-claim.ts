// Claim: the body that an idempotency key belongs to, kept in the database so that a restart does not forget it.
import type { Query } from '../reading/contracts.ts';

/** False where the key was used with another body before. Rejects with a Fault of kind outage. */
export type Claim = (name: string, bodyDigest: string) => Promise<boolean>;

/** Among the receipts, with which it is forgotten after a week; a sink of readings has a name of its own there. */
const SQL = `INSERT INTO receipts (key, target, metadata)
  VALUES ($1, 'Idempotency-Key', jsonb_build_object('body', $2::text))
  ON CONFLICT (key, target) DO UPDATE SET created_at = excluded.created_at
  RETURNING metadata ->> 'body' AS body`;

/** Keeps the claim in the table of receipts; rejects as the query does. */
export function claimIn(query: Query): Claim {
  return async (name, bodyDigest) => {
    const [claimed] = await query<{ body: string }>(SQL, [name, bodyDigest]);
    return claimed?.body === bodyDigest;
  };
}
