// Rows read back from the database as live rows: the same messages that the readings they came from would have been.
import { columnsOf, type Table } from './columns.ts';
import { type Event, keyOf, type Row } from './publication.ts';

/** A row as `to_jsonb` gives it. */
export type DatabaseRecord = Readonly<Record<string, unknown>>;

type Told = {
  /** `type` of the flat message. */
  type: string;
  /** Columns of the flat message, in their order. */
  shown: readonly string[];
  /** When it was measured or made. */
  time: string;
};

// Of measured rows what publication.ts tells of a reading; of the others all columns.
const told: Readonly<Record<Exclude<Table, 'system'>, Told>> = {
  measurements: {
    type: 'measurement',
    shown: [
      ...['value_mm', 'raw_hex', 'device_id', 'session_id', 'element_type', 'element_id', 'source'],
      ...['anomaly_score', 'timestamp'],
    ],
    time: 'timestamp',
  },
  energy_readings: {
    type: 'energy_reading',
    shown: ['timestamp', 'device_id', 'total_energy_kwh', 'power_kw', 'voltage', 'current', 'anomaly_score'],
    time: 'timestamp',
  },
  flow_data: {
    type: 'flow_data',
    shown: ['device_id', 'created_at', 'flow_rate', 'totalizer', 'temperature', 'status', 'anomaly_score'],
    time: 'created_at',
  },
  sensor_readings: {
    type: 'sensor_reading',
    shown: [
      ...['device_id', 'scanner_id', 'protocol', 'timestamp', 'metric', 'value', 'value_text', 'quality'],
      'anomaly_score',
    ],
    time: 'timestamp',
  },
  devices: {
    type: 'status',
    shown: [
      ...['device_id', 'connected', 'rssi', 'firmware', 'battery_estimate', 'measurements_today', 'last_measurement'],
    ],
    time: 'last_seen',
  },
  inspections: { type: 'inspection', shown: [...shownOf('inspections')], time: 'updated_at' },
  alerts: { type: 'alert', shown: [...shownOf('alerts')], time: 'created_at' },
};

function shownOf(table: Table): string[] {
  return Object.keys(columnsOf[table]).filter(column => column !== 'org_id');
}

/** The live row of a record; undefined where it is none of a table that clients see, or lacks what identifies it. */
export function rowOfRecord(table: Table, event: Event, record: DatabaseRecord): Row | undefined {
  if (table === 'system') return undefined;
  const columns = columnsOf[table];
  const full: Record<string, unknown> = {};
  for (const column in columns)
    if (column in record)
      full[column] = columns[column] === 'timestamptz' ? timeOf(record[column]) : plain(record[column]);
  const { type, shown, time } = told[table];
  const data: Record<string, unknown> = { type };
  for (const column of shown) data[column] = full[column] ?? null;
  // A measurement is only ever new; of these it matters what became of them.
  if (table === 'inspections' || table === 'alerts') data['event'] = event;
  const key = rowKey(table, full);
  if (key === undefined) return undefined;
  const row: Row = { table, event, key, time: textOf(full[time]) ?? new Date(0).toISOString(), data, record: full };
  const deviceId = textOf(full['device_id']);
  if (deviceId !== undefined) row.deviceId = deviceId;
  row.applicationId = textOf(full['application_id']);
  row.orgId = textOf(full['org_id']);
  if (event === 'DELETE' || full['is_resolved'] === true) row.over = true;
  return row;
}

function rowKey(table: Table, record: DatabaseRecord): string | undefined {
  const id = table === 'inspections' || table === 'alerts' ? record['id'] : record['device_id'];
  if (id === undefined || id === null) return undefined;
  return keyOf(table, String(id), table === 'sensor_readings' ? String(record['metric']) : '');
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** JSON has no NaN; the database writes it, and the infinities, as text. */
function plain(value: unknown): unknown {
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? null : value;
}

/** ISO 8601 with Z and at least milliseconds, as readings carry it; what the database gives has an offset and no idle zeros. */
export function timeOf(value: unknown): string | null {
  const found = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?([+-]\d\d:\d\d|Z)$/.exec(String(value));
  if (found === null) return null;
  const [, seconds = '', fraction = '', offset = ''] = found;
  const whole = offset === 'Z' ? `${seconds}Z` : new Date(`${seconds}${offset}`).toISOString();
  return `${whole.slice(0, 19)}.${fraction.padEnd(3, '0')}Z`;
}
