// The one statement of a batch: rows into their tables, devices, latest values and receipts; all of it or nothing.
import type { Statement } from '../reading/contracts.ts';
import type { ReadingTable } from '../reading/reading.ts';
import { textOfDevices } from './device-text.ts';
import {
  type Device,
  deviceColumns,
  devicesInsert,
  latestColumns,
  latestInsert,
  latestOf,
  order,
  summed,
} from './devices.ts';
import { type Entry, type Input, metricsOf, type Row, rowsFrom, type Table, tables } from './rows.ts';
import { heartbeatsOf, scannerColumns, scannersInsert } from './scanners.ts';

/**
 * Numbers of the stored entries of one table within the statement's entries; null when all are. Of a table whose rows have
 * an id it is never null, and `…_ids` are theirs, in the same order.
 */
export type Answer = Partial<Record<ReadingTable | `${ReadingTable}_ids`, readonly number[] | null>> & {
  /** The row of `device_updates` that keeps what is put off. */
  update_id?: number;
};

/** Whether every table that the statement goes into has taken a row that was new. */
export function landed([answer = {}]: readonly Answer[]): boolean {
  return Object.keys(tables).every(name => answer[name as ReadingTable]?.length !== 0);
}

/** What a statement consists of; its text depends on nothing else, so few texts are ever made and planned. */
type Shape = {
  tables: readonly Table[];
  devices: boolean;
  latest: boolean;
  putOff: boolean;
  scanners: boolean;
  receipts: boolean;
};

/** With the devices that it writes, and those that it only puts off. */
export type ReadingStatement = Statement & { devices: readonly Device[]; later: readonly Device[] };

export type StatementOptions = {
  /** Name of the sink in the receipts. */
  target: string;
  receiptKey(entry: Entry): string | undefined;
  putOff: PutOff;
};

/** What goes into `device_updates` instead of the tables, of what a batch says of a device; undefined where nothing does. */
export type PutOff = (device: Device) => Device | undefined;

const binder =
  (values: unknown[]) =>
  <Item>(input: Input<Item>, items: readonly Item[]): void => {
    for (const column of input) values.push(items.map(column.of));
  };

export function statementOf(
  entries: readonly Entry[],
  { target, receiptKey, putOff }: StatementOptions,
): ReadingStatement {
  const values: unknown[] = [];
  const bind = binder(values);
  const present: Table[] = [];
  for (const table of Object.values(tables)) {
    const rows = rowsOf(table, entries);
    if (rows.length === 0) continue;
    present.push(table);
    bind(table.columns, rows);
    values.push(rows.map(row => row.number));
    if (table.metricColumns === undefined) continue;
    const metricRows = rows.flatMap(row => metricsOf(row.entry.reading).map(metric => ({ ...row, metric })));
    bind(table.metricColumns, metricRows);
    values.push(metricRows.map(row => row.number));
  }
  const devices: Device[] = [];
  const later: Device[] = [];
  for (const device of summed(entries)) {
    const update = putOff(device);
    if (update === undefined) devices.push(device);
    else later.push(update);
  }
  const shape = bindDevices(values, devices);
  // In an array as all else: without items there is no row.
  if (later.length > 0) values.push([textOfDevices(later)]);
  const heartbeats = heartbeatsOf(entries);
  if (heartbeats.length > 0) bind(scannerColumns, heartbeats);
  const keys = new Set(entries.map(receiptKey).filter(key => key !== undefined));
  if (keys.size > 0) values.push([...keys].sort(), target);
  const sql = textOf({
    ...shape,
    tables: present,
    putOff: later.length > 0,
    scanners: heartbeats.length > 0,
    receipts: keys.size > 0,
  });
  return { sql, values, devices, later };
}

/** Of devices alone, in the order of their ids: what was put off goes to where it belongs. */
export function devicesStatement(devices: readonly Device[]): Statement {
  const values: unknown[] = [];
  const shape = bindDevices(values, devices);
  return { sql: textOf({ ...shape, tables: [], putOff: false, scanners: false, receipts: false }), values };
}

function bindDevices(values: unknown[], devices: readonly Device[]): Pick<Shape, 'devices' | 'latest'> {
  const bind = binder(values);
  if (devices.length > 0) bind(deviceColumns, devices);
  const latest = latestOf(devices);
  if (latest.length > 0) bind(latestColumns, latest);
  return { devices: devices.length > 0, latest: latest.length > 0 };
}

