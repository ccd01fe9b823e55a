// What batches say about their devices: one line per device and one per latest value, in key order, so that two writers
// lock rows in the same order and never wait for each other in a ring.
import type { Reading, Value } from '../reading/reading.ts';
import { type Entry, type Input, ISO_UTC, rowsFrom, valueColumns } from './rows.ts';

/**
 * A column of `devices` that readings fill. `newest`: what the latest reading with a word on it says. `first`: what is
 * known stays, since an operator may have put it there.
 */
type Particular = { column: string; type: string; keeps: 'newest' | 'first'; of(reading: Reading): unknown };

const particulars: readonly Particular[] = [
  { column: 'rssi', type: 'float8', keeps: 'newest', of: ({ metadata }) => finite(metadata.signalStrength) },
  {
    column: 'battery_estimate',
    type: 'float8',
    keeps: 'newest',
    of: ({ metadata, telemetry }) => finite(metadata.batteryLevel) ?? finite(telemetry['battery']),
  },
  { column: 'firmware', type: 'text', keeps: 'newest', of: ({ metadata }) => text(metadata.firmware) },
  { column: 'parser', type: 'text', keeps: 'newest', of: ({ metadata }) => text(metadata.parser) },
  // Of a status message (A03).
  {
    column: 'connected',
    type: 'boolean',
    keeps: 'newest',
    of: ({ telemetry }) => (typeof telemetry['connected'] === 'boolean' ? telemetry['connected'] : undefined),
  },
  {
    column: 'measurements_today',
    type: 'int8',
    keeps: 'newest',
    of: ({ telemetry }) =>
      Number.isSafeInteger(telemetry['measurements_today']) ? telemetry['measurements_today'] : undefined,
  },
  { column: 'name', type: 'text', keeps: 'first', of: ({ metadata }) => text(metadata.name) },
  { column: 'class', type: 'text', keeps: 'first', of: ({ metadata }) => text(metadata['class']) },
  { column: 'application_id', type: 'text', keeps: 'first', of: ({ metadata }) => text(metadata.applicationId) },
  { column: 'org_id', type: 'text', keeps: 'first', of: ({ metadata }) => text(metadata.orgId) },
];

export type Latest = { deviceId: string; metric: string; timestamp: string; value: Value; orgId: string | undefined };
export type Device = {
  id: string;
  seenAt: number;
  lastMeasurement: string | undefined;
  /** By index of `particulars`. */
  known: unknown[];
  protocol: string;
  location: unknown;
  latest: Map<string, Latest>;
  /** From readings older than what had been said of it before: fills what nobody has said a word on. */
  late?: Device | undefined;
};

/** The batch by device and metric: newest values, last time heard, last known particulars; sorted by key. */
export function summed(entries: readonly Entry[]): readonly Device[] {
  const devices = new Map<string, Device>();
  for (const entry of entries) {
    const { deviceId, protocol } = entry.reading;
    let device = devices.get(deviceId);
    if (device === undefined) {
      const latest = new Map<string, Latest>();
      device = {
        id: deviceId,
        seenAt: -Infinity,
        lastMeasurement: undefined,
        known: [],
        protocol,
        location: undefined,
        latest,
      };
      devices.set(deviceId, device);
    }
    take(device, entry);
  }
  return [...devices.values()].sort((a, b) => order(a.id, b.id));
}

function take(device: Device, { reading, table, seenAt }: Entry): void {
  const { timestamp, telemetry, metadata, deviceId } = reading;
  const newer = seenAt >= device.seenAt;
  if (newer) device.seenAt = seenAt;
  for (let at = 0; at < particulars.length; at++) {
    const value = particulars[at]!.of(reading);
    if (value !== undefined && (newer || device.known[at] === undefined)) device.known[at] = value;
  }
  if (metadata.location !== undefined && (newer || device.location === undefined)) device.location = metadata.location;
  const measured = table === 'measurements' ? timestamp : metadata['lastMeasurement'];
  if (typeof measured === 'string' && ISO_UTC.test(measured) && !isLater(device.lastMeasurement, measured))
    device.lastMeasurement = measured;
  for (const metric in telemetry) {
    const known = device.latest.get(metric);
    if (known !== undefined && isLater(known.timestamp, timestamp)) continue;
    const value = telemetry[metric]!;
    const orgId = text(metadata.orgId);
    if (known === undefined) device.latest.set(metric, { deviceId, metric, timestamp, value, orgId });
    else Object.assign(known, { timestamp, value, orgId });
  }
}

/** What two batches say of one device, as if one after the other had been written: by the order of time, not of arrival. */
export function merged(earlier: Device, given: Device): Device {
  const later = orLate(given, earlier);
  const latest = new Map(earlier.latest);
  for (const [metric, value] of later.latest) {
    const known = latest.get(metric);
    if (known === undefined) latest.set(metric, value);
    else if (!isLater(known.timestamp, value.timestamp))
      latest.set(metric, { ...value, orgId: value.orgId ?? known.orgId });
  }
  return {
    ...later,
    lastMeasurement: isLater(earlier.lastMeasurement, later.lastMeasurement)
      ? earlier.lastMeasurement
      : later.lastMeasurement,
    known: particulars.map(({ keeps }, at) =>
      keeps === 'first' ? (earlier.known[at] ?? later.known[at]) : (later.known[at] ?? earlier.known[at]),
    ),
    location: later.location ?? earlier.location,
    latest,
    late: filled(earlier.late, later.late),
  };
}

