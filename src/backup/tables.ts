// What a database holds, as a backup sees it: its tables in an order in which they can be filled, and how to make them.
import type pg from 'pg';
import { CHUNK, OWN_SCHEMA } from './objects.ts';

/** A table or a sequence. `schema` is left out for that of Fieldline's own tables. */
export type Name = { schema?: string; name: string };
export type TableShape = Name & {
  columns: readonly string[];
  /** All columns as they stand in its CREATE TABLE. Left out in older backups. */
  definitions?: readonly string[];
  /** Statements that make the table where no migration does: one of the operator's own. The first one makes it, the others its partitions, keys and indexes. */
  create: readonly string[];
  /** SQL names of the partitions that hold its rows; none where it is one whole. Left out in older backups. */
  leaves?: readonly string[];
  /** Months (YYYY-MM, UTC) of a time series that is cut by months. */
  months: readonly string[];
};
export type Sequence = Name & {
  /** Null when it was never used. */
  last: string | null;
  /** Of an identity column: made with its table. */
  identity: boolean;
  /** Type, steps and bounds. Left out in older backups. */
  options?: string;
};
/** Rows, and a sum over their contents that does not depend on their order. */
export type Sum = { rows: number; digest: string };

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const sqlName = ({ schema, name }: Name): string =>
  schema === undefined ? quoted(name) : `${quoted(schema)}.${quoted(name)}`;
/** What a table is called within a backup. */
export const keyOf = ({ schema, name }: Name): string => (schema === undefined ? name : `${schema}.${name}`);
const list = (columns: readonly string[]): string => columns.map(quoted).join(', ');

/**
 * Text forms must be the same wherever and whenever a row is read; a policy that would hide rows is an error. Of one
 * transaction: behind a pooler the next may be on another connection of the server, and who gets this one must not have them.
 */
export const SETTINGS = [
  "timezone = 'UTC'",
  "datestyle = 'ISO, YMD'",
  "intervalstyle = 'postgres'",
  "bytea_output = 'hex'",
  'extra_float_digits = 1',
  'statement_timeout = 0',
  'lock_timeout = 0',
  'idle_in_transaction_session_timeout = 0',
  'row_security = off',
]
  .map(setting => `SET LOCAL ${setting}`)
  .join('; ');

const SCHEMA = 'CASE WHEN n.nspname <> current_schema() THEN n.nspname END';

const optionsSql = (step: string, least: string, most: string, start: string, cache: string, cycle: string): string =>
  `format('INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s%s', ${step}, ${least}, ${most}, ${start}, ${cache},
     CASE WHEN ${cycle} THEN ' CYCLE' END)`;

const TABLES = `
  SELECT c.oid::int AS oid, ${SCHEMA} AS schema, c.relname AS name,
    ARRAY(SELECT a.attname::text FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) AS columns,
    ARRAY(SELECT format('%I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
       (SELECT ' COLLATE ' || a.attcollation::regcollation FROM pg_type t WHERE t.oid = a.atttypid AND t.typcollation <> a.attcollation),
       CASE WHEN a.attidentity <> '' THEN (SELECT format(' GENERATED %s AS IDENTITY (%s)',
              CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END,
              ${optionsSql('s.seqincrement', 's.seqmin', 's.seqmax', 's.seqstart', 's.seqcache', 's.seqcycle')})
              FROM pg_sequence s JOIN pg_depend i ON i.classid = 'pg_class'::regclass AND i.objid = s.seqrelid
              WHERE i.deptype = 'i' AND i.refobjid = c.oid AND i.refobjsubid = a.attnum)
            WHEN d.adbin IS NULL THEN ''
            WHEN a.attgenerated <> '' THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid))
            ELSE ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) END,
       CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END)
     FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) AS definitions,
    ' WITH (' || array_to_string(c.reloptions, ', ') || ')' AS options,
    ' PARTITION BY ' || pg_get_partkeydef(c.oid) AS parted,
    ARRAY(SELECT format('CREATE TABLE %s PARTITION OF %s %s%s', k.oid::regclass, t.parentrelid, pg_get_expr(k.relpartbound, k.oid),
            ' PARTITION BY ' || pg_get_partkeydef(k.oid))
          FROM pg_partition_tree(c.oid) t JOIN pg_class k ON k.oid = t.relid WHERE t.level > 0 ORDER BY t.level) AS partitions,
    ARRAY(SELECT t.relid::text FROM pg_partition_tree(c.oid) t WHERE t.isleaf AND t.level > 0 ORDER BY 1) AS leaves,
    ARRAY(SELECT format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid))
          FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'x') ORDER BY k.contype DESC) AS constraints,
    ARRAY(SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
          WHERE i.indrelid = c.oid AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)) AS indexes,
    ARRAY(SELECT k.confrelid::int FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f') AS needs
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OWN_SCHEMA} AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT ${CHUNK} AND c.relpersistence <> 't'
    AND c.relname <> 'fieldline_migrations'
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  ORDER BY n.nspname, c.relname`;

type Found = {
  oid: number;
  schema: string | null;
  name: string;
  columns: string[];
  definitions: string[];
  /** Null where there are none. */
  options: string | null;
  /** Null where it is one whole. */
  parted: string | null;
  partitions: string[];
  leaves: string[];
  constraints: string[];
  indexes: string[];
  needs: number[];
};

