// What a database has besides tables: what they are made of, and what stands on them; as statements that make it again.
import type pg from 'pg';
import { reasonOf } from '../kernel/fault.ts';

/** Left alone where there is one of its key already, by a migration for example. */
export type Made = { key: string; sql: string };

/** SQL: not a schema of the server or of an extension, given its row `n` of pg_namespace. */
export const OWN_SCHEMA = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (
  SELECT FROM pg_depend d WHERE d.classid = 'pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')`;
export const notOfExtension = (catalog: string, oid: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalog}'::regclass AND d.objid = ${oid} AND d.deptype = 'e')`;

// TimescaleDB is there or not, as the migrations have found it.
const PARTS = `
  SELECT 'schema ' || n.nspname AS key, format('CREATE SCHEMA %I', n.nspname) AS sql, 0 AS step, n.oid::int8 AS oid
  FROM pg_namespace n WHERE ${OWN_SCHEMA}
  UNION ALL
  SELECT 'extension ' || extname, format('CREATE EXTENSION %I SCHEMA %I', extname, n.nspname), 1, e.oid::int8
  FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace WHERE extname <> 'plpgsql' AND extname !~ '^timescaledb'
  UNION ALL
  SELECT 'type ' || t.oid::regtype, CASE t.typtype
    WHEN 'e' THEN format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, t.typname,
      (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid))
    WHEN 'c' THEN format('CREATE TYPE %I.%I AS (%s)', n.nspname, t.typname,
      (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
       FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
    WHEN 'r' THEN (SELECT format('CREATE TYPE %I.%I AS RANGE (SUBTYPE = %s%s)', n.nspname, t.typname,
      format_type(r.rngsubtype, NULL), ', SUBTYPE_DIFF = ' || nullif(r.rngsubdiff::oid, 0)::regproc)
      FROM pg_range r WHERE r.rngtypid = t.oid)
    ELSE format('CREATE DOMAIN %I.%I AS %s%s%s%s', n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod),
      ' DEFAULT ' || t.typdefault, CASE WHEN t.typnotnull THEN ' NOT NULL' END,
      (SELECT string_agg(' ' || pg_get_constraintdef(k.oid), '') FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'))
    END, 2, t.oid::int8
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE ${OWN_SCHEMA} AND (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c') AND ${notOfExtension('pg_type', 't.oid')}
  UNION ALL
  SELECT 'function ' || p.oid::regprocedure, pg_get_functiondef(p.oid), 3, p.oid::int8
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE ${OWN_SCHEMA} AND p.prokind IN ('f', 'p') AND ${notOfExtension('pg_proc', 'p.oid')}
  ORDER BY step, oid`;

/** SQL: `c` is a chunk of a hypertable, in whatever schema somebody lets them be made: its rows are those of the whole. */
export const CHUNK = `(c.relname ~ '_[0-9]+_chunk$' AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid)
  AND EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb'))`;

/** SQL: tables, views and sequences as `c`, in schemas `n`; not continuous aggregates, whose rows lie with TimescaleDB. */
export const RELATIONS = `pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OWN_SCHEMA} AND ${notOfExtension('pg_class', 'c.oid')} AND NOT c.relispartition AND NOT ${CHUNK} AND NOT (c.relkind = 'v' AND EXISTS (
    SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid JOIN pg_class f ON f.oid = d.refobjid
    WHERE r.ev_class = c.oid AND d.refclassid = 'pg_class'::regclass AND f.relname ~ '^_materialized_hypertable_'
      AND f.relnamespace = to_regnamespace('_timescaledb_internal')))`;