function rowsOf({ name, hasId, metricColumns }: Table, entries: readonly Entry[]): readonly Row[] {
  const rows: Row[] = [];
  for (let number = 0; number < entries.length; number++) {
    const entry = entries[number]!;
    if (entry.table === name && (metricColumns === undefined || metricsOf(entry.reading).length > 0))
      rows.push({ entry, number });
  }
  return hasId ? rows : rows.sort((a, b) => order(a.entry.reading.deviceId, b.entry.reading.deviceId));
}

const texts = new Map<string, string>();
function textOf(shape: Shape): string {
  const { tables, ...parts } = shape;
  const key = `${tables.map(table => table.name)} ${JSON.stringify(parts)}`;
  let text = texts.get(key);
  if (text === undefined) {
    text = compose(shape);
    texts.set(key, text);
  }
  return text;
}

function compose({ tables, devices, latest, putOff, scanners, receipts }: Shape): string {
  let count = 0;
  const place = (type: string) => `$${++count}::${type}[]`;
  const places = (input: Input<never>) => input.map(column => place(column.type));
  const parts: string[] = [];
  const answers: string[] = [];
  const told: string[] = [];
  for (const table of tables) {
    const sent = sentOf(table, places, () => place('int4'));
    parts.push(insertOf(table, sent.from));
    answers.push(answerOf(table, sent));
    if (table.hasId) told.push(toldOf(table, sent));
  }
  if (devices) parts.push(`device AS (${devicesInsert(places(deviceColumns))})`);
  if (latest) parts.push(`latest AS (${latestInsert(places(latestColumns))})`);
  if (putOff) {
    parts.push(`put_off AS (INSERT INTO device_updates (body) SELECT unnest(${place('text')}) RETURNING id::float8)`);
    answers.push('(SELECT id FROM put_off) AS update_id');
  }
  if (scanners) parts.push(`scanner AS (${scannersInsert(places(scannerColumns))})`);
  if (receipts)
    parts.push(`receipt AS (INSERT INTO receipts (key, target) SELECT key, $${count + 2} FROM unnest($${count + 1}::text[]) AS key
      ON CONFLICT (key, target) DO UPDATE SET created_at = excluded.created_at)`);
  const from = told.length > 0 ? `\nFROM ${told.join(',\n')}` : '';
  return `WITH ${parts.join(',\n')}\nSELECT ${answers.join(',\n')}${from}`;
}

/** The rows as they were sent, one by one, with their `number`; and how many numbers to expect. */
type Sent = { from: string; count: string };

function sentOf(
  { columns, metricColumns }: Table,
  places: (input: Input<never>) => string[],
  numbers: () => string,
): Sent {
  const list = (input: Input<never>) => {
    const arrays = places(input);
    const place = numbers();
    const names = input.map(column => column.name);
    return { place, from: (alias: string) => rowsFrom([...arrays, place], [...names, 'number'], alias) };
  };
  const entries = list(columns);
  if (metricColumns === undefined) return { from: entries.from('entry'), count: `cardinality(${entries.place})` };
  const metrics = list(metricColumns);
  return {
    from: `${entries.from('entry')} JOIN ${metrics.from('metrics')} USING (number)`,
    count: `cardinality(${metrics.place})`,
  };
}

function insertOf({ name, columns, metricColumns = [], identity, hasId }: Table, from: string): string {
  const names = [...columns, ...metricColumns].map(column => column.name).join(', ');
  return `${name}_stored AS (
    INSERT INTO ${name} (${names}) SELECT ${names} FROM ${from}
    ON CONFLICT (${identity.join(', ')}) DO NOTHING RETURNING ${identity.join(', ')}${hasId ? ', id' : ''})`;
}

/** Only where fewer rows were stored than sent is it worked out which: the join is skipped otherwise. */
function answerOf({ name, identity, hasId }: Table, { from, count }: Sent): string {
  if (hasId) return `${name}_told.numbers AS ${name}, ${name}_told.ids AS ${name}_ids`;
  return `CASE WHEN (SELECT count(*) FROM ${name}_stored) < ${count} THEN (
    SELECT coalesce(array_agg(DISTINCT number), '{}')
    FROM ${from} JOIN ${name}_stored USING (${identity.join(', ')})) END AS ${name}`;
}

/** Which were stored, and their ids: one row, whatever was. */
function toldOf({ name, identity }: Table, { from }: Sent): string {
  return `(SELECT coalesce(array_agg(number), '{}') AS numbers, coalesce(array_agg(id::float8), '{}') AS ids
    FROM ${from} JOIN ${name}_stored USING (${identity.join(', ')})) AS ${name}_told`;
}
