// A column as a query string names it: one of the table, or a path into a JSON column; as SQL.
import { Refused, restProblem, unreadable } from './rest-problem.ts';
import type { ColumnType, RestTable } from './rest-tables.ts';
import { unquote } from './rest-words.ts';

/** Adds a value to the statement and gives its place. */
export type Bind = (value: unknown) => string;
export type ColumnSql = { sql: string; type: ColumnType; name: string };

const PATH_KEY = /^[\w .:-]{1,100}$/;

/** `value_mm`, `data->room`, `data->walls->0->>name`. */
export function columnSql(text: string, table: RestTable, bind: Bind): ColumnSql {
  const [head = '', ...rest] = text.split(/(->>|->)/);
  const name = unquote(head.trim());
  const type = Object.hasOwn(table.columns, name) ? table.columns[name]! : undefined;
  if (type === undefined)
    throw new Refused(restProblem(400, '42703', `column ${table.name}.${name.slice(0, 80)} does not exist`));
  if (rest.length === 0) return { sql: `${table.name}.${name}`, type, name };
  if (type !== 'jsonb') throw unreadable(`${name}: expected a JSON column before ->, this one is ${type}`);
  let sql = `${table.name}.${name}`;
  // An element of a list is called as the list is.
  let label = name;
  for (let at = 0; at < rest.length; at += 2) {
    const [arrow, given = ''] = [rest[at]!, rest[at + 1]];
    const key = unquote(given.trim());
    if (!PATH_KEY.test(key) || key === '__proto__' || (arrow === '->>' && at + 2 < rest.length))
      throw unreadable(`${text.slice(0, 80)}: expected a path such as ${name}->a->>b`);
    const isPlace = /^\d{1,6}$/.test(key);
    sql = `(${sql} ${arrow} ${isPlace ? key : `${bind(key)}::text`})`;
    if (!isPlace) label = key;
  }
  return { sql, type: rest.at(-2) === '->>' ? 'text' : 'jsonb', name: label };
}
