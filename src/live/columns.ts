// The tables whose rows live clients see, and the type of each column: it decides how a filter compares and how a client reads it.
import type { ReadingTable } from '../reading/reading.ts';

/** By PostgreSQL's own names, which clients of Supabase Realtime are told. */
export type ColumnType = 'text' | 'uuid' | 'int8' | 'float8' | 'bool' | 'timestamptz' | 'jsonb';
export type Columns = Readonly<Record<string, ColumnType>>;
export type Table = ReadingTable | 'devices' | 'inspections' | 'alerts' | 'system';

const ofAll = { org_id: 'text', metadata: 'jsonb' } as const;

/** As in the database. `system` has no table: its rows are events of the gateway. */
export const columnsOf: Readonly<Record<Table, Columns>> = {
  measurements: {
    id: 'int8',
    device_id: 'text',
    session_id: 'text',
    element_type: 'text',
    element_id: 'text',
    value_mm: 'float8',
    raw_hex: 'text',
    source: 'text',
    anomaly_score: 'float8',
    timestamp: 'timestamptz',
    digest: 'uuid',
    ...ofAll,
  },
  energy_readings: {
    timestamp: 'timestamptz',
    device_id: 'text',
    total_energy_kwh: 'float8',
    power_kw: 'float8',
    voltage: 'float8',
    current: 'float8',
    anomaly_score: 'float8',
    digest: 'uuid',
    ...ofAll,
  },
  flow_data: {
    id: 'int8',
    device_id: 'text',
    created_at: 'timestamptz',
    flow_rate: 'float8',
    totalizer: 'float8',
    temperature: 'float8',
    status: 'text',
    anomaly_score: 'float8',
    digest: 'uuid',
    ...ofAll,
  },
  sensor_readings: {
    device_id: 'text',
    scanner_id: 'text',
    protocol: 'text',
    timestamp: 'timestamptz',
    metric: 'text',
    value: 'float8',
    value_text: 'text',
    quality: 'text',
    anomaly_score: 'float8',
    digest: 'uuid',
    ...ofAll,
  },
  devices: {
    device_id: 'text',
    name: 'text',
    class: 'text',
    application_id: 'text',
    connected: 'bool',
    status: 'text',
    rssi: 'float8',
    firmware: 'text',
    battery_estimate: 'float8',
    measurements_today: 'int8',
    last_measurement: 'timestamptz',
    last_seen: 'timestamptz',
    parser: 'text',
    created_at: 'timestamptz',
    ...ofAll,
  },
  inspections: {
    id: 'uuid',
    inspector_id: 'text',
    session_id: 'text',
    status: 'text',
    data: 'jsonb',
    created_at: 'timestamptz',
    updated_at: 'timestamptz',
    ...ofAll,
  },
  alerts: {
    id: 'int8',
    rule_id: 'int8',
    device_id: 'text',
    kind: 'text',
    severity: 'text',
    state: 'text',
    message: 'text',
    is_resolved: 'bool',
    resolved_by: 'text',
    resolved_at: 'timestamptz',
    created_at: 'timestamptz',
    ...ofAll,
  },
  system: { event: 'text', org_id: 'text' },
};

/** Column that tells the rows of a table apart, where one does. */
export const identityOf: Readonly<Partial<Record<Table, string>>> = {
  ...{ measurements: 'id', flow_data: 'id', inspections: 'id', alerts: 'id', devices: 'device_id' },
};

export function isTable(name: string): name is Table {
  return Object.hasOwn(columnsOf, name);
}
