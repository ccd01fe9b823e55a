// The one statement of a batch: rows into their tables, devices, latest values and receipts; all of it or nothing.
import type { Statement } from '../reading/contracts.ts';
import type { ReadingTable } from '../reading/reading.ts';
import { deviceColumns, devicesInsert, latestColumns, latestInsert, latestOf, summed } from './devices.ts';
import { type Entry, type Input, rowsOf, type Table, tables } from './rows.ts';
import { heartbeatsOf, scannerColumns, scannersInsert } from './scanners.ts';

/** Numbers of the stored entries of one table within the statement's entries; null when all are. */
export type Answer = Partial<Record<ReadingTable, readonly number[] | null>>;

/** What a statement consists of; its text depends on nothing else, so few texts are ever made and planned. */
type Shape = { tables: readonly Table[]; latest: boolean; scanners: boolean; receipts: boolean };

export function statementOf(
  entries: readonly Entry[],
  target: string,
  receiptKey: (entry: Entry) => string | undefined,
): Statement {
  const values: unknown[] = [];
  const bind = <Item>(input: Input<Item>, items: readonly Item[]) => {
    for (const column of input) values.push(items.map(column.of));
  };
  const present: Table[] = [];
  for (const table of Object.values(tables)) {
    const rows = entries.flatMap((entry, number) => (entry.table === table.name ? rowsOf(entry, number) : []));
    if (rows.length === 0) continue;
    present.push(table);
    bind(table.columns, rows);
    values.push(rows.map(row => row.number));
  }
  const devices = summed(entries);
  bind(deviceColumns, devices);
  const latest = latestOf(devices);
  if (latest.length > 0) bind(latestColumns, latest);
  const heartbeats = heartbeatsOf(entries);
  if (heartbeats.length > 0) bind(scannerColumns, heartbeats);
  const keys = new Set(entries.map(receiptKey).filter(key => key !== undefined));
  if (keys.size > 0) values.push([...keys].sort(), target);
  const sql = textOf({
    tables: present,
    latest: latest.length > 0,
    scanners: heartbeats.length > 0,
    receipts: keys.size > 0,
  });
  return { sql, values };
}

const texts = new Map<string, string>();
function textOf(shape: Shape): string {
  const key = `${shape.tables.map(table => table.name)} ${shape.latest} ${shape.scanners} ${shape.receipts}`;
  let text = texts.get(key);
  if (text === undefined) {
    text = compose(shape);
    texts.set(key, text);
  }
  return text;
}

function compose({ tables, latest, scanners, receipts }: Shape): string {
  let count = 0;
  const place = (type: string) => `$${++count}::${type}[]`;
  const places = (input: Input<never>) => input.map(column => place(column.type));
  const parts: string[] = [];
  const answers: string[] = [];
  for (const table of tables) {
    const arrays = places(table.columns);
    parts.push(insertOf(table, arrays));
    answers.push(answerOf(table, arrays, place('int4')));
  }
  parts.push(`device AS (${devicesInsert(places(deviceColumns))})`);
  if (latest) parts.push(`latest AS (${latestInsert(places(latestColumns))})`);
  if (scanners) parts.push(`scanner AS (${scannersInsert(places(scannerColumns))})`);
  if (receipts)
    parts.push(`receipt AS (INSERT INTO receipts (key, target) SELECT key, $${count + 2} FROM unnest($${count + 1}::text[]) AS key
      ON CONFLICT (key, target) DO UPDATE SET created_at = excluded.created_at)`);
  return `WITH ${parts.join(',\n')}\nSELECT ${answers.join(',\n')}`;
}

function insertOf({ name, columns, identity }: Table, arrays: readonly string[]): string {
  return `${name}_stored AS (
    INSERT INTO ${name} (${columns.map(column => column.name).join(', ')}) SELECT * FROM unnest(${arrays.join(', ')})
    ON CONFLICT (${identity.join(', ')}) DO NOTHING RETURNING ${identity.join(', ')})`;
}

/** Only where fewer rows were stored than sent is it worked out which: the join is skipped otherwise. */
function answerOf({ name, columns, identity }: Table, arrays: readonly string[], numbers: string): string {
  const sent = identity.map(key => arrays[columns.findIndex(column => column.name === key)]);
  return `CASE WHEN (SELECT count(*) FROM ${name}_stored) < cardinality(${numbers}) THEN (
    SELECT coalesce(array_agg(DISTINCT sent.number), '{}')
    FROM unnest(${sent.join(', ')}, ${numbers}) AS sent (${identity.join(', ')}, number)
    JOIN ${name}_stored USING (${identity.join(', ')})) END AS ${name}`;
}
