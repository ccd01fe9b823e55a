// Status (A03): what a laser meter's link tells about the device on `scarnergy/status/{device_id}`.
import { expected } from '../kernel/fault.ts';
import { bluetoothName, keepExtra, type Mapper, numberOf, putNumber, textOf } from './payload.ts';
import { isoTime } from './time.ts';

const KNOWN: ReadonlySet<string> = new Set([
  'type',
  'device_id',
  'timestamp',
  'connected',
  'rssi',
  'firmware',
  'battery_estimate',
  'measurements_today',
  'last_measurement',
]);

/**
 * `{ type: 'status', device_id, connected, rssi, firmware, battery_estimate, measurements_today, last_measurement }`.
 * Telemetry: connected, battery_estimate (%), measurements_today. Metadata: signalStrength (dBm), batteryLevel,
 * firmware and lastMeasurement (ISO 8601). The message has no time of its own; last_measurement is not it.
 */
export const status: Mapper = (payload, draft) => {
  if (payload['type'] !== undefined && payload['type'] !== 'status')
    return expected('type', '"status"', payload['type']);
  draft.deviceId = bluetoothName(draft.deviceId);
  draft.time = payload['timestamp'];
  if (typeof payload['connected'] === 'boolean') draft.telemetry['connected'] = payload['connected'];
  putNumber(draft, 'battery_estimate', payload['battery_estimate']);
  putNumber(draft, 'measurements_today', payload['measurements_today']);
  const { metadata, telemetry } = draft;
  if (typeof telemetry['battery_estimate'] === 'number') metadata.batteryLevel = telemetry['battery_estimate'];
  const rssi = numberOf(payload['rssi']);
  if (rssi !== undefined) metadata.signalStrength = rssi;
  const firmware = textOf(payload['firmware']);
  if (firmware !== undefined) metadata.firmware = firmware;
  const last = isoTime(payload['last_measurement']);
  if (last !== undefined) metadata['lastMeasurement'] = last;
  keepExtra(draft, payload, KNOWN);
  return undefined;
};