/** What a batch says of a device of which something newer was said `before`: its particulars must not go along as if they were new. */
export function orLate(device: Device, before: Pick<Device, 'seenAt' | 'protocol'>): Device {
  if (device.seenAt >= before.seenAt) return device;
  return {
    ...device,
    seenAt: before.seenAt,
    protocol: before.protocol,
    known: particulars.map(({ keeps }, at) => (keeps === 'first' ? device.known[at] : undefined)),
    location: undefined,
    late: filled(device.late, { ...device, latest: new Map(), late: undefined }),
  };
}

function filled(earlier: Device | undefined, later: Device | undefined): Device | undefined {
  if (earlier === undefined || later === undefined) return earlier ?? later;
  return {
    ...earlier,
    seenAt: Math.min(earlier.seenAt, later.seenAt),
    known: particulars.map((_, at) => earlier.known[at] ?? later.known[at]),
    location: earlier.location ?? later.location,
  };
}

/** The names of `known`, in its order. */
export const knownColumns: readonly string[] = particulars.map(({ column }) => column);

export const deviceColumns: Input<Device> = [
  { name: 'device_id', type: 'text', of: device => device.id },
  { name: 'last_seen', type: 'timestamptz', of: device => new Date(device.seenAt) },
  { name: 'last_measurement', type: 'timestamptz', of: device => device.lastMeasurement },
  { name: 'metadata', type: 'jsonb', of: ({ protocol, location }) => JSON.stringify({ protocol, location }) },
  ...particulars.map(({ column, type }, at) => ({ name: column, type, of: (device: Device) => device.known[at] })),
];

export const latestColumns: Input<Latest> = [
  { name: 'device_id', type: 'text', of: row => row.deviceId },
  { name: 'metric', type: 'text', of: row => row.metric },
  { name: 'value', type: 'float8', of: row => valueColumns(row.value).value },
  { name: 'value_text', type: 'text', of: row => valueColumns(row.value).text },
  { name: 'timestamp', type: 'timestamptz', of: row => row.timestamp },
  { name: 'org_id', type: 'text', of: row => row.orgId },
];

export function latestOf(devices: readonly Device[]): readonly Latest[] {
  const rows: Latest[] = [];
  let metrics: readonly string[] = [];
  let sorted: readonly string[] = [];
  for (const { latest } of devices) {
    // Devices of one kind have the same metrics in the same order: sorted once.
    const own = [...latest.keys()];
    if (own.length !== metrics.length || own.some((metric, at) => metric !== metrics[at])) {
      metrics = own;
      sorted = own.toSorted();
    }
    // In one order for all writers, so that no two wait for each other's rows.
    for (const metric of sorted) rows.push(latest.get(metric) as Latest);
  }
  return rows;
}

// An upsert locks a row even where it changes nothing, and live data of the same devices then waits for the commit. What a
// replay or an outbox brings late mostly has nothing to say any more: that is looked up first, without a lock.
const isRecent = (time: string): string => `${time} > now() - interval '1 minute'`;

/** `last_seen` never goes back and never lies ahead; particulars as `keeps` says. */
export function devicesInsert(arrays: readonly string[]): string {
  const names = deviceColumns.map(column => column.name);
  const columns = names.join(', ');
  const sets = particulars.map(({ column, keeps }) =>
    keeps === 'first'
      ? `${column} = coalesce(d.${column}, excluded.${column})`
      : `${column} = CASE WHEN d.last_seen > excluded.last_seen THEN coalesce(d.${column}, excluded.${column}) ELSE coalesce(excluded.${column}, d.${column}) END`,
  );
  const known = particulars.map(({ column }) => `(r.${column} IS NULL OR d.${column} IS NOT NULL)`);
  return `INSERT INTO devices AS d (${columns})
    SELECT ${columns.replace('last_seen', 'least(last_seen, now())')}
    FROM ${rowsFrom(arrays, names, 'r')}
    WHERE ${isRecent('r.last_seen')} OR (
      SELECT d.last_seen > r.last_seen AND (r.last_measurement IS NULL OR d.last_measurement >= r.last_measurement)
        AND r.metadata || d.metadata = d.metadata AND ${known.join(' AND ')}
      FROM devices AS d WHERE d.device_id = r.device_id) IS NOT TRUE
    ON CONFLICT (device_id) DO UPDATE SET
      last_seen = greatest(d.last_seen, excluded.last_seen),
      last_measurement = greatest(d.last_measurement, excluded.last_measurement),
      metadata = CASE WHEN d.last_seen > excluded.last_seen THEN excluded.metadata || d.metadata ELSE d.metadata || excluded.metadata END,
      ${sets.join(', ')}`;
}

/** Only a newer value replaces what stands there. */
export function latestInsert(arrays: readonly string[]): string {
  const names = latestColumns.map(column => column.name);
  const columns = names.join(', ');
  return `INSERT INTO latest_values AS l (${columns})
    SELECT ${columns} FROM ${rowsFrom(arrays, names, 'r')}
    WHERE ${isRecent('r.timestamp')} OR (
      SELECT l.timestamp > r.timestamp FROM latest_values AS l
      WHERE l.device_id = r.device_id AND l.metric = r.metric) IS NOT TRUE
    ON CONFLICT (device_id, metric) DO UPDATE SET
      value = excluded.value, value_text = excluded.value_text, timestamp = excluded.timestamp,
      org_id = coalesce(excluded.org_id, l.org_id)
    WHERE l.timestamp <= excluded.timestamp`;
}

/** ISO times with Z and any number of digits: without the Z, text order is time order; with it among those of one length. */
function isLater(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return a !== undefined;
  return a.length === b.length ? a > b : a.slice(0, -1) > b.slice(0, -1);
}

/** For sorting by a key. */
export function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function finite(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
