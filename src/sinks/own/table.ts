// A table of the operator's own, as the catalog of its database describes it: columns, unique keys, and a mark that changes with them.
import { expected, Fault } from '../../kernel/fault.ts';
import type { Query } from '../../reading/contracts.ts';
import { parseTableName, quoted, tableText } from './name.ts';

export type Column = {
  name: string;
  /** As SQL writes it, with its length or precision, e.g. `numeric(6,2)`, `"plant"."state"`. */
  type: string;
  /** The type below all domains, without length or precision: what a value is read as. The table then refuses what is too long, rather than cutting it. */
  cast: string;
  /** The built-in type below all domains, as the catalog calls it (`float8`, `varchar`, `timestamptz` …). */
  base: string;
  /** Most characters; digits before and after the point. Undefined: not limited. */
  length: number | undefined;
  precision: number | undefined;
  scale: number | undefined;
  array: boolean;
  notNull: boolean;
  /** Or there is a trigger that may give it a value. */
  hasDefault: boolean;
  /** By the database alone: generated always, as an expression or an identity. */
  generated: boolean;
  /** Rights of this user. */
  mayInsert: boolean;
  maySelect: boolean;
  mayUpdate: boolean;
};
/** A unique index or constraint that a conflict can be named by. */
export type Key = { name: string; columns: readonly string[] };
export type Table = {
  oid: number;
  schema: string;
  name: string;
  /** False: a view that takes no new rows. */
  open: boolean;
  columns: readonly Column[];
  keys: readonly Key[];
  /** The same text as long as the columns are the same. */
  shape: string;
};

/** Tables, partitioned tables, views, foreign tables, materialized views: also those that take no rows are found, and said to be that. */
const KINDS = "('r', 'p', 'v', 'f', 'm')";

/**
 * Only views are looked into: of a table that somebody has locked it would wait for the end of the lock. A continuous
 * aggregate of TimescaleDB is one over a table of its own: PostgreSQL would write to that one, also through further views, and
 * the next refresh take it away. Beyond a trigger that takes the rows instead (4 INSERT, 64 INSTEAD OF) is nothing to look for.
 */
const OPEN = `CASE WHEN c.relkind IN ('r', 'p') THEN true ELSE pg_relation_is_updatable(c.oid, true) & 8 = 8 AND NOT EXISTS (
    WITH RECURSIVE below AS (
      SELECT c.oid AS rel
      UNION
      SELECT d.refobjid FROM below JOIN pg_rewrite w ON w.ev_class = rel
      JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
      WHERE NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = rel AND NOT tgisinternal AND tgtype & 68 = 68))
    SELECT FROM below JOIN pg_class b ON b.oid = rel
    WHERE rel <> c.oid AND b.relnamespace = to_regnamespace('_timescaledb_internal')) END`;

/** SQL: mark of the columns of the table whose oid is `oid`; null where there is none. */
export function shapeSql(oid: string): string {
  return `(SELECT hashtextextended(string_agg(concat_ws(' ', attname, atttypid, atttypmod, attnotnull, atthasdef,
      attgenerated, attidentity), ',' ORDER BY attnum), 0)::text
    FROM pg_attribute WHERE attrelid = ${oid} AND attnum > 0 AND NOT attisdropped)`;
}

const FIND = `SELECT c.oid::int8 AS oid, n.nspname AS schema, c.relname AS name, ${OPEN} AS open, ${shapeSql('c.oid')} AS shape
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ${KINDS} AND (c.relname = $2 OR c.relname = lower($2))
    AND CASE WHEN $1::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $1 OR n.nspname = lower($1) END
  ORDER BY (n.nspname = coalesce($1, n.nspname)) DESC, (c.relname = $2) DESC LIMIT 1`;

