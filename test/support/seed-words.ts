// What the documents of the seeds write, word for word, where more than one suite tries it.

/** Seed 003: the hours of a day, as Grafana asks for them. */
export const ENERGY_HOURS = `SELECT
  time_bucket('1 hour', timestamp) AS hour,
  AVG(power_kw) AS avg_power
FROM energy_readings
WHERE timestamp > NOW() - INTERVAL '24 hours'
GROUP BY hour
ORDER BY hour;`;

/** Seed 003: a reading by hand. */
export const ENERGY_INSERT = `INSERT INTO energy_readings (timestamp, device_id, total_energy_kwh, power_kw)
VALUES ('2026-01-03T16:00:00Z', 'meter1', 12.45, 3.2);`;

/** Seed 004: the question below the view flow_data_hourly. */
export const FLOW_HOURS = `SELECT
  device_id,
  date_trunc('hour', created_at) AS hour,
  AVG(flow_rate) AS avg_flow_rate,
  MAX(flow_rate) AS max_flow_rate,
  MIN(flow_rate) AS min_flow_rate,
  MAX(totalizer) - MIN(totalizer) AS total_volume
FROM flow_data
GROUP BY device_id, date_trunc('hour', created_at);`;

/** Seed 000 §2: a measurement. */
export const MEASUREMENT = {
  type: 'measurement',
  value_mm: 2450.0,
  raw_hex: 'c055100600000019411a0000000000000000',
  device_id: 'AA:BB:CC:DD:EE:FF',
  session_id: 'uuid-session-123',
  element_type: 'gevel',
  element_id: 'uuid-element-456',
  source: 'ble_mobile',
  anomaly_score: 0.85,
  timestamp: '2026-02-11T14:30:00.000Z',
} as const;
