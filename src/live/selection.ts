// A selection: the rows that a client asked for and may see; equal ones are evaluated and encoded once.
import { type Channel, tableTopic } from './channels.ts';
import type { Table } from './columns.ts';
import { keyOf } from './compare.ts';
import type { Filter, Key } from './filter.ts';
import { columnOf, type Event, type Row } from './publication.ts';

export type Selection = {
  /** Under which the hub finds the rows. */
  topic: string;
  /** Equal for selections of a topic that mean the same. */
  text: string;
  /** Is the row one of the topic? The hub asks only where it did not come by the topic. */
  carries(row: Row): boolean;
  /** Does a row of the topic belong to it? */
  wants(row: Row): boolean;
  key?: Key;
  weight: Weight;
};

/** `kept`: what each that asks for it makes the server remember. `tried`: what it costs with every row, however many ask for it. */
export type Weight = { kept: number; tried: number };

/** A comparison that is made with every row weighs as much as so many subscriptions that are found by value. */
const TRIED = 32;
/** And a short regular expression as much as so many comparisons. */
const EXPRESSION = 8;

/** Filters of which rows are found by the value they name cost nothing with a row, if there is no other beside them. */
function weightOf(filters: readonly Filter[]): Weight {
  const isFound = filters.length === 1 && filters[0]!.key !== undefined;
  const costly = isFound ? [] : filters.filter(({ text }) => text !== '');
  const tried = costly.reduce((sum, { expressions }) => sum + TRIED * (1 + EXPRESSION * expressions), 0);
  return { kept: filters.length, tried };
}

export function weightOfAll(selections: readonly Selection[]): number {
  return selections.reduce((sum, { weight }) => sum + weight.kept + weight.tried, 0);
}

/** The rows of a channel. `org` limits them to those of one organisation, whatever the filter says. */
export function ofChannel(channel: Channel, filter: Filter, org: string | undefined): Selection {
  const wants = (row: Row): boolean => filter.holds(column => columnOf(row, column));
  return within(org, {
    ...{ topic: channel.name, text: filter.text, wants, carries: channel.carries, weight: weightOf([filter]) },
    ...(filter.key && { key: filter.key }),
  });
}

/** What was done to rows of a table: `*` for all. */
export type Binding = { event: Event | '*'; filter: Filter };

export function boundTo({ event, filter }: Binding, row: Row): boolean {
  return (event === '*' || event === row.event) && filter.holds(column => columnOf(row, column));
}

/** The rows of a table that at least one binding asks for. */
export function ofTable(table: Table, bindings: readonly Binding[], org: string | undefined): Selection {
  const [only] = bindings;
  const key = bindings.length === 1 ? only?.filter.key : undefined;
  return within(org, {
    topic: tableTopic(table),
    text: JSON.stringify(bindings.map(({ event, filter }) => [event, filter.text])),
    carries: row => row.table === table,
    wants: row => bindings.some(binding => boundTo(binding, row)),
    weight: weightOf(bindings.map(({ filter }) => filter)),
    ...(key && { key }),
  });
}

function within(org: string | undefined, selection: Selection): Selection {
  const { text, wants, key } = selection;
  // As JSON, so that no filter that a client writes can pass for the limit of another client.
  const limited = JSON.stringify([org ?? null, text]);
  if (org === undefined) return { ...selection, text: limited };
  const own = { column: 'org_id', values: [keyOf(org)] };
  return { ...selection, text: limited, wants: row => row.orgId === org && wants(row), key: key ?? own };
}
