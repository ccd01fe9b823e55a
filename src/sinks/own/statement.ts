// The one statement that writes a batch to an operator's table: all of it or nothing, and nothing if the table has changed.
import type { Statement } from '../../reading/contracts.ts';
import { quoted } from './name.ts';
import type { Plan } from './plan.ts';
import type { Row } from './rows.ts';
import { shapeSql, sqlNameOf } from './table.ts';

type Texts = { sql: string; reads: string };

/** `same`: the table is as it was described. `stored`: numbers of the rows that are new, within those sent; null: all. */
export type Answer = { same: boolean; stored: readonly number[] | null };

/** Whether the table has taken a row that was new. */
export function landed([answer]: readonly Answer[]): boolean {
  return answer?.same === true && (answer.stored === null || answer.stored.length > 0);
}

export function statementOf(plan: Plan, rows: readonly Row[], target: string): Statement {
  const { table, mapped, remembers } = plan;
  const receipts = [...new Set(rows.flatMap(({ receipt }) => receipt?.key ?? []))].sort();
  const values: unknown[] = [table.oid, table.shape, target, rows.map((_, number) => number)];
  for (const at of mapped.keys()) values.push(rows.map(row => row.texts[at]));
  if (remembers) values.push(rows.map(({ identity }) => identity));
  if (receipts.length > 0) values.push(receipts);
  return { ...textsOf(plan, receipts.length > 0), values };
}

const texts = new WeakMap<Plan, Map<boolean, Texts>>();
function textsOf(plan: Plan, receipts: boolean): Texts {
  const known = texts.get(plan) ?? new Map<boolean, Texts>();
  texts.set(plan, known);
  let text = known.get(receipts);
  if (text === undefined) {
    text = compose(plan, receipts);
    known.set(receipts, text);
  }
  return text;
}

/**
 * $1 oid, $2 shape, $3 target, $4 numbers, then an array of texts for each column. Every value is a text that PostgreSQL
 * reads as the type of its column: what it cannot read is a data fault of that row.
 */
function compose(plan: Plan, receipts: boolean): Texts {
  const { table, mapped, remembers } = plan;
  const casts = mapped.map(({ column }, at) => `c${at}::${column.cast} AS c${at}`);
  const names = mapped.map((_, at) => `c${at}`);
  const arrays = mapped.map((_, at) => `$${at + 5}::text[]`);
  let next = mapped.length + 5;
  if (remembers) {
    casts.push('identity');
    names.push('identity');
    arrays.push(`$${next++}::text[]`);
  }
  const parts = [
    `shape AS MATERIALIZED (SELECT coalesce(${shapeSql('$1::oid')} = $2::text, false) AS same)`,
    `sent AS MATERIALIZED (SELECT number, ${casts.join(', ')}
      FROM shape, unnest($4::int4[], ${arrays.join(', ')}) AS r (number, ${names.join(', ')}) WHERE same)`,
  ];
  const reads = `WITH ${parts.join(',\n')}\nSELECT count(*), $3::text AS target${receipts ? `, $${next}::text[] AS keys` : ''} FROM sent`;
  // Another attempt of the same write may still be under way on the server: the unique key of the receipts waits for it.
  if (remembers)
    parts.push(`fresh AS (INSERT INTO receipts (key, target) SELECT identity, $3 FROM sent ORDER BY identity
      ON CONFLICT (key, target) DO NOTHING RETURNING key)`);
  if (receipts)
    parts.push(`receipt AS (INSERT INTO receipts (key, target) SELECT key, $3 FROM shape, unnest($${next}::text[]) AS key
      WHERE same ON CONFLICT (key, target) DO UPDATE SET created_at = excluded.created_at)`);
  const columns = mapped.map(({ column }) => quoted(column.name)).join(', ');
  parts.push(`stored AS (INSERT INTO ${sqlNameOf(table)} AS held (${columns})
      SELECT ${mapped.map((_, at) => `c${at}`).join(', ')} FROM sent ${remembers ? 'JOIN fresh ON fresh.key = identity' : ''}
      ORDER BY number ${conflictOf(plan)})`);
  return {
    sql: `WITH ${parts.join(',\n')}\nSELECT same, ${answerOf(plan)} AS stored, $3::text AS target FROM shape`,
    reads,
  };
}

function conflictOf(plan: Plan): string {
  if (plan.remembers) return '';
  const { key, mapped, conflict } = plan;
  const target = `ON CONFLICT (${key.map(quoted).join(', ')})`;
  const returning = `RETURNING ROW(${key.map(quoted).join(', ')})::text AS key`;
  const others = mapped.map(({ column }) => column.name).filter(name => !key.includes(name));
  if (conflict === 'skip' || others.length === 0) return `${target} DO NOTHING ${returning}`;
  const sets = others.map(name => `${quoted(name)} = excluded.${quoted(name)}`).join(', ');
  const row = (of: string) => `ROW(${others.map(name => `${of}.${quoted(name)}`).join(', ')})::text`;
  // What is the same is left alone: no dead row in the table, and known as a duplicate.
  return `${target} DO UPDATE SET ${sets} WHERE ${row('held')} IS DISTINCT FROM ${row('excluded')}
      RETURNING ROW(${key.map(name => `held.${quoted(name)}`).join(', ')})::text AS key`;
}

function answerOf({ remembers, key, mapped }: Plan): string {
  if (remembers)
    return `CASE WHEN (SELECT count(*) FROM fresh) < cardinality($4::int4[]) THEN (
      SELECT coalesce(array_agg(number), '{}') FROM sent JOIN fresh ON fresh.key = identity) END`;
  // The key as the table holds it, rounded and padded as its columns say.
  const sent = key.map(name => {
    const at = mapped.findIndex(({ column }) => column.name === name);
    return `c${at}::${mapped[at]!.column.type}`;
  });
  return `CASE WHEN (SELECT count(*) FROM stored) < cardinality($4::int4[]) THEN (
      SELECT coalesce(array_agg(number), '{}') FROM (
        SELECT min(number) AS number FROM sent JOIN stored ON stored.key = ROW(${sent.join(', ')})::text GROUP BY stored.key) first) END`;
}
