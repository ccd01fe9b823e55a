// Defaults of columns that fail by themselves: whatever the row, the table takes none, so that rows wait for it to be mended.
import { Fault } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';
import { asOfRow, mayBeOfRow } from './fault.ts';
import { insertsOf } from './inserts.ts';

const DEFAULTS = `SELECT "table", quote_ident(a.attname) AS column,
    '(' || coalesce(pg_get_expr(d.adbin, d.adrelid), pg_get_expr(t.typdefaultbin, 0)) || ')::' || format_type(a.atttypid, a.atttypmod) AS value
  FROM jsonb_to_recordset($1::jsonb) AS s ("table" text, filled jsonb)
  JOIN pg_attribute a ON a.attrelid = to_regclass("table") AND NOT a.attisdropped AND a.attgenerated = ''
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum > 0 AND (d.adbin IS NOT NULL OR t.typdefaultbin IS NOT NULL) AND NOT filled ?| ARRAY[a.attname::text, quote_ident(a.attname), '"' || replace(a.attname, '"', '""') || '"']`;
type Default = { table: string; column: string; value: string };

/**
 * Rejects with a Fault of kind outage that names the column, where a column that the statement does not fill gets a value that
 * cannot be made: a function that raises, a division by zero. Within a transaction, in which nothing of it stays.
 */
export async function checkDefaults(query: Query, sql: string): Promise<void> {
  const into = insertsOf(sql);
  if (into.length === 0) return;
  const defaults = await query<Default>(DEFAULTS, [JSON.stringify(into)]);
  if (defaults.length === 0 || (await failureOf(query, defaults)) === undefined) return;
  for (const one of defaults) {
    const failure = await failureOf(query, [one]);
    if (failure === undefined) continue;
    const { message } = asOfRow(failure);
    throw new Fault('FIELDLINE_TABLE', `table ${one.table}: the default of column ${one.column} fails: ${message}`, {
      kind: 'outage',
      cause: failure.cause,
    });
  }
}

/** Rejects where nobody answers. */
async function failureOf(query: Query, defaults: readonly Default[]): Promise<Fault | undefined> {
  await query('SAVEPOINT made');
  let failure: Fault | undefined;
  try {
    await query(`SELECT ${defaults.map(({ value }) => value).join(', ')}`);
  } catch (error) {
    if (!(error instanceof Fault) || (error.kind === 'outage' && !mayBeOfRow(error))) throw error;
    failure = error;
  }
  await query('ROLLBACK TO SAVEPOINT made');
  return failure;
}
