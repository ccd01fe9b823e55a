// What live clients are told: a reading becomes the flat messages of the rows it is stored as (seed 000's measurement and status messages, else columns plus `type`).
import { type Reading, type Value, tableOf } from '../reading/reading.ts';
import { type Stored, storedOf } from '../reading/stored.ts';
import type { Table } from './columns.ts';
import { hyphened } from './compare.ts';

export type Event = 'INSERT' | 'UPDATE' | 'DELETE';

/** A row as clients see it, and what decides who sees it. Of a deleted row it is what stood there. */
export type Row = {
  table: Table;
  event: Event;
  /** Rows of one key are successive states of one thing: the newest one is its snapshot. */
  key: string;
  /** When it was measured, ISO 8601 with Z. */
  time: string;
  deviceId?: string;
  applicationId?: string | undefined;
  orgId?: string | undefined;
  /** The flat message. */
  data: Readonly<Record<string, unknown>>;
  /** All columns, where the row was read from the database; else they are those of the message and of `stored`. */
  record?: Readonly<Record<string, unknown>>;
  stored?: Stored;
  /** It is nothing any more (deleted, resolved), so that no snapshot shows it. */
  over?: true;
};

/** The value a filter compares. */
export function columnOf(row: Row, column: string): unknown {
  if (column === 'org_id') return row.orgId;
  if (row.record === undefined && column === 'digest') return row.stored && hyphened(row.stored.digest);
  if (column === 'id' || column === 'digest' || column === 'metadata') return (row.record ?? row.stored)?.[column];
  return (row.record ?? row.data)[column];
}

/** Rows of one reading: one in its table, or one for each metric in sensor_readings. */
export function rowsOf(reading: Reading): Row[] {
  const { telemetry } = reading;
  switch (tableOf(telemetry)) {
    case 'measurements':
      return [storedRow(reading, 'measurements', measurement(reading))];
    case 'energy_readings':
      return [storedRow(reading, 'energy_readings', energyReading(reading))];
    case 'flow_data':
      return [storedRow(reading, 'flow_data', flowData(reading))];
    case 'sensor_readings':
      return metricsOf(reading).map(metric =>
        storedRow(reading, 'sensor_readings', sensorReading(reading, metric), metric),
      );
  }
}

/** Milliseconds since the epoch; as in the database it is when it was heard: the clock of the device decides nothing about what is known of it. */
export function heardAt({ timestamp, metadata: { receivedAt } }: Reading): number {
  return typeof receivedAt === 'number' && Math.abs(receivedAt) <= MAX_MS ? receivedAt : Date.parse(timestamp);
}

const MAX_MS = 8.64e15;

/** Seed 000's device status message: what the reading tells, else what the status row before it told. */
export function statusRowOf(reading: Reading, before: Row | undefined): Row {
  const { metadata, telemetry } = reading;
  const last = tableOf(telemetry) === 'measurements' ? reading.timestamp : metadata['lastMeasurement'];
  const known = before?.data;
  // What is of another type is not stored as such.
  const of = (metric: string, type: 'boolean' | 'number'): Value | undefined =>
    typeof telemetry[metric] === type ? telemetry[metric] : undefined;
  const row = rowOf(reading, 'devices', {
    type: 'status',
    device_id: reading.deviceId,
    connected: metadata['connected'] ?? of('connected', 'boolean') ?? known?.['connected'] ?? null,
    rssi: metadata.signalStrength ?? known?.['rssi'] ?? null,
    firmware: metadata.firmware ?? known?.['firmware'] ?? null,
    battery_estimate: metadata.batteryLevel ?? of('battery', 'number') ?? known?.['battery_estimate'] ?? null,
    measurements_today:
      metadata['measurementsToday'] ?? of('measurements_today', 'number') ?? known?.['measurements_today'] ?? null,
    last_measurement: last ?? known?.['last_measurement'] ?? null,
  });
  row.event = 'UPDATE';
  const heard = heardAt(reading);
  if (!Number.isNaN(heard)) row.time = new Date(heard).toISOString();
  // A device stays with the organisation that it was first heard for, as in the database: another one that uses its id learns nothing of it.
  row.orgId = before?.orgId ?? row.orgId;
  row.applicationId ??= before?.applicationId;
  return row;
}

