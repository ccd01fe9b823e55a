// What becomes of a reading in the database: which table, which columns; one entry per table.
import { digest } from '../kernel/bytes.ts';
import { expected } from '../kernel/fault.ts';
import { milliseconds } from '../reading/instant.ts';
import type { Metadata, Reading, ReadingTable, Value } from '../reading/reading.ts';

/** A reading that has passed the checks, with what several columns need, worked out once. */
export type Entry = {
  /** Place in the batch that was handed to the sink. */
  at: number;
  reading: Reading;
  table: ReadingTable;
  /** Content part of the identity, 32 hex digits. */
  digest: string;
  score: number | undefined;
  /** JSON for the metadata column, null when nothing is left to say. */
  metadata: string | null;
  /** Milliseconds since the epoch when the gateway heard it. */
  seenAt: number;
};

/** An entry and its number in the statement. */
export type Row = { entry: Entry; number: number };
/** Of a table with a row for each metric. */
export type MetricRow = Row & { metric: string };

/** Columns that a statement takes as one array each. */
export type Input<Item> = readonly { name: string; type: string; of(item: Item): unknown }[];
type Column<Item = Row> = Input<Item>[number];

/**
 * The arrays of these columns as rows, for FROM. Half the CPU of one unnest of them all, which first copies each into a
 * tuple store.
 */
export function rowsFrom(arrays: readonly string[], names: readonly string[], alias: string): string {
  return `(SELECT ${names.map((name, at) => `unnest(${arrays[at]}) AS ${name}`).join(', ')}) AS ${alias}`;
}

export type Table = {
  name: ReadingTable;
  /** Columns of the row identity. */
  identity: readonly string[];
  time: 'timestamp' | 'created_at';
  /** What the rows of an entry have in common: sent once, however many metrics it has. */
  columns: Input<Row>;
  /** Columns of each metric, where every metric has its row. */
  metricColumns?: Input<MetricRow>;
  /** Its rows have an id that counts in order of arrival. Else the rows of one device are written together: they touch the same pages of the index. */
  hasId: boolean;
  /** Keys of the metadata that stand elsewhere: here in a column, or in the devices, or that only mattered on the way. */
  elsewhere: ReadonlySet<string>;
  /** Metrics with a column of their own; all others go to metadata.telemetry. Undefined: every metric has its row. */
  metrics?: Readonly<Record<string, 'number' | 'text'>>;
};

const ELSEWHERE = [
  'digest',
  'receipt',
  'entry',
  'receivedAt',
  'receivedScore',
  'raw',
  'rejected',
  'orgId',
  'name',
  'class',
  'firmware',
  'applicationId',
  'lastMeasurement',
  'scannerLocation',
];

const text = <Item = Row>(name: string, of: (item: Item) => unknown): Column<Item> => ({ name, type: 'text', of });
const number = <Item = Row>(name: string, of: (item: Item) => unknown): Column<Item> => ({ name, type: 'float8', of });
const metricColumn = (name: string): Column => number(name, ({ entry }) => numeric(entry.reading.telemetry[name]));
const fromMetadata = (name: string, key: keyof Metadata): Column =>
  text(name, ({ entry }) => textOr(entry.reading.metadata[key]));

const common = (time: 'timestamp' | 'created_at'): Input<Row> => [
  text('device_id', ({ entry }) => entry.reading.deviceId),
  { name: time, type: 'timestamptz', of: ({ entry }) => entry.reading.timestamp },
  { name: 'digest', type: 'uuid', of: ({ entry }) => entry.digest },
  number('anomaly_score', ({ entry }) => entry.score),
  fromMetadata('org_id', 'orgId'),
  { name: 'metadata', type: 'jsonb', of: ({ entry }) => entry.metadata },
];

export const tables: Readonly<Record<ReadingTable, Table>> = {
  measurements: {
    name: 'measurements',
    hasId: true,
    identity: ['device_id', 'timestamp', 'digest'],
    time: 'timestamp',
    metrics: { value_mm: 'number' },
    elsewhere: new Set([...ELSEWHERE, 'sessionId', 'elementType', 'elementId', 'rawHex', 'source']),
    columns: [
      ...common('timestamp'),
      metricColumn('value_mm'),
      fromMetadata('session_id', 'sessionId'),
      fromMetadata('element_type', 'elementType'),
      fromMetadata('element_id', 'elementId'),
      fromMetadata('raw_hex', 'rawHex'),
      fromMetadata('source', 'source'),
    ],
  },
  energy_readings: {
    name: 'energy_readings',
    hasId: false,
    identity: ['device_id', 'timestamp', 'digest'],
    time: 'timestamp',
    metrics: { total_energy_kwh: 'number', power_kw: 'number', voltage: 'number', current: 'number' },
    elsewhere: new Set(ELSEWHERE),
    columns: [...common('timestamp'), ...['total_energy_kwh', 'power_kw', 'voltage', 'current'].map(metricColumn)],
  },
  flow_data: {
    name: 'flow_data',
    hasId: true,
    identity: ['device_id', 'created_at', 'digest'],
    time: 'created_at',
    metrics: { flow_rate: 'number', totalizer: 'number', temperature: 'number', status: 'text' },
    elsewhere: new Set(ELSEWHERE),
    columns: [
      ...common('created_at'),
      ...['flow_rate', 'totalizer', 'temperature'].map(metricColumn),
      text('status', ({ entry }) => textOr(entry.reading.telemetry['status'])),
    ],
  },
  sensor_readings: {
    name: 'sensor_readings',
    hasId: false,
    identity: ['device_id', 'metric', 'timestamp', 'digest'],
    time: 'timestamp',
    elsewhere: new Set([...ELSEWHERE, 'scannerId', 'quality']),
    columns: [
      ...common('timestamp'),
      fromMetadata('scanner_id', 'scannerId'),
      text('protocol', ({ entry }) => entry.reading.protocol),
    ],
    metricColumns: [
      text('metric', ({ metric }) => metric),
      number('value', ({ entry, metric }) => valueColumns(own(entry.reading.telemetry, metric)).value),
      text('value_text', ({ entry, metric }) => valueColumns(own(entry.reading.telemetry, metric)).text),
      text('quality', ({ entry, metric }) => textOr(own(entry.reading.metadata.quality ?? {}, metric))),
    ],
  },
};

