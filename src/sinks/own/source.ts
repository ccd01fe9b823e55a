// Where the value of a column comes from, as the operator writes it: a part of the reading, its metadata, or a constant.
import { expected } from '../../kernel/fault.ts';
import { isReading, type Reading } from '../../reading/reading.ts';

/** `metric`: of a row of its own, where the columns ask for `metric` and `value`. */
export type Measured = { reading: Reading; topic: string | undefined; metric: string | undefined };
export type Read = (measured: Measured) => unknown;
export type Source = {
  read: Read;
  /** A row for each metric of the reading, not one for all. */
  perMetric: boolean;
};

const named: Readonly<Record<string, Read>> = {
  deviceId: ({ reading }) => reading.deviceId,
  protocol: ({ reading }) => reading.protocol,
  timestamp: ({ reading }) => reading.timestamp,
  receivedAt: ({ reading: { metadata } }) =>
    Number.isFinite(metadata.receivedAt) ? new Date(metadata.receivedAt as number).toISOString() : undefined,
  topic: ({ topic }) => topic,
  scannerId: ({ reading }) => reading.metadata.scannerId,
  rawHex: ({ reading: { metadata } }) => metadata.rawHex ?? metadata.raw?.hex,
  anomalyScore: ({ reading: { metadata } }) => metadata.receivedScore ?? metadata.anomaly?.score,
  digest: ({ reading }) => reading.metadata.digest,
  telemetry: ({ reading }) => reading.telemetry,
  metadata: ({ reading }) => lasting(reading).metadata,
  reading: ({ reading }) => lasting(reading),
  metric: ({ metric }) => metric,
  value: ({ reading, metric }) => (metric === undefined ? undefined : own(reading.telemetry, metric)),
};
const PER_METRIC: ReadonlySet<string> = new Set(['metric', 'value']);

/** The words of the list, and what they mean; the dialog shows both. */
export const sourceWords: Readonly<Record<string, string>> = {
  deviceId: 'the device',
  protocol: 'mqtt, bluetooth, modbus …',
  timestamp: 'when it was measured',
  receivedAt: 'when the gateway got it',
  topic: 'topic of the message',
  scannerId: 'scanner or source that brought it',
  rawHex: 'the frame, as hex digits',
  anomalyScore: '1 normal, below 0 anomalous',
  digest: 'digest of the message, as uuid or text',
  telemetry: 'all metrics, as JSON',
  metadata: 'all metadata, as JSON',
  reading: 'the whole reading, as JSON',
  metric: 'name of the metric: one row for each',
  value: 'value of that metric',
};

/** `telemetry.<metric>`, `metadata.<path>`, `=constant`, or one of the words. Or the reason why it is none. */
export function parseSource(text: string): Source | string {
  if (text.startsWith('=')) {
    const constant = text.slice(1);
    return { read: () => constant, perMetric: false };
  }
  const from = text.trim();
  const known = Object.hasOwn(named, from) ? named[from] : undefined;
  if (known !== undefined) return { read: known, perMetric: PER_METRIC.has(from) };
  const metric = /^telemetry\.(.+)$/s.exec(from)?.[1];
  if (metric !== undefined) return { read: ({ reading }) => own(reading.telemetry, metric), perMetric: false };
  const path = /^metadata\.(.+)$/s.exec(from)?.[1];
  if (path !== undefined) return { read: ({ reading }) => within(reading.metadata, path.split('.')), perMetric: false };
  return expected(
    'value',
    `telemetry.<metric>, metadata.<path>, =constant or one of ${Object.keys(named).join(', ')}`,
    text,
  );
}

/** What this reading has to offer, for the list of the dialog. */
export function sourcesOf(reading: Reading): readonly string[] {
  const { metadata, telemetry } = reading;
  const inside = Object.entries(lasting(reading).metadata).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? [`metadata.${key}`, ...Object.keys(value).map(inner => `metadata.${key}.${inner}`)]
      : [`metadata.${key}`],
  );
  const words = Object.keys(named).filter(word => word !== 'rawHex' || metadata.rawHex !== undefined || metadata.raw);
  return [...Object.keys(telemetry).map(metric => `telemetry.${metric}`), ...words, ...inside];
}

/** Only what the object holds itself: `constructor` is no field of a payload. */
function own(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function within(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const key of path) at = own(at, key);
  return at;
}

/** Without what only matters on the way. */
function lasting(reading: Reading): Reading {
  if (!isReading(reading)) return reading;
  const { receipt: _receipt, entry: _entry, ...metadata } = reading.metadata;
  return { ...reading, metadata };
}
