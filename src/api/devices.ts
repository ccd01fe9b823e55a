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

const utc = (column: string) => `(${column} AT TIME ZONE 'UTC')`;
/** What has no date in ISO 8601 (infinity, before Christ) is none: another writer may say anything. */
const dated = (column: string) => `${column} >= '0001-01-01Z' AND ${column} < '10000-01-01Z'`;
const timeText = (column: string) => `CASE WHEN ${dated(column)} THEN to_json(${utc(column)}) #>> '{}' END`;

const devicesSql = (condition: string) => `
  SELECT d.device_id, d.name, d.class, d.application_id, ${onlineSql} AS online, d.connected, d.status, d.rssi,
    d.firmware, d.battery_estimate, d.measurements_today, ${timeText('d.last_measurement')} AS last_measurement,
    ${timeText('d.last_seen')} AS last_seen, d.parser, d.metadata
  FROM devices AS d WHERE ${condition} ORDER BY d.device_id LIMIT $1`;

// One row with a list of each column, joined here: thousands of rows, or JSON of each value, take three times as long.
const listed = (value: string) => `array_to_json(array_agg(${value}))::text`;
const latestSql = (condition: string) => `
  SELECT ${listed('v.device_id')} AS device_ids, ${listed('v.metric')} AS metrics, ${listed('v.value')} AS values,
    ${listed('v.value_text')} AS texts, ${listed(utc('v.timestamp'))} AS times,
    to_json(${utc(`(now() - interval '5 minutes')`)}) #>> '{}' AS stale_before
  FROM latest_values AS v WHERE ${dated('v.timestamp')} AND ${condition}`;

/** Times are UTC as PostgreSQL writes them in JSON: ISO 8601 without Z, with as many digits as there are. */
type DeviceRow = Omit<Device, 'latest'>;
/** JSON; null where there are none. */
type LatestColumns = Record<'device_ids' | 'metrics' | 'values' | 'texts' | 'times', string | null> & {
  stale_before: string;
};

/** Another organisation may have a device of the same id: its values are nobody else's. */
const ofOrg = (place: string) => `(${place}::text IS NULL OR v.org_id IS NULL OR v.org_id = ${place})`;

/** In order of their ids, at most `limit`; of one organisation where it is given. */
export async function listDevices(query: Query, limit = 10_000, org?: string): Promise<readonly Device[]> {
  const of = 'SELECT device_id FROM devices WHERE org_id = $1';
  const [devices, values] = await Promise.all(
    org === undefined
      ? [query<DeviceRow>(devicesSql('true'), [limit]), query<LatestColumns>(latestSql('true'))]
      : [
          query<DeviceRow>(devicesSql('org_id = $2'), [limit, org]),
          query<LatestColumns>(latestSql(`v.device_id IN (${of}) AND ${ofOrg('$1')}`), [org]),
        ],
  );
  return joined(devices, values);
}

/** One device, undefined where there is none that may be seen. */
export async function oneDevice(query: Query, id: string, org?: string): Promise<Device | undefined> {
  const [devices, values] = await Promise.all([
    query<DeviceRow>(devicesSql('device_id = $2 AND ($3::text IS NULL OR org_id = $3)'), [1, id, org]),
    query<LatestColumns>(latestSql(`v.device_id = $1 AND ${ofOrg('$2')}`), [id, org]),
  ]);
  return joined(devices, values)[0];
}

function joined(devices: readonly DeviceRow[], [columns]: readonly LatestColumns[]): readonly Device[] {
  const latest = new Map(devices.map(({ device_id }) => [device_id, {} as Record<string, LatestValue>]));
  const [ids, metrics, values, texts, times] = [
    listOf<string>(columns?.device_ids),
    listOf<string>(columns?.metrics),
    listOf<unknown>(columns?.values),
    listOf<string | null>(columns?.texts),
    listOf<string>(columns?.times),
  ];
  const staleBefore = columns?.stale_before ?? '';
  for (const [at, id] of ids.entries()) {
    const of = latest.get(id);
    if (of === undefined) continue;
    const [metric, text, time] = [metrics[at]!, texts[at] ?? null, times[at]!];
    const unit = unitOf(metric);
    const value = shownOf(values[at], text);
    const timestamp = isoOf(time);
    const stale = time < staleBefore;
    of[metric] = unit === undefined ? { value, timestamp, stale } : { value, unit, timestamp, stale };
  }
  return devices.map(row => ({
    ...row,
    last_measurement: row.last_measurement && isoOf(row.last_measurement),
    last_seen: row.last_seen && isoOf(row.last_seen),
    latest: latest.get(row.device_id)!,
  }));
}

function listOf<T>(json: string | null | undefined): readonly T[] {
  return json === null || json === undefined ? [] : (JSON.parse(json) as T[]);
}

/** Booleans stand as number and as text in latest_values; here they are what they were. What is no number is text in JSON. */
function shownOf(value: unknown, text: string | null): LatestValue['value'] {
  if (value === null) return text;
  if (text === 'true' || text === 'false') return text === 'true';
  return typeof value === 'number' ? value : null;
}

/** `2026-02-11T14:30:00.5` as `2026-02-11T14:30:00.500Z`; a Date would cost as much as the whole query. */
function isoOf(utc: string): string {
  return `${utc.length < 23 ? (utc.length === 19 ? `${utc}.000` : utc.padEnd(23, '0')) : utc}Z`;
}

/** Changes whenever a device is heard or added: tells whether a list made before still holds. */
export async function devicesVersion(query: Query, org?: string): Promise<string> {
  const [row] = await query<{ version: string }>(
    `SELECT concat_ws(' ', count(*), max(last_seen)) AS version FROM devices WHERE $1::text IS NULL OR org_id = $1`,
    [org],
  );
  return row?.version ?? '';
}
