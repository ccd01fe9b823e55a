// Devices joined with their latest values, and whether they are online.
import type { Query } from '../reading/contracts.ts';
import { unitOf } from '../reading/units.ts';

export type LatestValue = {
  value: number | string | boolean | null;
  unit?: string;
  timestamp: string;
  /** Older than five minutes. */
  stale: boolean;
};

/** A row of `devices`, with the newest value of each metric. Times are ISO 8601. */
export type Device = {
  device_id: string;
  name: string | null;
  class: string | null;
  application_id: string | null;
  online: boolean;
  connected: boolean | null;
  status: string;
  rssi: number | null;
  firmware: string | null;
  battery_estimate: number | null;
  measurements_today: number | null;
  last_measurement: string | null;
  last_seen: string | null;
  parser: string | null;
  metadata: Readonly<Record<string, unknown>>;
  latest: Readonly<Record<string, LatestValue>>;
};

/** A device that said nothing for this long is offline: scanners, which beat every minute, sooner than others. */
export const onlineSql = `coalesce(d.last_seen > now() - CASE WHEN d.class = 'scanner' THEN interval '5 minutes'
  ELSE interval '15 minutes' END, false)`;

const devicesSql = (condition: string) => `
  SELECT d.device_id, d.name, d.class, d.application_id, ${onlineSql} AS online, d.connected, d.status, d.rssi,
    d.firmware, d.battery_estimate, d.measurements_today, d.last_measurement, d.last_seen, d.parser, d.metadata
  FROM devices AS d WHERE ${condition} ORDER BY d.device_id LIMIT $1`;

// The values come by themselves and are joined here: for a thousand devices a third of the time that JSON of the database takes.
const latestSql = (condition: string) => `
  SELECT v.device_id, v.metric, v.value, v.value_text, (v.timestamp AT TIME ZONE 'UTC')::text AS at,
    v.timestamp < now() - interval '5 minutes' AS stale
  FROM latest_values AS v WHERE ${condition}`;

type DeviceRow = Omit<Device, 'last_measurement' | 'last_seen' | 'latest'> & {
  last_measurement: Date | number | null;
  last_seen: Date | number | null;
};
type LatestRow = {
  device_id: string;
  metric: string;
  value: number | null;
  value_text: string | null;
  /** UTC as PostgreSQL writes it. */
  at: string;
  stale: boolean;
};

/** In order of their ids, at most `limit`; of one organisation where it is given. */
export async function listDevices(query: Query, limit = 10_000, org?: string): Promise<readonly Device[]> {
  const of = 'SELECT device_id FROM devices WHERE org_id = $1';
  const [devices, values] = await Promise.all(
    org === undefined
      ? [query<DeviceRow>(devicesSql('true'), [limit]), query<LatestRow>(latestSql('true'))]
      : [
          query<DeviceRow>(devicesSql('org_id = $2'), [limit, org]),
          query<LatestRow>(latestSql(`v.device_id IN (${of})`), [org]),
        ],
  );
  return joined(devices, values);
}

/** One device, undefined where there is none that may be seen. */
export async function oneDevice(query: Query, id: string, org?: string): Promise<Device | undefined> {
  const [devices, values] = await Promise.all([
    query<DeviceRow>(devicesSql('device_id = $2 AND ($3::text IS NULL OR org_id = $3)'), [1, id, org]),
    query<LatestRow>(latestSql('v.device_id = $1'), [id]),
  ]);
  return joined(devices, values)[0];
}

function joined(devices: readonly DeviceRow[], values: readonly LatestRow[]): readonly Device[] {
  const latest = new Map(devices.map(({ device_id }) => [device_id, {} as Record<string, LatestValue>]));
  for (const row of values) {
    const of = latest.get(row.device_id);
    if (of !== undefined) of[row.metric] = latestValue(row);
  }
  return devices.map(row => ({
    ...row,
    last_measurement: timeOf(row.last_measurement),
    last_seen: timeOf(row.last_seen),
    latest: latest.get(row.device_id)!,
  }));
}

/** Booleans stand as number and as text in latest_values; here they are what they were. */
function latestValue({ metric, value, value_text, at, stale }: LatestRow): LatestValue {
  const unit = unitOf(metric);
  const told = value_text === 'true' || value_text === 'false' ? value_text === 'true' : value;
  return {
    value: value === null ? value_text : told,
    ...(unit === undefined ? {} : { unit }),
    timestamp: isoOf(at),
    stale,
  };
}

/** For PostgreSQL a time can be infinite; the driver makes a number of that. */
function timeOf(time: Date | number | null): string | null {
  return time instanceof Date ? time.toISOString() : null;
}

/** `2026-02-11 14:30:00.5` as `2026-02-11T14:30:00.500Z`; a Date would cost as much as the whole query. */
function isoOf(utc: string): string {
  const [, fraction = ''] = utc.split('.', 2);
  return `${utc.slice(0, 10)}T${utc.slice(11, 19)}.${fraction.padEnd(3, '0')}Z`;
}

/** Changes whenever a device is heard or added: tells whether a list made before still holds. */
export async function devicesVersion(query: Query, org?: string): Promise<string> {
  const [row] = await query<{ version: string }>(
    `SELECT concat_ws(' ', count(*), max(last_seen)) AS version FROM devices WHERE $1::text IS NULL OR org_id = $1`,
    [org],
  );
  return row?.version ?? '';
}