const ON_TOP = `WITH rights AS (
    SELECT a.grantee, a.privilege_type || ' ON ' || CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END || c.oid::regclass AS what
    FROM (SELECT c.* FROM ${RELATIONS}) AS c, aclexplode(c.relacl) AS a WHERE a.grantee <> c.relowner
    UNION ALL
    SELECT a.grantee, format('%s ON SCHEMA %I', a.privilege_type, n.nspname)
    FROM pg_namespace n, aclexplode(n.nspacl) AS a WHERE ${OWN_SCHEMA} AND a.grantee <> n.nspowner),
  policies AS (SELECT p.* FROM pg_policy p, ${RELATIONS} AND p.polrelid = c.oid),
  comments AS (
    SELECT format('COMMENT ON %s %s IS %L', CASE WHEN o.type ~ ' column$' THEN 'COLUMN' WHEN o.type = 'table constraint' THEN 'CONSTRAINT'
      ELSE o.type END, o.identity, d.description) AS sql
    FROM pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) o
    -- Lower numbers are those of the server itself.
    WHERE d.objoid >= 16384 AND o.type <> 'extension' AND (o.schema IS NULL OR o.schema IN (SELECT n.nspname FROM pg_namespace n WHERE ${OWN_SCHEMA}))
      AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e'))
  SELECT 'key ' || k.conrelid::regclass || ' ' || k.conname AS key,
    format('ALTER TABLE %s ADD CONSTRAINT %I %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid)) AS sql,
    0 AS step, k.oid::int8 AS oid
  FROM pg_constraint k, ${RELATIONS} AND k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'x', 'f') AND k.conparentid = 0
  UNION ALL
  SELECT 'owner of sequence ' || c.oid::regclass, format('ALTER SEQUENCE %s OWNED BY %s.%I', c.oid::regclass, o.refobjid::regclass,
    (SELECT attname FROM pg_attribute WHERE attrelid = o.refobjid AND attnum = o.refobjsubid)), 1, c.oid::int8
  FROM pg_depend o, ${RELATIONS} AND c.relkind = 'S' AND o.classid = 'pg_class'::regclass AND o.objid = c.oid
    AND o.deptype = 'a' AND o.refobjsubid > 0
  UNION ALL
  SELECT 'view ' || c.oid::regclass, format('CREATE %s %s AS %s', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END,
    c.oid::regclass || coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', ''), pg_get_viewdef(c.oid)), 2, c.oid::int8
  FROM ${RELATIONS} AND c.relkind IN ('v', 'm')
  UNION ALL
  SELECT 'index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid), 3, i.indexrelid::int8
  FROM pg_index i, ${RELATIONS} AND i.indrelid = c.oid AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
  UNION ALL
  SELECT 'trigger ' || t.tgrelid::regclass || ' ' || t.tgname, pg_get_triggerdef(t.oid), 4, t.oid::int8
  FROM pg_trigger t, ${RELATIONS} AND t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgparentid = 0
    AND ${notOfExtension('pg_proc', 't.tgfoid')}
  UNION ALL
  SELECT DISTINCT 'role ' || r.rolname, format('DO %L', format('BEGIN CREATE ROLE %I%s; EXCEPTION WHEN duplicate_object THEN NULL; END',
    r.rolname, CASE WHEN r.rolcanlogin THEN ' LOGIN' END)), 5, r.oid::int8
  FROM (SELECT grantee FROM rights UNION SELECT unnest(polroles) FROM policies) AS named JOIN pg_roles r ON r.oid = grantee
  WHERE NOT r.rolsuper AND r.rolname !~ '^pg_'
  UNION ALL
  SELECT DISTINCT 'right ' || what || ' ' || grantee::regrole, format('GRANT %s TO %s', what,
    CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END), 6, 0::int8 FROM rights
  UNION ALL
  SELECT format('policy %s %I', p.polrelid::regclass, p.polname), format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', p.polname,
    p.polrelid::regclass, CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
    (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ') FROM unnest(p.polroles) AS r),
    ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')', ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')'),
    7, p.oid::int8
  FROM policies p
  UNION ALL
  SELECT format('row security %s %s', word, c.oid::regclass), format('ALTER TABLE %s %s ROW LEVEL SECURITY', c.oid::regclass, word), 8, c.oid::int8
  FROM ${RELATIONS.replace('WHERE', `CROSS JOIN LATERAL (VALUES ('ENABLE', c.relrowsecurity), ('FORCE', c.relforcerowsecurity)) AS s (word, isset) WHERE isset AND`)}
  UNION ALL
  SELECT sql, sql, 9, 0::int8 FROM comments
  ORDER BY step, oid, key`;

/** Of an index on a table in partitions the server tells how to make it on none of them, where it would serve nobody. */
const onPartitionsToo = (sql: string): string =>
  sql.replace(/^(CREATE (?:UNIQUE )?INDEX (?:"(?:[^"]|"")*"|\S+) ON )ONLY /, '$1');

async function found(client: pg.ClientBase, sql: string): Promise<Made[]> {
  return (await client.query<Made>(sql)).rows.map(({ key, sql: text }) => ({ key, sql: text }));
}

/** Schemas, extensions, types and functions: what tables may be made of. */
export const partsOf = (client: pg.ClientBase): Promise<Made[]> => found(client, PARTS);

/** Keys, indexes, views, triggers, rights of others, row security and comments; roles without their passwords. */
export const onTopOf = (client: pg.ClientBase): Promise<Made[]> => found(client, ON_TOP);

export type NotMade = Made & { reason: string };

/**
 * Makes what is wanted and not there, within the transaction. What failed is tried again as long as something of it
 * works: what needs what is the server's to know. Resolves with what does not work.
 */
export async function makeAll(
  client: pg.ClientBase,
  wanted: readonly Made[],
  there: readonly Made[],
): Promise<readonly NotMade[]> {
  const known = new Set(there.map(({ key }) => key));
  let left: readonly Made[] = wanted.filter(({ key }) => !known.has(key));
  for (;;) {
    const failed: NotMade[] = [];
    for (const made of left) {
      await client.query('SAVEPOINT made');
      try {
        await client.query(onPartitionsToo(made.sql));
        await client.query('RELEASE SAVEPOINT made');
      } catch (error) {
        await client.query('ROLLBACK TO SAVEPOINT made');
        const { detail } = error as { detail?: string };
        failed.push({
          ...made,
          reason: detail === undefined ? reasonOf(error) : `${reasonOf(error)}: ${detail.replace(/\.$/, '')}`,
        });
      }
    }
    if (failed.length === 0 || failed.length === left.length) return failed;
    left = failed;
  }
}
