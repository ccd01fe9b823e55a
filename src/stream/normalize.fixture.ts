// Messages of the seeds, and what normalize makes of one.
import assert from 'node:assert/strict';
import type { Raw } from '../reading/raw.ts';
import type { Reading } from '../reading/reading.ts';
import { type NormalizeOptions, normalizer } from './normalize.ts';

export const NOW = Date.UTC(2026, 0, 3, 16, 0, 1);
export const NOW_ISO = '2026-01-03T16:00:01.000Z';

export const raw = (topic: string, payload: unknown, more: Partial<Raw> = {}): Raw => ({
  topic,
  bytes: Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)),
  receivedAt: NOW,
  source: 'house',
  protocol: 'mqtt',
  ...more,
});

export const read = (topic: string, payload: unknown, options: NormalizeOptions = {}): Reading => {
  const { readings, rejected } = normalizer(options)(raw(topic, payload));
  assert.deepEqual(rejected, []);
  assert.equal(readings.length, 1);
  return readings[0] as Reading;
};

export const meter = {
  timestamp: '2026-01-03T16:00:00Z',
  total_energy_kwh: 12.45,
  power_kw: 3.2,
  voltage: 230,
  current: 13.9,
};
export const values = { total_energy_kwh: 12.45, power_kw: 3.2, voltage: 230, current: 13.9 };
export const laser = {
  type: 'measurement',
  value_mm: 2450.0,
  raw_hex: 'c0551006000001cdcc1c400000000000000000dc',
  device_id: 'aa-bb-cc-dd-ee-ff',
  session_id: 'uuid-session-123',
  element_type: 'gevel',
  element_id: 'uuid-element-456',
  source: 'ble_mobile',
  anomaly_score: 0.85,
  timestamp: '2026-01-03T14:30:00.000Z',
};