/** Tables that others refer to come before them. */
export async function tablesOf(client: pg.ClientBase): Promise<TableShape[]> {
  const found = (await client.query<Found>(TABLES)).rows;
  const ordered: Found[] = [];
  const visit = (table: Found | undefined): void => {
    if (table === undefined || ordered.includes(table)) return;
    for (const oid of table.needs) if (oid !== table.oid) visit(found.find(other => other.oid === oid));
    ordered.push(table);
  };
  for (const table of found) visit(table);
  const shapes: TableShape[] = [];
  for (const { schema, name, columns, definitions, options, parted, leaves, ...more } of ordered) {
    const named: Name = schema === null ? { name } : { schema, name };
    shapes.push({
      ...named,
      ...{ columns, definitions, leaves, months: schema === null ? await monthsOf(client, name, leaves) : [] },
      create: [
        `CREATE TABLE ${sqlName(named)} (${definitions.join(', ')})${parted ?? ''}${options ?? ''}`,
        ...[...more.partitions, ...more.constraints, ...more.indexes],
      ],
    });
  }
  return shapes;
}

/** The time series that prepare_month knows, and their time columns. */
export const SERIES: Readonly<Record<string, string>> = {
  ...{ measurements: 'timestamp', sensor_readings: 'timestamp', energy_readings: 'timestamp' },
  ...{ raw_advertisements: 'timestamp', flow_data: 'created_at' },
};

async function monthsOf(client: pg.ClientBase, table: string, leaves: readonly string[]): Promise<string[]> {
  const time = SERIES[table];
  if (time === undefined) return [];
  // Partitions say it by their names; only what lies in none of them need be read.
  const named = leaves.flatMap(
    leaf =>
      leaf
        .match(/_(\d{4})(\d{2})$/)
        ?.slice(1)
        .join('-') ?? [],
  );
  const from = leaves.find(leaf => leaf.endsWith('_default')) ?? quoted(table);
  // What a wrong clock has dated far ahead stays in the default partition, as what is older than any of this kind.
  const { rows } = await client.query<{ month: string }>(
    `SELECT DISTINCT to_char(date_trunc('month', ${time}), 'YYYY-MM') AS month FROM ${from}
     WHERE ${time} >= '2015-01-01' AND ${time} < now() + interval '1 year'`,
  );
  return [...new Set([...named, ...rows.map(({ month }) => month)])].sort();
}

type Column = { name: string; type: string; filled: boolean };

/** A column out of its line in a CREATE TABLE; its default does not matter to rows that are there. */
function columnOf(definition: string): Column {
  const name = nameOf(definition);
  const rest = definition.slice(name.length);
  return {
    name,
    type: rest.replace(/ (?:DEFAULT|GENERATED|NOT NULL).*$/s, '').trim(),
    filled: / NOT NULL$/.test(rest),
  };
}

/** Its name as SQL. */
const nameOf = (definition: string): string => /^"(?:[^"]|"")*"|^\S+/.exec(definition)![0];

/** Lines of CREATE TABLE of the columns that `wanted` has besides those of `standing`. */
export function addedTo({ definitions: known = [] }: TableShape, { definitions = [] }: TableShape): readonly string[] {
  const names = new Set(known.map(nameOf));
  return definitions.filter(definition => !names.has(nameOf(definition)));
}

/** Can `standing` hold the rows of `wanted`, given the columns that are added? Not where a column of it is gone, is of another type, or may be empty. */
export function takesRowsOf({ definitions: known = [] }: TableShape, { definitions }: TableShape): boolean {
  if (definitions === undefined) return true;
  const columns = new Map(definitions.map(columnOf).map(column => [column.name, column]));
  return known.map(columnOf).every(({ name, type, filled }) => {
    const column = columns.get(name);
    return column !== undefined && column.type === type && (column.filled || !filled);
  });
}

/** Its CHECK constraints: names as SQL, and what they say. */
export function checksOf({ create }: TableShape): ReadonlyMap<string, string> {
  const checks = create
    .map(sql => / ADD CONSTRAINT ("(?:[^"]|"")*"|\S+) (CHECK .*)$/s.exec(sql))
    .filter(made => made !== null);
  return new Map(checks.map(([, name = '', check = '']) => [name, check]));
}

export async function sequencesOf(client: pg.ClientBase): Promise<Sequence[]> {
  const { rows } = await client.query<Omit<Sequence, 'schema'> & { schema: string | null }>(
    `SELECT ${SCHEMA} AS schema, sequencename::text AS name, last_value::text AS last,
       EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND deptype = 'i'
         AND objid = format('%I.%I', schemaname, sequencename)::regclass) AS identity,
       'AS ' || data_type || ' ' || ${optionsSql('increment_by', 'min_value', 'max_value', 'start_value', 'cache_size', 'cycle')} AS options
     FROM pg_sequences JOIN pg_namespace n ON n.nspname = schemaname WHERE ${OWN_SCHEMA} ORDER BY schemaname, 2`,
  );
  return rows.map(({ schema, ...sequence }) => (schema === null ? sequence : { schema, ...sequence }));
}

/** `from`: SQL name of what is read: the table, or one of its leaves. */
export async function sumOf(client: pg.ClientBase, { columns }: TableShape, from: string): Promise<Sum> {
  const { rows } = await client.query<{ rows: string; digest: string }>(
    `SELECT count(*)::text AS rows,
       coalesce(sum(('x' || substr(md5(ROW(${list(columns)})::text), 1, 15))::bit(60)::bigint::numeric), 0)::text AS digest
     FROM ${from}`,
  );
  return { rows: Number(rows[0]!.rows), digest: rows[0]!.digest };
}

/** Of the parts of one table together. */
export const summed = (a: Sum, b: Sum): Sum => ({
  rows: a.rows + b.rows,
  digest: (BigInt(a.digest) + BigInt(b.digest)).toString(),
});

export const copyOutSql = ({ columns }: TableShape, from: string): string =>
  `COPY (SELECT ${list(columns)} FROM ${from}) TO STDOUT`;
export const copyInSql = (table: TableShape): string => `COPY ${sqlName(table)} (${list(table.columns)}) FROM STDIN`;
