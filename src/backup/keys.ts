// Keys of the migrations that an operator had dropped or changed: rows that are there twice by them come all the same.
import type pg from 'pg';
import { type Made, onTopOf } from './objects.ts';

const CONSTRAINT = /^ALTER TABLE (.+?) ADD CONSTRAINT ((?:"(?:[^"]|"")*")|\S+) (?:PRIMARY KEY|UNIQUE)\b/s;
const INDEX = /^CREATE UNIQUE INDEX /;

/** What keeps rows apart: primary keys, unique constraints and indexes. */
export async function keysOf(client: pg.ClientBase): Promise<readonly Made[]> {
  return (await onTopOf(client)).filter(({ sql }) => CONSTRAINT.test(sql) || INDEX.test(sql));
}

/**
 * Takes off those that stand and were not the same when the backup was taken. Resolves with those that were gone then: they
 * are to be made again behind the rows, since nothing is written to such a table without. `keys`: of the migrations.
 */
export async function dropKeys(
  client: pg.ClientBase,
  keys: readonly Made[],
  onTop: readonly Made[] | undefined,
): Promise<readonly Made[]> {
  // An older backup does not tell what stood on tables.
  if (onTop === undefined) return [];
  const were = new Map(onTop.map(({ key, sql }) => [key, sql]));
  const others = keys.filter(({ key, sql }) => were.get(key) !== sql);
  const standing = new Set((await onTopOf(client)).map(({ key }) => key));
  for (const { key, sql } of others) {
    if (!standing.has(key)) continue;
    const [, table, name] = CONSTRAINT.exec(sql) ?? [];
    await client.query(
      table === undefined
        ? `DROP INDEX ${key.slice('index '.length)} CASCADE`
        : `ALTER TABLE ${table} DROP CONSTRAINT ${name} CASCADE`,
    );
  }
  return others.filter(({ key }) => !were.has(key));
}
