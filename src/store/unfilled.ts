// Unfilled: constraints that a table breaks by columns which no row fills, such as a default that is NULL. No row is at fault there.
import { Fault } from '../kernel/fault.ts';
import type { Query } from '../reading/contracts.ts';
import { BASES } from './bases.ts';
import { asOfRow } from './fault.ts';
import { insertsOf } from './inserts.ts';

/** By the catalog alone: to_regclass fails for who has no right to the schema, which a writer of the table above does not need. */
const named = (schema: string, name: string): string =>
  `(SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ${schema} AND c.relname = ${name})`;

/**
 * $2 schema, $3 table, $4 column, $5 constraint of what PostgreSQL has refused. That table may be a partition, and the chunk
 * of a hypertable may have come with the statement and be gone with it: $6 is that hypertable. A generated column is as
 * filled as what it is made of. Columns of an index that are expressions, and whole rows, are taken for filled.
 */
const BROKEN = `WITH RECURSIVE ${BASES}, refused AS (SELECT ${named('$2', '$3')} AS rel),
  refusing AS (SELECT rel FROM refused UNION ALL SELECT inhparent FROM pg_inherits JOIN refusing ON inhrelid = rel),
  top AS (SELECT title, base.rel, base.filled, coalesce(refused.rel, base.rel) AS told
    FROM base CROSS JOIN refused WHERE base.rel IN (SELECT rel FROM refusing UNION ALL SELECT $6::oid)),
  stake AS (
    SELECT attnum FROM top JOIN pg_attribute ON attrelid = told AND attname = $4
    UNION ALL
    SELECT unnest(keys) FROM (
      SELECT coalesce(
        (SELECT coalesce(conkey, '{}') FROM pg_constraint WHERE conrelid = told AND conname = $5),
        (SELECT i.indkey::int2[] FROM pg_index i JOIN pg_class x ON x.oid = indexrelid WHERE i.indrelid = told AND x.relname = $5),
        '{0}') AS keys
      FROM top WHERE $4::text IS NULL) of_constraint),
  made AS (
    SELECT s.attnum, coalesce(p.refobjsubid::int2, s.attnum) AS of
    FROM top CROSS JOIN stake s
    LEFT JOIN pg_attribute a ON a.attrelid = told AND a.attnum = s.attnum AND a.attgenerated <> ''
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
      AND p.refobjid = told AND p.refobjsubid NOT IN (0, d.adnum))
  SELECT top.title AS "table",
    ARRAY(SELECT DISTINCT quote_ident(attname) FROM stake JOIN pg_attribute a ON attrelid = told AND a.attnum = stake.attnum) AS columns,
    EXISTS (SELECT FROM pg_trigger WHERE tgrelid IN (top.rel, told) AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 7 = 7) AS guarded
  FROM top WHERE NOT EXISTS (
    SELECT FROM made LEFT JOIN pg_attribute a ON a.attrelid = told AND a.attnum = of
    WHERE of <= 0 OR a.attname IN (SELECT attname FROM pg_attribute WHERE attrelid = top.rel AND attnum = ANY (top.filled)))
  LIMIT 1`;
type Broken = { table: string; columns: readonly string[]; guarded: boolean };

/** What chunks of a hypertable are called, whatever schema and prefix somebody has given them. */
const CHUNK = /_\d+_chunk$/;
const HAS_CHUNKS = `SELECT to_regclass('_timescaledb_catalog.hypertable') IS NOT NULL AS here`;
const HYPERTABLE = `SELECT ${named('schema_name', 'table_name')}::int8 AS oid FROM _timescaledb_catalog.hypertable
  WHERE associated_schema_name = $1 AND associated_table_prefix = regexp_replace($2, '_\\d+_chunk$', '')`;

/** Integrity constraints of class 23 in which each new row may meet another one: trying others tells nothing. */
const AMONG_ROWS = new Set(['23505', '23P01']);

/**
 * Of a fault about a row: the outage that it is where none of the values that the row brings has to do with it. `sure`: no
 * row can help that; else a trigger may make the value, or the row may be an old one that is updated, and other rows tell.
 * Undefined: it is the row's. `sql`: what was refused.
 */
export async function unfilledFault(
  query: Query,
  fault: Fault,
  sql: string,
): Promise<{ fault: Fault; sure: boolean } | undefined> {
  const { code, schema, table, column, constraint, where } = (fault.cause ?? {}) as Readonly<
    Record<string, string | undefined>
  >;
  // What a trigger writes elsewhere is told with where it was.
  if (!code?.startsWith('23') || table === undefined || where !== undefined) return undefined;
  if (column === undefined && constraint === undefined) return undefined;
  const into = JSON.stringify(insertsOf(sql));
  const above = await hypertableOf(query, schema, table);
  const [broken] = await query<Broken>(BROKEN, [into, schema, table, column, constraint, above]);
  if (broken === undefined) return undefined;
  return {
    fault: new Fault('FIELDLINE_TABLE', `table ${broken.table}: ${wordsOf(broken, fault, code, column)}`, {
      kind: 'outage',
      cause: fault.cause,
    }),
    sure: AMONG_ROWS.has(code) && !broken.guarded,
  };
}

async function hypertableOf(query: Query, schema: string | undefined, table: string): Promise<number | undefined> {
  if (!CHUNK.test(table)) return undefined;
  const [timescale] = await query<{ here: boolean }>(HAS_CHUNKS);
  if (!timescale?.here) return undefined;
  const [found] = await query<{ oid: number }>(HYPERTABLE, [schema, table]);
  return found?.oid;
}

function wordsOf({ columns }: Broken, fault: Fault, code: string, column: string | undefined): string {
  if (column !== undefined)
    return `column ${column}: expected a default other than NULL, since nothing else fills it; give it one, or drop NOT NULL`;
  const { message } = asOfRow(fault);
  if (columns.length === 0) return `${message}; it is so for every row: mend or drop that constraint`;
  const mend = AMONG_ROWS.has(code) ? '; a sequence that lies behind is moved on by setval()' : '';
  return `column ${columns.join(', ')}: its default breaks a constraint, and nothing else fills it: ${message}${mend}`;
}
