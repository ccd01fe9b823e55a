// Defaults of columns that fail by themselves: whatever the row, the table takes none, so that rows wait for it to be mended.
import { Fault } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';
import { BASES } from './bases.ts';
import { asOfRow, mayBeOfRow } from './fault.ts';
import { insertsOf } from './inserts.ts';

/** A domain is asked for also without default: it may refuse to have none. */
const DEFAULTS = `WITH RECURSIVE ${BASES}
  SELECT title AS "table", quote_ident(a.attname) AS column,
    '(' || coalesce(pg_get_expr(d.adbin, d.adrelid), pg_get_expr(t.typdefaultbin, 0), 'NULL') || ')::' || format_type(a.atttypid, a.atttypmod) AS value
  FROM base
  JOIN pg_class c ON c.oid = base.rel
  JOIN pg_attribute a ON a.attrelid = base.rel AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity = ''
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attnum <> ALL (base.filled) AND (d.adbin IS NOT NULL OR (c.relkind <> 'v' AND t.typtype = 'd'))`;
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
    // Its text may speak of what this user has no right to, while its table may use it.
    if (failure?.kind !== 'data') continue;
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
