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

// Booleans stand as number and as text in latest_values; here they are what they were.
const devicesSql = (condition: string) => `
  SELECT d.device_id, d.name, d.class, d.application_id, ${onlineSql} AS online, d.connected, d.status, d.rssi,
    d.firmware, d.battery_estimate, d.measurements_today, d.last_measurement, d.last_seen, d.parser, d.metadata,
    coalesce(l.latest, '{}') AS latest
  FROM (SELECT * FROM devices WHERE ${condition} ORDER BY device_id LIMIT $1) AS d
  LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(v.metric, jsonb_build_object(
      'value', CASE WHEN v.value IS NULL THEN to_jsonb(v.value_text)
                    WHEN v.value_text IN ('true', 'false') THEN to_jsonb(v.value_text::boolean)
                    ELSE to_jsonb(v.value) END,
      'timestamp', v.timestamp,
      'stale', v.timestamp < now() - interval '5 minutes')) AS latest
    FROM latest_values AS v WHERE v.device_id = d.device_id
  ) AS l ON true
  ORDER BY d.device_id`;

type DeviceRow = Omit<Device, 'last_measurement' | 'last_seen'> & {
  last_measurement: Date | null;
  last_seen: Date | null;
};

/** In order of their ids, at most `limit`; of one organisation where it is given. */
export async function listDevices(query: Query, limit = 10_000, org?: string): Promise<readonly Device[]> {
  const rows =
    org === undefined
      ? await query<DeviceRow>(devicesSql('true'), [limit])
      : await query<DeviceRow>(devicesSql('org_id = $2'), [limit, org]);
  return rows.map(deviceOf);
}

/** One device, undefined where there is none that may be seen. */
export async function oneDevice(query: Query, id: string, org?: string): Promise<Device | undefined> {
  const rows = await query<DeviceRow>(devicesSql('device_id = $2 AND ($3::text IS NULL OR org_id = $3)'), [1, id, org]);
  return rows.map(deviceOf)[0];
}

function deviceOf(row: DeviceRow): Device {
  return {
    ...row,
    last_measurement: row.last_measurement?.toISOString() ?? null,
    last_seen: row.last_seen?.toISOString() ?? null,
    latest: Object.fromEntries(
      Object.entries(row.latest).map(([metric, value]) => [metric, latestValue(metric, value)]),
    ),
  };
}

function latestValue(metric: string, { value, timestamp, stale }: LatestValue): LatestValue {
  const unit = unitOf(metric);
  return { value, ...(unit === undefined ? {} : { unit }), timestamp: new Date(timestamp).toISOString(), stale };
}

/** Changes whenever a device is heard or added: tells whether a list made before still holds. */
export async function devicesVersion(query: Query, org?: string): Promise<string> {
  const [row] = await query<{ version: string }>(
    `SELECT concat_ws(' ', count(*), max(last_seen)) AS version FROM devices WHERE $1::text IS NULL OR org_id = $1`,
    [org],
  );
  return row?.version ?? '';
}
