// Heartbeat (B06, B07): how a scanner says every 60 s that it lives, on `bt-mqtt/scanner/{scanner_id}/status`.
import { expected } from '../kernel/fault.ts';
import { deviceName, type Json, keepExtra, type Mapper, numberOf, putExtra, putNumber, textOf } from './payload.ts';
import { isPlace } from './telemetry.ts';

/** The message as scanners publish it. */
export type HeartbeatWire = {
  scanner_id: string;
  /** ISO 8601 with Z. */
  timestamp: string;
  uptime_s: number;
  messages_sent: number;
  devices_seen: number;
  /** on, off, unauthorized …: the state of the radio. */
  adapter_status: string;
  /** Words, or a point. */
  location?: string | { lat: number; lon: number };
};

export function heartbeatTopic(scannerId: string): string {
  return `bt-mqtt/scanner/${scannerId}/status`;
}

/**
 * Scanners may have another prefix than `bt-mqtt`, of any length: `{prefix}/scanner/{scanner}/status` with what that
 * scanner itself says of its radio or its counts is a heartbeat, too.
 */
export function isHeartbeat(topic: string, payload: Json): boolean {
  const scanner = deviceName(payload['scanner_id']);
  if (scanner === undefined || !topic.endsWith(`/scanner/${scanner}/status`)) return false;
  return [...COUNTS, 'uptime', 'uptime_seconds', 'adapter_status'].some(name => Object.hasOwn(payload, name));
}

const COUNTS = ['uptime_s', 'messages_sent', 'devices_seen'] as const;
const KNOWN: ReadonlySet<string> = new Set([
  'scanner_id',
  'timestamp',
  'uptime',
  'uptime_seconds',
  'adapter_status',
  'location',
  ...COUNTS,
]);

/** The scanner is the device: telemetry uptime_s, messages_sent, devices_seen, adapter_status; metadata scannerId. */
export const heartbeat: Mapper = (payload, draft) => {
  const uptime = payload['uptime_s'] ?? payload['uptime_seconds'] ?? payload['uptime'];
  putNumber(draft, 'uptime_s', uptime);
  putNumber(draft, 'messages_sent', payload['messages_sent']);
  putNumber(draft, 'devices_seen', payload['devices_seen']);
  const state = payload['adapter_status'];
  const adapter = typeof state === 'boolean' ? (state ? 'on' : 'off') : textOf(state);
  if (adapter !== undefined) draft.telemetry['adapter_status'] = adapter;
  if (
    adapter === undefined &&
    COUNTS.every(name => numberOf(name === 'uptime_s' ? uptime : payload[name]) === undefined)
  )
    return expected('payload', `${COUNTS.join(', ')} or adapter_status`, Object.keys(payload));
  draft.time = payload['timestamp'];
  if (draft.deviceId !== undefined) draft.metadata.scannerId = draft.deviceId;
  // Scanners count as offline sooner than other devices.
  draft.metadata['class'] = 'scanner';
  const { location } = payload;
  const words = textOf(location);
  if (isPlace(location)) {
    const { lat, lon } = location;
    draft.metadata.location = { lat, lon };
    draft.metadata['scannerLocation'] = `${lat}, ${lon}`;
  } else if (words !== undefined) draft.metadata['scannerLocation'] = words;
  else putExtra(draft, 'location', location);
  keepExtra(draft, payload, KNOWN);
  return undefined;
};
