// What a database may hold that a backup does not: told when it is taken, while there is time to keep it by other means.
import type pg from 'pg';
import { notOfExtension, OWN_SCHEMA, RELATIONS } from './objects.ts';
import { SERIES } from './tables.ts';

const named = (kind: string, name: string, catalog: string, schema: string, more = 'true'): string =>
  `SELECT '${kind}' AS kind, (${name})::text AS name FROM ${catalog} x JOIN pg_namespace n ON n.oid = x.${schema}
   WHERE ${OWN_SCHEMA} AND ${notOfExtension(catalog, 'x.oid')} AND ${more}`;
/** Things without a schema. Lower numbers are those of the server itself. */
const bare = (kind: string, name: string, catalog: string, more = 'true'): string =>
  `SELECT '${kind}', (${name})::text FROM ${catalog} x WHERE x.oid >= 16384 AND ${notOfExtension(catalog, 'x.oid')} AND ${more}`;

const LEFT_OUT = [
  named('aggregates and window functions', 'x.oid::regprocedure', 'pg_proc', 'pronamespace', "x.prokind IN ('a', 'w')"),
  named('operators', 'x.oid::regoperator', 'pg_operator', 'oprnamespace'),
  named('collations', 'x.collname', 'pg_collation', 'collnamespace'),
  named('text search configurations', 'x.cfgname', 'pg_ts_config', 'cfgnamespace'),
  named('extended statistics', 'x.stxname', 'pg_statistic_ext', 'stxnamespace'),
  named('foreign tables', 'x.oid::regclass', 'pg_class', 'relnamespace', "x.relkind = 'f'"),
  named('rights on functions', 'x.oid::regprocedure', 'pg_proc', 'pronamespace', 'x.proacl IS NOT NULL'),
  bare(
    'casts',
    "format('%s AS %s', castsource::regtype, casttarget::regtype)",
    'pg_cast',
    'casttarget NOT IN (SELECT rngmultitypid FROM pg_range)',
  ),
  bare('large objects', 'x.oid', 'pg_largeobject_metadata'),
  bare('event triggers', 'evtname', 'pg_event_trigger'),
  bare('publications', 'pubname', 'pg_publication'),
  bare('rules', "format('%s on %s', rulename, ev_class::regclass)", 'pg_rewrite', "rulename <> '_RETURN'"),
  bare('default rights', 'defaclrole::regrole', 'pg_default_acl'),
  `SELECT 'rights on columns', format('%s.%I', c.oid::regclass, a.attname) FROM pg_attribute a, ${RELATIONS}
     AND a.attrelid = c.oid AND a.attacl IS NOT NULL`,
  `SELECT 'inheritance', c.oid::regclass::text FROM ${RELATIONS} AND EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)`,
  // Those that come of the whole table are made with it again.
  `SELECT 'indexes of single partitions', i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE ${OWN_SCHEMA} AND c.relispartition AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)`,
  `SELECT DISTINCT 'passwords of roles', a.grantee::regrole::text FROM ${RELATIONS.replace(' WHERE', ', aclexplode(c.relacl) AS a JOIN pg_roles r ON r.oid = a.grantee WHERE')}
     AND a.grantee <> c.relowner AND r.rolcanlogin AND NOT r.rolsuper`,
].join(' UNION ALL ');

/** Hypertables of Fieldline are made by the migrations, where there is TimescaleDB. Jobs of lower numbers are its own. */
const OF_TIMESCALE = `
  SELECT 'hypertables (they become plain tables)' AS kind, format('%I.%I', hypertable_schema, hypertable_name) AS name
  FROM timescaledb_information.hypertables WHERE hypertable_name::text <> ALL ($1)
  UNION ALL SELECT 'continuous aggregates', format('%I.%I', view_schema, view_name) FROM timescaledb_information.continuous_aggregates
  UNION ALL SELECT 'compression settings', format('%I.%I', hypertable_schema, hypertable_name)
  FROM timescaledb_information.hypertables WHERE compression_enabled
  UNION ALL SELECT 'jobs', concat_ws(' of ', proc_name, hypertable_name) FROM timescaledb_information.jobs WHERE job_id >= 1000`;

/** Names that are listed of each kind. */
const SHOWN = 5;

/** One text a kind, such as `aggregates: total(integer)`. */
export async function leftOutOf(client: pg.ClientBase): Promise<readonly string[]> {
  const kinds = async (sql: string, values: readonly unknown[] = []): Promise<readonly string[]> => {
    const listed = `SELECT kind, array_agg(name ORDER BY name) AS names FROM (${sql}) AS left_out GROUP BY kind ORDER BY kind`;
    const { rows } = await client.query<{ kind: string; names: string[] }>(listed, [...values]);
    return rows.map(({ kind, names }) => {
      const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
      return `${kind}: ${names.slice(0, SHOWN).join(', ')}${more}`;
    });
  };
  const { rowCount } = await client.query("SELECT FROM pg_extension WHERE extname = 'timescaledb'");
  return [...(await kinds(LEFT_OUT)), ...(rowCount === 0 ? [] : await kinds(OF_TIMESCALE, [Object.keys(SERIES)]))];
}
