// What /rest/v1 shows: tables and columns by name; nothing else of the database has a name there.

/** By PostgreSQL's own names: a filter's value is cast to it. */
export type ColumnType = 'text' | 'uuid' | 'int8' | 'float8' | 'bool' | 'timestamptz' | 'jsonb';

export type RestTable = {
  name: string;
  columns: Readonly<Record<string, ColumnType>>;
  /** What stands behind FROM; `org` is the place of the organisation, null in which means all. */
  from(org: string): string;
  /** Column that a time series is partitioned by. */
  time?: string;
  /** Columns that a client may give when it inserts or changes a row. */
  writable?: readonly string[];
};

const ofAll = { org_id: 'text', metadata: 'jsonb' } as const;

/** Time series are partitioned by these. */
const TIMES = {
  measurements: 'timestamp',
  sensor_readings: 'timestamp',
  energy_readings: 'timestamp',
  flow_data: 'created_at',
};

function table(name: string, columns: RestTable['columns'], writable?: readonly string[]): RestTable {
  return {
    name,
    ...(Object.hasOwn(TIMES, name) ? { time: TIMES[name as keyof typeof TIMES] } : {}),
    columns: { ...columns, ...ofAll },
    from: org => `(SELECT * FROM ${name} WHERE ${org}::text IS NULL OR org_id = ${org}) AS ${name}`,
    ...(writable === undefined ? {} : { writable }),
  };
}

const INSPECTION = ['id', 'inspector_id', 'session_id', 'status', 'data', 'metadata', 'org_id'] as const;
export const MEASUREMENT = [
  ...['device_id', 'session_id', 'element_type', 'element_id', 'value_mm', 'raw_hex', 'source'],
  ...['anomaly_score', 'timestamp', 'org_id'],
] as const;

const list: readonly RestTable[] = [
  table(
    'measurements',
    {
      ...{ id: 'int8', device_id: 'text', session_id: 'text', element_type: 'text', element_id: 'text' },
      ...{ value_mm: 'float8', raw_hex: 'text', source: 'text', anomaly_score: 'float8', timestamp: 'timestamptz' },
    },
    MEASUREMENT,
  ),
  table(
    'inspections',
    {
      ...{ id: 'uuid', inspector_id: 'text', session_id: 'text', status: 'text', data: 'jsonb' },
      ...{ created_at: 'timestamptz', updated_at: 'timestamptz' },
    },
    INSPECTION,
  ),
  table('devices', {
    ...{ device_id: 'text', name: 'text', class: 'text', application_id: 'text', connected: 'bool', status: 'text' },
    ...{ rssi: 'float8', firmware: 'text', battery_estimate: 'float8', measurements_today: 'int8' },
    ...{ last_measurement: 'timestamptz', last_seen: 'timestamptz', parser: 'text', created_at: 'timestamptz' },
  }),
  table('sensor_readings', {
    ...{ device_id: 'text', scanner_id: 'text', protocol: 'text', timestamp: 'timestamptz', metric: 'text' },
    ...{ value: 'float8', value_text: 'text', quality: 'text', anomaly_score: 'float8' },
  }),
  table('energy_readings', {
    ...{ timestamp: 'timestamptz', device_id: 'text', total_energy_kwh: 'float8', power_kw: 'float8' },
    ...{ voltage: 'float8', current: 'float8', anomaly_score: 'float8' },
  }),
  table('flow_data', {
    ...{ id: 'int8', device_id: 'text', created_at: 'timestamptz', flow_rate: 'float8', totalizer: 'float8' },
    ...{ temperature: 'float8', status: 'text', anomaly_score: 'float8' },
  }),
  table('latest_values', {
    ...{ device_id: 'text', metric: 'text', value: 'float8', value_text: 'text', timestamp: 'timestamptz' },
  }),
  table('scanners', {
    ...{ scanner_id: 'text', location: 'text', last_seen: 'timestamptz', uptime_s: 'float8', messages_sent: 'int8' },
    ...{ devices_seen: 'int8', adapter_status: 'text' },
  }),
  table('alerts', {
    ...{ id: 'int8', rule_id: 'int8', device_id: 'text', kind: 'text', severity: 'text', state: 'text' },
    ...{ message: 'text', is_resolved: 'bool', resolved_by: 'text', resolved_at: 'timestamptz' },
    ...{ created_at: 'timestamptz' },
  }),
  {
    name: 'flow_data_hourly',
    columns: {
      ...{ device_id: 'text', hour: 'timestamptz', avg_flow_rate: 'float8', max_flow_rate: 'float8' },
      ...{ min_flow_rate: 'float8', total_volume: 'float8', readings: 'int8' },
    },
    from: org => `(SELECT * FROM flow_data_hourly WHERE ${org}::text IS NULL
      OR device_id IN (SELECT device_id FROM devices WHERE org_id = ${org})) AS flow_data_hourly`,
  },
  {
    name: 'dashboard_summary',
    columns: { total_devices: 'int8', online_devices: 'int8', active_alerts: 'int8' },
    // The view counts everybody's devices.
    from: org => `(SELECT
      (SELECT count(*) FROM devices WHERE ${org}::text IS NULL OR org_id = ${org}) AS total_devices,
      (SELECT count(*) FROM devices WHERE last_seen > now() - interval '15 minutes'
        AND (${org}::text IS NULL OR org_id = ${org})) AS online_devices,
      (SELECT count(*) FROM alerts WHERE is_resolved = false
        AND (${org}::text IS NULL OR org_id = ${org})) AS active_alerts) AS dashboard_summary`,
  },
];

export const restTables: ReadonlyMap<string, RestTable> = new Map(list.map(one => [one.name, one]));
