// Rows as Supabase Realtime tells them: what happened to which columns of which table, with PostgreSQL's types.
import { hyphened } from './compare.ts';
import { columnsOf, identityOf, type Table } from './columns.ts';
import type { Entry } from './log.ts';
import type { Row } from './publication.ts';
import { rawFrame, type Version } from './supabase-wire.ts';

/** As the hosted server: of a larger row only its short fields are told. */
const MAX_BYTES = 1024 * 1024;
const SHORT_BYTES = 64;

/** `data` of a row event, as JSON. `select` are the columns that were asked for; left out, all. */
export function rowJson(row: Row, select: readonly string[] | undefined, at: string): string {
  const whole = JSON.stringify(told(row, recordOf(row, select), at, null));
  if (whole.length <= MAX_BYTES) return whole;
  const short = Object.entries(recordOf(row, select)).filter(
    ([, value]) => JSON.stringify(value).length <= SHORT_BYTES,
  );
  return JSON.stringify(told(row, Object.fromEntries(short), at, ['Error 413: Payload Too Large']));
}

/** One frame for a row: `ids` are those of the bindings of the channel that ask for it. */
export function rowFrame(version: Version, topic: string, ids: readonly number[], json: string): string {
  const names = { joinRef: null, ref: null, topic, event: 'postgres_changes' };
  return rawFrame(version, names, `{"ids":[${ids.join()}],"data":${json}}`);
}

/** Rows of a batch as JSON, when they are sent. */
export function rowJsons(entries: readonly Entry[], select: readonly string[] | undefined): readonly string[] {
  const now = new Date().toISOString();
  return entries.map(({ row }) => rowJson(row, select, now));
}

type Record_ = Readonly<Record<string, unknown>>;

function told(row: Row, record: Record_, at: string, errors: readonly string[] | null): object {
  const { table, event } = row;
  const shown = columnsOf[table];
  return {
    schema: 'public',
    table,
    type: event,
    commit_timestamp: at,
    columns: Object.keys(record).map(name => ({ name, type: shown[name] })),
    ...(event !== 'DELETE' && { record }),
    ...(event === 'UPDATE' && { old_record: identity(table, record) }),
    ...(event === 'DELETE' && { old_record: record }),
    errors,
  };
}

/** All that is known of the row: as it was read, else its message and what the sink has told, without the words that are no columns. */
function recordOf(row: Row, select: readonly string[] | undefined): Record_ {
  const columns = columnsOf[row.table];
  const known: Record_ = { ...storedColumns(row), ...(row.record ?? row.data), org_id: row.orgId ?? null };
  const names = select ?? Object.keys(known);
  return Object.fromEntries(
    names.filter(name => Object.hasOwn(columns, name)).map(name => [name, known[name] ?? null]),
  );
}

function storedColumns({ stored }: Row): Record_ {
  if (stored === undefined) return {};
  const { id, digest, metadata } = stored;
  return {
    ...(id !== undefined && { id }),
    digest: hyphened(digest),
    metadata: metadata === null ? null : JSON.parse(metadata),
  };
}

function identity(table: Table, record: Record_): Record_ {
  const column = identityOf[table];
  return column === undefined || record[column] === undefined ? {} : { [column]: record[column] };
}
