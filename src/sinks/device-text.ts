// What a batch says of devices, as the text that a row of `device_updates` keeps; read again after a crash, perhaps by a later version.
import type { Value } from '../reading/reading.ts';
import { type Device, knownColumns, type Latest } from './devices.ts';

/** `latest`: metric, timestamp, value, org. */
type Written = Omit<Device, 'known' | 'latest' | 'late'> & {
  known: Readonly<Record<string, unknown>>;
  latest: readonly (readonly [string, string, Value, string?])[];
  late?: Written | undefined;
};

/** JSON. */
export function textOfDevices(devices: readonly Device[]): string {
  return JSON.stringify(devices.map(written));
}

function written(device: Device): Written {
  const known: Record<string, unknown> = {};
  for (const [at, value] of device.known.entries()) if (value !== undefined) known[knownColumns[at]!] = value;
  const latest: [string, string, Value, string?][] = [];
  for (const { metric, timestamp, value, orgId } of device.latest.values())
    latest.push(orgId === undefined ? [metric, timestamp, value] : [metric, timestamp, value, orgId]);
  return { ...device, known, latest, late: device.late && written(device.late) };
}

/** Devices of a text; none of one that cannot be read. Names of columns that this version does not know are left out. */
export function parsedDevices(text: string): readonly Device[] {
  try {
    return (JSON.parse(text) as readonly Written[]).map(parsed);
  } catch {
    return [];
  }
}

function parsed(device: Written): Device {
  const latest = new Map<string, Latest>();
  for (const [metric, timestamp, value, orgId] of device.latest)
    latest.set(metric, { deviceId: device.id, metric, timestamp, value, orgId });
  const known = knownColumns.map(column => device.known[column]);
  return { ...device, known, latest, late: device.late && parsed(device.late) };
}
