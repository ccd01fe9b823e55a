// The reading: the one shape between every input and every output (seed 002's device data structure).

export const protocols = ['mqtt', 'http', 'websocket', 'lorawan', 'gsm', 'bluetooth', 'modbus'] as const;
export type Protocol = (typeof protocols)[number];
export type Value = number | string | boolean;

/** Result of the anomaly node: the lowest score of the reading's metrics; 1 normal, below 0 anomalous. */
export type Anomaly = {
  score: number;
  metric: string;
  kind: string;
  expected?: number;
  band?: readonly [low: number, high: number];
  /** What the band is of, where it is not the metric's value: of a counter its rise per second, or the mean of the last 24 values. */
  judged?: number;
  since?: string;
  /** How grave the value is, be it reported for the first time (score below 0) or part of an episode that was. */
  severity?: Severity;
  /** The reason in words, of what has a severity. */
  why?: string;
  /** All metrics of the reading's series that are in alarm; absent when none is. */
  alarms?: Alarm[];
  /** Of a reading that is reported, its other metrics that are reported with it; absent when there are none. */
  also?: Also[];
  /** The key of the series, where the node tells them apart by a key of its own: by it feedback finds the series again. */
  series?: string;
};

/** A further metric of the same reading, by itself, for its rows may not stand together; `expected` and `band` of a value that is odd. */
export type Also = Pick<Anomaly, 'score' | 'metric' | 'kind' | 'expected' | 'band' | 'judged' | 'since'> & {
  value: number;
};

export type Severity = 'info' | 'warning' | 'critical';

/**
 * From the first grave value until the series has been normal for a while: an alert that goes by it does not flap.
 * `severity`: the worst so far. `kind`: that of the worst value, or how it lasts (shift, burst).
 */
export type Alarm = { metric: string; severity: Severity; kind: string; since?: string };

/**
 * How a redelivery of a message without a time of its own is recognised: the sink writes `key` in the transaction of
 * the rows; when `redelivered` and the key is there, the rows are duplicates.
 */
export type Receipt = { key: string; redelivered: boolean };

export type Metadata = {
  signalStrength?: number;
  batteryLevel?: number;
  location?: { lat: number; lon: number };
  /** 'gateway' where the device gave no usable time and the time of first receipt stands in. */
  timestampSource?: 'gateway';
  /** What the device said, where it was not usable. */
  deviceTimestamp?: string;
  /** What of its message's text could not be stored as it came, and what stands for it. */
  repaired?: string;
  /** metric → why it is absent (NaN, "not implemented", out of range …). */
  quality?: Record<string, string>;
  anomaly?: Anomaly;
  /** A score that came with the measurement (A01); it wins over ours. */
  receivedScore?: number;
  /** Digest of the message (of the array item) as received: the content part of the row identity. */
  digest?: string;
  receipt?: Receipt;
  /** Entry of its message in the ledger. */
  entry?: string;
  /** Milliseconds since the epoch at first receipt. */
  receivedAt?: number;
  /** Scanner or source that brought it. */
  scannerId?: string;
  /** Decoder, register map or mapping that made it. */
  parser?: string;
  name?: string;
  sessionId?: string;
  elementType?: string;
  elementId?: string;
  /** The path a measurement took (A07): ble_mobile, bridge, esp32 … */
  source?: string;
  rawHex?: string;
  /** Archived by raw-archive where the source gives readings rather than raw messages (Modbus). */
  raw?: { topic: string; hex: string };
  firmware?: string;
  applicationId?: string;
  orgId?: string;
  /** Unknown fields of the payload, kept. */
  extra?: Record<string, unknown>;
  [key: string]: unknown;
};

export type Reading = {
  deviceId: string;
  protocol: Protocol;
  /** ISO 8601 with Z, at least milliseconds. */
  timestamp: string;
  telemetry: Record<string, Value>;
  metadata: Metadata;
};

export function isReading(value: unknown): value is Reading {
  if (typeof value !== 'object' || value === null) return false;
  const it = value as Partial<Reading>;
  return (
    typeof it.deviceId === 'string' &&
    typeof it.timestamp === 'string' &&
    typeof it.telemetry === 'object' &&
    it.telemetry !== null &&
    typeof it.metadata === 'object' &&
    it.metadata !== null
  );
}

/** Members of a payload that is one item or a batch. */
export function membersOf(payload: unknown): readonly unknown[] {
  return Array.isArray(payload) ? payload : [payload];
}

/** Entry in the ledger of a raw message or a reading; undefined where no source counts it. */
export function entryOf(member: unknown): string | undefined {
  if (typeof member !== 'object' || member === null) return undefined;
  const { entry, metadata } = member as { entry?: unknown; metadata?: { entry?: unknown } };
  const found = metadata?.entry ?? entry;
  return typeof found === 'string' ? found : undefined;
}

/** Entries of all members of a payload. */
export function entriesOf(payload: unknown): readonly string[] {
  if (Array.isArray(payload)) return payload.flatMap(member => entryOf(member) ?? []);
  const entry = entryOf(payload);
  return entry === undefined ? [] : [entry];
}

/** Tables a reading's values go to, besides devices and latest_values. */
export type ReadingTable = 'measurements' | 'energy_readings' | 'flow_data' | 'sensor_readings';

/** By the metrics alone, the first that fits in this order: value_mm, energy, flow, anything else. */
export function tableOf(telemetry: Reading['telemetry']): ReadingTable {
  if ('value_mm' in telemetry) return 'measurements';
  if ('total_energy_kwh' in telemetry || 'power_kw' in telemetry) return 'energy_readings';
  if ('flow_rate' in telemetry || 'totalizer' in telemetry) return 'flow_data';
  return 'sensor_readings';
}