/** An event of the gateway itself; of each name the newest is its snapshot. */
export function systemRow(event: string, detail: string, now = new Date()): Row {
  const timestamp = now.toISOString();
  const data = { type: 'system', event, detail, timestamp };
  return { table: 'system', event: 'INSERT', key: keyOf('system', event, ''), time: timestamp, data };
}

/** Key of a device's status rows. */
export function statusKey(deviceId: string): string {
  return keyOf('devices', deviceId, '');
}

export function keyOf(table: Table, deviceId: string, part: string): string {
  return `${table} ${deviceId} ${part}`;
}

/** Metrics that are absent for a reason have their row too. */
export function metricsOf({ telemetry, metadata }: Reading): string[] {
  const absent = Object.keys(metadata.quality ?? {}).filter(metric => !Object.hasOwn(telemetry, metric));
  return [...Object.keys(telemetry), ...absent];
}

function storedRow(reading: Reading, table: Table, data: Record<string, unknown>, part?: string): Row {
  const row = rowOf(reading, table, data, part);
  const stored = storedOf(reading);
  if (stored !== undefined) row.stored = stored;
  return row;
}

function rowOf(reading: Reading, table: Table, data: Record<string, unknown>, part = ''): Row {
  const { applicationId, orgId } = reading.metadata;
  const row: Row = {
    table,
    event: 'INSERT',
    key: keyOf(table, reading.deviceId, part),
    time: reading.timestamp,
    deviceId: reading.deviceId,
    data,
  };
  if (applicationId !== undefined) row.applicationId = applicationId;
  if (orgId !== undefined) row.orgId = orgId;
  return row;
}

// The fields and their order are those of seed 000 §2.
function measurement({ deviceId, timestamp, telemetry, metadata }: Reading): Record<string, unknown> {
  return {
    type: 'measurement',
    value_mm: numberOf(telemetry['value_mm']),
    raw_hex: metadata.rawHex ?? null,
    device_id: deviceId,
    session_id: metadata.sessionId ?? null,
    element_type: metadata.elementType ?? null,
    element_id: metadata.elementId ?? null,
    source: metadata.source ?? null,
    anomaly_score: scoreOf(metadata),
    timestamp,
  };
}

function energyReading({ deviceId, timestamp, telemetry, metadata }: Reading): Record<string, unknown> {
  return {
    type: 'energy_reading',
    timestamp,
    device_id: deviceId,
    total_energy_kwh: numberOf(telemetry['total_energy_kwh']),
    power_kw: numberOf(telemetry['power_kw']),
    voltage: numberOf(telemetry['voltage']),
    current: numberOf(telemetry['current']),
    anomaly_score: scoreOf(metadata),
  };
}

function flowData({ deviceId, timestamp, telemetry, metadata }: Reading): Record<string, unknown> {
  return {
    type: 'flow_data',
    device_id: deviceId,
    created_at: timestamp,
    flow_rate: numberOf(telemetry['flow_rate']),
    totalizer: numberOf(telemetry['totalizer']),
    temperature: numberOf(telemetry['temperature']),
    status: telemetry['status'] === undefined ? null : String(telemetry['status']),
    anomaly_score: scoreOf(metadata),
  };
}

function sensorReading(
  { deviceId, protocol, timestamp, telemetry, metadata }: Reading,
  metric: string,
): Record<string, unknown> {
  const value = Object.hasOwn(telemetry, metric) ? telemetry[metric] : undefined;
  const { quality = {} } = metadata;
  return {
    type: 'sensor_reading',
    device_id: deviceId,
    scanner_id: metadata.scannerId ?? null,
    protocol,
    timestamp,
    metric,
    // A boolean stands in both columns, so that it can be drawn and read.
    value: typeof value === 'boolean' ? Number(value) : typeof value === 'number' ? value : null,
    value_text: typeof value === 'boolean' ? String(value) : typeof value === 'string' ? value : null,
    quality: (Object.hasOwn(quality, metric) ? quality[metric] : undefined) ?? null,
    anomaly_score: scoreOf(metadata),
  };
}

/** The score that came with the measurement, else ours; null where nothing scored it. */
function scoreOf(metadata: Reading['metadata']): number | null {
  return metadata.receivedScore ?? metadata.anomaly?.score ?? null;
}

/** As a number column takes it: a number that came as text is one. */
function numberOf(value: Value | undefined): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}
