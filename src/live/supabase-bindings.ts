// Bindings of a Supabase channel: which changes of which tables it asks for, checked, and told to the hub.
import { digest } from '../kernel/bytes.ts';
import { expected } from '../kernel/fault.ts';
import { columnsOf, isTable, type Table } from './columns.ts';
import { parseFilter, type Refused } from './filter.ts';
import type { Batch } from './groups.ts';
import type { Hub } from './hub.ts';
import { type Binding, boundTo, ofTable, type Selection } from './selection.ts';
import { rowFrame, rowJsons } from './supabase-rows.ts';
import { isObject, type Version } from './supabase-wire.ts';

/** A binding as it was asked for; the client compares what it gets back with what it sent. */
export type Asked = {
  id: number;
  event?: unknown;
  schema?: unknown;
  table?: unknown;
  filter?: unknown;
  select?: unknown;
};
/** A binding that can be served. `select` left out: all columns. */
export type Bound = Binding & { id: number; tables: readonly Table[]; select?: readonly string[] };

const KEYS = ['event', 'schema', 'table', 'filter', 'select'] as const;
const allTables = (Object.keys(columnsOf) as Table[]).filter(table => table !== 'system');

/** The same for equal bindings, so that they share frames and keep their number over a new join; never 0, which clients take for none. */
export function askedOf(value: unknown): Asked {
  const given = isObject(value) ? value : {};
  const known = Object.fromEntries(KEYS.filter(key => given[key] !== undefined).map(key => [key, given[key]]));
  return { id: 1 + Number.parseInt(digest(JSON.stringify(known)).slice(0, 7), 16), ...known };
}

/** Null, as clients of other languages write what they leave out, is absent. */
export function boundOf(asked: Asked): Bound | Refused {
  const { id, select } = asked;
  const event = asked.event ?? '*';
  const schema = asked.schema ?? 'public';
  const table = asked.table ?? '*';
  const filter = asked.filter ?? '';
  if (schema !== 'public' && schema !== '*') return { refused: `schema ${shown(schema)} does not exist here` };
  if (typeof table !== 'string' || (table !== '*' && (!isTable(table) || table === 'system')))
    return { refused: `table ${shown(table)} does not exist here` };
  if (typeof filter !== 'string') return { refused: expected('filter', 'a text such as session_id=eq.S1', filter) };
  const tables = isTable(table) ? [table] : allTables;
  if (tables.length > 1 && filter.trim() !== '') return { refused: 'filter: expected a table with it' };
  const columns = columnsOf[tables[0]!];
  const parsed = parseFilter(filter, columns);
  if ('refused' in parsed) return parsed;
  const word = typeof event === 'string' ? event.toUpperCase() : '*';
  const bound = { id, tables, filter: parsed, event: isEvent(word) ? word : '*' } as const;
  if (select === undefined || select === null) return bound;
  if (!Array.isArray(select) || tables.length > 1)
    return { refused: 'select: expected a list of columns, and a table with it' };
  const unknown = select.find(column => typeof column !== 'string' || !Object.hasOwn(columns, column));
  if (unknown !== undefined) return { refused: `select: column ${shown(unknown)} does not exist here` };
  return select.length === 0 ? bound : { ...bound, select: select as string[] };
}

function isEvent(word: string): word is 'INSERT' | 'UPDATE' | 'DELETE' {
  return word === 'INSERT' || word === 'UPDATE' || word === 'DELETE';
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 80);
}

/** Sends the rows of the bindings, each once for the channel, with the numbers of those that ask for it; until the returned function is called. */
export function follow(
  hub: Hub,
  bindings: readonly Bound[],
  org: string | undefined,
  to: { version: Version; topic: string; send(frames: readonly string[]): void },
): () => void {
  const subscriptions = selectionsOf(bindings, org).map(({ own, selection }) =>
    hub.subscribe(selection, batch => to.send(framesOf(batch, own, to))),
  );
  return () => {
    for (const subscription of subscriptions) subscription.close();
  };
}

/** One for each table that is asked for, and the bindings that ask for it. */
export function selectionsOf(
  bindings: readonly Bound[],
  org: string | undefined,
): readonly { own: readonly Bound[]; selection: Selection }[] {
  return allTables.flatMap(table => {
    const own = bindings.filter(({ tables }) => tables.includes(table));
    return own.length === 0 ? [] : [{ own, selection: ofTable(table, own, org) }];
  });
}

/** Made once for all channels of the same name with the same bindings. */
function framesOf(
  batch: Batch,
  bindings: readonly Bound[],
  { version, topic }: { version: Version; topic: string },
): readonly string[] {
  const ids = [...new Set(bindings.map(({ id }) => id))];
  return batch.once(JSON.stringify(['supabase', version, topic, ids]), () => {
    const columns = bindings.every(({ select }) => select) ? bindings.flatMap(({ select }) => select!) : undefined;
    const select = columns && [...new Set(columns)];
    const jsons = batch.once(JSON.stringify(['supabase', select]), () => rowJsons(batch.entries, select));
    return batch.entries.map(({ row }, at) => {
      const asking = bindings.filter(binding => boundTo(binding, row)).map(({ id }) => id);
      return rowFrame(version, topic, [...new Set(asking)], jsons[at]!);
    });
  });
}