// The length and the digits stand in one number, made as PostgreSQL makes it (numeric.c, varchar.c): 4 bytes ahead. Of
// domains over each other the innermost says it.
const COLUMNS = `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
    format_type(b.oid, -1) AS cast, b.typname AS base,
    CASE WHEN b.typname IN ('varchar', 'bpchar') AND d.mod > 4 THEN d.mod - 4 END AS length,
    CASE WHEN b.typname = 'numeric' AND d.mod > 4 THEN ((d.mod - 4) >> 16) & 65535 END AS precision,
    CASE WHEN b.typname = 'numeric' AND d.mod > 4 THEN (((d.mod - 4) & 2047) # 1024) - 1024 END AS scale,
    b.typcategory = 'A' AS array,
    a.attnotnull OR d.needed AS "notNull",
    a.atthasdef OR a.attidentity <> '' OR d.preset OR (c.relhastriggers AND NOT d.needed AND EXISTS (
      SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 7 = 7)) AS "hasDefault",
    a.attgenerated <> '' OR a.attidentity = 'a' AS generated,
    has_schema_privilege(c.relnamespace, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'INSERT') AS "mayInsert",
    has_column_privilege(c.oid, a.attnum, 'SELECT') AS "maySelect",
    has_column_privilege(c.oid, a.attnum, 'UPDATE') AS "mayUpdate"
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  CROSS JOIN LATERAL (
    WITH RECURSIVE layer AS (
      SELECT a.atttypid AS oid, a.atttypmod AS mod, 0 AS depth
      UNION ALL
      SELECT t.typbasetype, t.typtypmod, depth + 1 FROM layer JOIN pg_type t USING (oid) WHERE t.typtype = 'd')
    SELECT (array_agg(oid ORDER BY depth DESC))[1] AS base, (array_agg(mod ORDER BY depth DESC))[1] AS mod,
      bool_or(t.typnotnull) AS needed, bool_or(t.typdefault IS NOT NULL) AS preset
    FROM layer JOIN pg_type t USING (oid)) d
  JOIN pg_type b ON b.oid = d.base
  WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

// Only what ON CONFLICT can name: whole columns, all rows, checked at once.
const KEYS = `SELECT x.relname AS name, array_agg(a.attname::text ORDER BY k.place) AS columns
  FROM pg_index i
  JOIN pg_class x ON x.oid = i.indexrelid
  CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
    AND i.indexprs IS NULL AND k.place <= i.indnkeyatts
  GROUP BY x.relname, i.indisprimary ORDER BY i.indisprimary DESC, x.relname`;

/** Rejects with a Fault of kind outage: when the database is away, and when it has no such table, which can be made. */
export async function describeTable(query: Query, text: string): Promise<Table> {
  const name = parseTableName(text);
  if (typeof name === 'string') throw new Fault('FIELDLINE_SETTING', name, { kind: 'outage' });
  const [found] = await query<Pick<Table, 'oid' | 'schema' | 'name' | 'open' | 'shape'>>(FIND, [
    name.schema,
    name.table,
  ]);
  if (found === undefined)
    throw new Fault('FIELDLINE_TABLE', `table ${text}: expected to be there, got none of this name`, {
      kind: 'outage',
    });
  const columns = await query<Column>(COLUMNS, [found.oid]);
  const keys = await query<Key>(KEYS, [found.oid]);
  const made = new Set(columns.filter(column => column.generated).map(column => column.name));
  return {
    ...found,
    columns: columns.map(withoutNulls),
    // Of what the database makes, a row does not know its key before.
    keys: keys.filter(key => !key.columns.some(column => made.has(column))),
  };
}

function withoutNulls(column: Column): Column {
  const { length, precision, scale } = column;
  return { ...column, length: length ?? undefined, precision: precision ?? undefined, scale: scale ?? undefined };
}

/** Tables that this user may write to, those of PostgreSQL and the chunks and partitions of other tables left out. */
export async function listTables(query: Query): Promise<readonly string[]> {
  const rows = await query<{ schema: string; table: string }>(
    `SELECT n.nspname AS schema, c.relname AS table FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ${KINDS} AND NOT c.relispartition AND n.nspname !~ '^(pg_|_timescaledb)'
       AND n.nspname NOT IN ('information_schema', 'timescaledb_information', 'timescaledb_experimental')
       AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'INSERT') AND ${OPEN}
       AND NOT (c.relname ~ '_[0-9]+_chunk$' AND EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid))
     ORDER BY n.nspname = 'public' DESC, 1, 2 LIMIT 50000`,
  );
  return rows.map(tableText);
}

/** For sentences: `plant.meter`. */
export function titleOf({ schema, name }: Table): string {
  return tableText({ schema, table: name });
}

/** For SQL. */
export function sqlNameOf({ schema, name }: Table): string {
  return `${quoted(schema)}.${quoted(name)}`;
}

/** The column of this name. Throws the sentence that says which there are. */
export function columnOf(table: Table, name: string): Column | string {
  const column = table.columns.find(one => one.name === name);
  const names = table.columns.map(one => one.name).join(', ');
  return column ?? expected(`column of ${titleOf(table)}`, `one of ${names}`, name);
}
