// Inspections (A10): made and changed by apps. A trigger of the table tells live clients, whoever writes.
import type { Query } from '../reading/contracts.ts';
import { isoSql } from './times.ts';

export type Inspection = {
  id: string;
  inspector_id: string | null;
  session_id: string | null;
  status: string;
  data: unknown;
  created_at: string;
  updated_at: string;
  org_id: string | null;
  metadata: unknown;
};
/** What a client may say of one. */
export type InspectionFields = Readonly<Record<string, unknown>>;

export const inspectionColumns = `id, inspector_id, session_id, status, data, ${isoSql('created_at')} AS created_at,
  ${isoSql('updated_at')} AS updated_at, org_id, metadata`;

const insertSql = `INSERT INTO inspections (id, inspector_id, session_id, status, data, metadata, org_id)
  SELECT coalesce(id, gen_random_uuid()), inspector_id, session_id, coalesce(status, 'open'), coalesce(data, '{}'), metadata, org_id
  FROM jsonb_to_recordset($1::jsonb)
    AS given (id uuid, inspector_id text, session_id text, status text, data jsonb, metadata jsonb, org_id text)
  RETURNING id`;

/** All or none. Rejects with a Fault of kind data where the database refuses one (an id that is taken). */
export async function insertInspections(query: Query, rows: readonly InspectionFields[]): Promise<readonly string[]> {
  const made = await query<{ id: string }>(insertSql, [JSON.stringify(rows)]);
  return made.map(({ id }) => id);
}

const CHANGEABLE = ['inspector_id', 'session_id', 'status'] as const;

/** Changes the rows that `condition` (with its `values`) names and gives their ids. */
export async function changeInspections(
  query: Query,
  change: InspectionFields,
  condition: string,
  values: readonly unknown[],
): Promise<readonly string[]> {
  const given = `$${values.length + 1}::jsonb`;
  const sets = [
    ...CHANGEABLE.filter(name => Object.hasOwn(change, name)).map(name => `${name} = ${given} ->> '${name}'`),
    ...['data', 'metadata'].filter(name => Object.hasOwn(change, name)).map(name => `${name} = ${given} -> '${name}'`),
    'updated_at = now()',
  ];
  const changed = await query<{ id: string }>(
    `UPDATE inspections SET ${sets.join(', ')} WHERE ${condition} AND ${given} IS NOT NULL RETURNING id`,
    [...values, JSON.stringify(change)],
  );
  return changed.map(({ id }) => id);
}