/** A device may call a metric `constructor`: every object has one that is none of its metrics. */
function own<T>(values: Readonly<Record<string, T>>, metric: string): T | undefined {
  return Object.hasOwn(values, metric) ? values[metric] : undefined;
}

/** Columns `value` and `value_text`: a boolean stands in both, so that it can be drawn and read. */
export function valueColumns(value: Value | undefined): { value: number | undefined; text: string | undefined } {
  if (typeof value === 'number') return { value, text: undefined };
  if (typeof value === 'boolean') return { value: value ? 1 : 0, text: String(value) };
  return { value: undefined, text: value };
}

/** Metrics of a reading that have a row each: those with a value, and those that are absent for a reason. */
export function metricsOf({ telemetry, metadata }: Reading): readonly string[] {
  const metrics = Object.keys(telemetry);
  for (const metric in metadata.quality) if (!Object.hasOwn(telemetry, metric)) metrics.push(metric);
  return metrics;
}

const EARLIEST = Date.UTC(1970, 0, 1);
const AHEAD_MS = 366 * 86_400_000;
/** Times as readings carry them. */
export const ISO_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;
const DIGEST = /^[0-9a-f]{32}$/;

/** The entry of a reading, or why no table can take it. `now` bounds how far ahead a partition may be made. */
export function entryOf(reading: Reading, at: number, table: ReadingTable, now: number): Entry | string {
  const { deviceId, timestamp, telemetry, metadata } = reading;
  if (deviceId === '') return expected('reading', 'a deviceId', deviceId);
  const ms = ISO_UTC.test(timestamp) ? milliseconds(timestamp) : Number.NaN;
  if (!possible(ms, now))
    return expected('reading', 'a timestamp in ISO 8601 with Z, from 1970 to a year ahead', timestamp);
  const half = halfText(reading);
  if (half !== undefined) return expected(half, 'whole characters', 'half a surrogate pair');
  const { metrics } = tables[table];
  for (const metric in telemetry) {
    const value = telemetry[metric];
    if (typeof value === 'number' ? !Number.isFinite(value) : typeof value !== 'string' && typeof value !== 'boolean')
      return expected(`telemetry.${metric}`, 'a finite number, a text or a boolean', String(value));
    if (metrics?.[metric] === 'number' && numeric(value) === undefined)
      return expected(`telemetry.${metric}`, `a number for ${table}`, value);
  }
  const score = metadata.receivedScore ?? metadata.anomaly?.score;
  if (score !== undefined && !Number.isFinite(score))
    return expected('anomaly score', 'a finite number', String(score));
  let json: string | null;
  try {
    json = metadataOf(reading, tables[table]);
  } catch {
    return expected('metadata', 'something that JSON can hold', metadata);
  }
  const given = typeof metadata.digest === 'string' ? metadata.digest.toLowerCase() : undefined;
  return {
    at,
    reading,
    table,
    digest: given !== undefined && DIGEST.test(given) ? given : digest(given ?? JSON.stringify(telemetry)),
    score,
    metadata: json,
    seenAt: possible(metadata.receivedAt, now) ? metadata.receivedAt : ms,
  };
}

const isHalf = (text: unknown): boolean => typeof text === 'string' && !text.isWellFormed();

/** Which text for a column UTF-8 cannot hold: another one would be stored. In JSON it is PostgreSQL that refuses it. */
function halfText({ deviceId, protocol, telemetry, metadata }: Reading): string | undefined {
  if (isHalf(deviceId) || isHalf(protocol)) return isHalf(deviceId) ? 'deviceId' : 'protocol';
  for (const metric in telemetry) if (isHalf(metric) || isHalf(telemetry[metric])) return 'telemetry';
  for (const key in metadata) if (isHalf(metadata[key])) return `metadata.${key}`;
  for (const metric in metadata.quality)
    if (isHalf(metric) || isHalf(metadata.quality[metric])) return 'metadata.quality';
  return undefined;
}

function possible(ms: number | undefined, now: number): ms is number {
  return ms !== undefined && ms >= EARLIEST && ms <= now + AHEAD_MS;
}

function metadataOf(reading: Reading, { metrics, elsewhere }: Table): string | null {
  const { metadata, telemetry } = reading;
  let kept: Record<string, unknown> | undefined;
  for (const key in metadata)
    if (!elsewhere.has(key)) {
      kept ??= {};
      kept[key] = metadata[key];
    }
  if (metrics !== undefined) {
    let others: Record<string, Value> | undefined;
    for (const metric in telemetry)
      if (!Object.hasOwn(metrics, metric)) {
        others ??= {};
        others[metric] = telemetry[metric]!;
      }
    if (others !== undefined) kept = { ...kept, telemetry: others };
  }
  return kept === undefined ? null : JSON.stringify(kept);
}

/** A number, also where it came as text; undefined for anything else. */
function numeric(value: Value | undefined): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const parsed = Number(value);
  return Number.isFinite(parsed) ? parsed : undefined;
}

function textOr(value: unknown): string | undefined {
  return value === undefined || value === null || typeof value === 'object' ? undefined : String(value);
}
