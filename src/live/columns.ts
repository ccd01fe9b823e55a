// The tables whose rows live clients see, and the columns that their filters may name.
import type { ReadingTable } from '../reading/reading.ts';
import type { Columns } from './filter.ts';

export type Table = ReadingTable | 'devices' | 'inspections' | 'alerts' | 'system';

// As in the database. `org_id` is a column of every table, but not part of the messages.
export const columnsOf: Readonly<Record<Table, Columns>> = {
  measurements: {
    device_id: 'text',
    session_id: 'text',
    element_type: 'text',
    element_id: 'text',
    value_mm: 'number',
    raw_hex: 'text',
    source: 'text',
    anomaly_score: 'number',
    timestamp: 'time',
    org_id: 'text',
  },
  energy_readings: {
    device_id: 'text',
    timestamp: 'time',
    total_energy_kwh: 'number',
    power_kw: 'number',
    voltage: 'number',
    current: 'number',
    anomaly_score: 'number',
    org_id: 'text',
  },
  flow_data: {
    device_id: 'text',
    created_at: 'time',
    flow_rate: 'number',
    totalizer: 'number',
    temperature: 'number',
    status: 'text',
    anomaly_score: 'number',
    org_id: 'text',
  },
  sensor_readings: {
    device_id: 'text',
    scanner_id: 'text',
    protocol: 'text',
    timestamp: 'time',
    metric: 'text',
    value: 'number',
    value_text: 'text',
    quality: 'text',
    anomaly_score: 'number',
    org_id: 'text',
  },
  devices: {
    device_id: 'text',
    connected: 'boolean',
    status: 'text',
    rssi: 'number',
    firmware: 'text',
    battery_estimate: 'number',
    measurements_today: 'number',
    last_measurement: 'time',
    org_id: 'text',
  },
  inspections: { id: 'text', inspector_id: 'text', session_id: 'text', status: 'text', org_id: 'text' },
  alerts: {
    id: 'text',
    rule_id: 'text',
    device_id: 'text',
    kind: 'text',
    severity: 'text',
    state: 'text',
    is_resolved: 'boolean',
    created_at: 'time',
    org_id: 'text',
  },
  system: { event: 'text', org_id: 'text' },
};
