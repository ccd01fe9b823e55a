// What a mapping makes of one reading, before anything is written: value by value, with the reason where it does not fit.
import { reasonOf } from '../../kernel/fault.ts';
import type { Query } from '../../reading/contracts.ts';
import type { Reading } from '../../reading/reading.ts';
import { fitted } from './fit.ts';
import { type Mapping, planOf } from './plan.ts';
import type { Arrived } from './rows.ts';
import { parseSource, sourcesOf } from './source.ts';
import { type Column, columnOf, describeTable, type Table, titleOf } from './table.ts';

/** `text`: as PostgreSQL writes it; null for NULL, undefined where there is none. */
export type Cell = { column: string; type: string; from: string; text?: string | null; fault?: string };
export type Preview = { table: string; cells: readonly Cell[]; faults: readonly string[] };

/** What the dialog shows of a table. */
export type TableCard = {
  table: string;
  columns: readonly { name: string; type: string; required: boolean; made: boolean; guess: string }[];
  /** `text`: as the setting has it. */
  keys: readonly { text: string; columns: readonly string[] }[];
  sources: readonly string[];
};

/** Longest text that is shown. */
const SHOWN = 200;

export async function tableCard(query: Query, name: string, example: Reading): Promise<TableCard> {
  const table = await describeTable(query, name);
  const sources = sourcesOf(example);
  return {
    table: titleOf(table),
    columns: table.columns.map(column => ({
      name: column.name,
      type: column.type,
      required: column.notNull && !column.hasDefault && !column.generated,
      made: column.generated,
      guess: column.generated ? '' : guessOf(column, sources),
    })),
    keys: table.keys.map(({ columns }) => ({
      text: columns.map(column => (/[",]/.test(column) ? `"${column.replaceAll('"', '""')}"` : column)).join(', '),
      columns,
    })),
    sources,
  };
}

/** Writes nothing: each value is only read as the type of its column. Rejects with a Fault where there is no such table. */
export async function previewOf(query: Query, mapping: Mapping, arrived: Arrived & { row: Reading }): Promise<Preview> {
  const table = await describeTable(query, mapping.table);
  const plan = planOf(table, mapping);
  const metric = Object.keys(arrived.row.telemetry)[0];
  const cells: Cell[] = [];
  for (const { column, from } of mapping.columns) {
    if (from.trim() === '') continue;
    cells.push(await cellOf(query, table, { column, from }, { reading: arrived.row, topic: arrived.topic, metric }));
  }
  return { table: titleOf(table), cells, faults: 'mapped' in plan ? [] : plan };
}

async function cellOf(
  query: Query,
  table: Table,
  { column: name, from }: { column: string; from: string },
  measured: { reading: Reading; topic: string | undefined; metric: string | undefined },
): Promise<Cell> {
  const column = columnOf(table, name);
  if (typeof column === 'string') return { column: name, type: '', from, fault: column };
  const cell = { column: name, type: column.type, from };
  const source = parseSource(from);
  if (typeof source === 'string') return { ...cell, fault: source };
  const fit = fitted(source.read(measured), column);
  if (fit === null) return { ...cell, text: null };
  if ('fault' in fit) return { ...cell, fault: fit.fault };
  try {
    const [read] = await query<{ text: string }>(
      `SELECT left($1::text::${column.cast}::${column.type}::text, $2) AS text`,
      [fit.text, SHOWN],
    );
    return { ...cell, text: read?.text ?? null };
  } catch (error) {
    return { ...cell, text: fit.text.slice(0, SHOWN), fault: reasonOf(error) };
  }
}

/** Names that tables have for what every reading has. */
const USUAL: readonly [names: RegExp, from: string][] = [
  [/^(device|device_?id|sensor|sensor_?id|meter|meter_?id|asset_?id)$/, 'deviceId'],
  [/^(time|timestamp|ts|at|measured_?at|created_?at|event_?time|datetime|date)$/, 'timestamp'],
  [/^(received_?at|ingested_?at|inserted_?at)$/, 'receivedAt'],
  [/^protocol$/, 'protocol'],
  [/^topic$/, 'topic'],
  [/^(scanner|scanner_?id|gateway|gateway_?id)$/, 'scannerId'],
  [/^(raw|raw_?hex|frame)$/, 'rawHex'],
  [/^(anomaly|anomaly_?score|score)$/, 'anomalyScore'],
  [/^digest$/, 'digest'],
  [/^(metric|metric_?name)$/, 'metric'],
  [/^(value|metric_?value)$/, 'value'],
];

/** The likely source of a column, by its name and by what the reading has; '' for none. */
function guessOf({ name, base }: Column, sources: readonly string[]): string {
  const like = plain(name);
  const metric = sources.find(source => source.startsWith('telemetry.') && plain(source.slice(10)) === like);
  if (metric !== undefined) return metric;
  const words = name.toLowerCase().replaceAll(/[\s-]+/g, '_');
  const usual = USUAL.find(([names]) => names.test(words))?.[1];
  if (usual !== undefined) return usual;
  const known = sources.find(source => source.startsWith('metadata.') && plain(source.split('.').at(-1)!) === like);
  if (known !== undefined) return known;
  if (base !== 'jsonb' && base !== 'json') return '';
  return /^(telemetry|values|measurements)$/.test(like) ? 'telemetry' : /^meta/.test(like) ? 'metadata' : 'reading';
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}
