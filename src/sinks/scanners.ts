// The registry of scanners, kept from their heartbeats (B06, B07): a reading whose device is the scanner itself.
import type { Reading } from '../reading/reading.ts';
import { type Entry, type Input, rowsFrom, valueColumns } from './rows.ts';

/** `location`, `orgId`: of the latest one that names them. */
type Heartbeat = { seenAt: number; reading: Reading; location: unknown; orgId: string | undefined };

const SAID = ['uptime_s', 'messages_sent', 'devices_seen', 'adapter_status'];

/** The latest heartbeat of each scanner in the batch, sorted by scanner. */
export function heartbeatsOf(entries: readonly Entry[]): readonly Heartbeat[] {
  const latest = new Map<string, Heartbeat>();
  for (const { reading, seenAt } of entries) {
    const { deviceId, telemetry, metadata } = reading;
    if (metadata.scannerId !== deviceId || !SAID.some(name => name in telemetry)) continue;
    const beat = { seenAt, reading, location: metadata['scannerLocation'], orgId: metadata.orgId };
    const known = latest.get(deviceId);
    const [older, newer] = known !== undefined && seenAt < known.seenAt ? [beat, known] : [known, beat];
    const { location = older?.location, orgId = older?.orgId } = newer;
    latest.set(deviceId, { ...newer, location, orgId });
  }
  return [...latest.keys()].sort().map(scanner => latest.get(scanner)!);
}

const count = ({ reading }: Heartbeat, metric: string) => {
  const value = reading.telemetry[metric];
  return typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? Math.trunc(value) : undefined;
};

export const scannerColumns: Input<Heartbeat> = [
  { name: 'scanner_id', type: 'text', of: ({ reading }) => reading.deviceId },
  { name: 'last_seen', type: 'timestamptz', of: ({ seenAt }) => new Date(seenAt) },
  { name: 'location', type: 'text', of: ({ location }) => location },
  { name: 'uptime_s', type: 'float8', of: ({ reading }) => valueColumns(reading.telemetry['uptime_s']).value },
  { name: 'messages_sent', type: 'int8', of: heartbeat => count(heartbeat, 'messages_sent') },
  { name: 'devices_seen', type: 'int8', of: heartbeat => count(heartbeat, 'devices_seen') },
  { name: 'adapter_status', type: 'text', of: ({ reading }) => reading.telemetry['adapter_status'] },
  { name: 'org_id', type: 'text', of: ({ orgId }) => orgId },
];

/** An older heartbeat changes nothing; a location that it does not name stays. */
export function scannersInsert(arrays: readonly string[]): string {
  const columns = scannerColumns.map(column => column.name);
  const sets = columns.slice(1).map(name => {
    const kept =
      name === 'location' || name === 'org_id' ? `coalesce(excluded.${name}, s.${name})` : `excluded.${name}`;
    return `${name} = ${kept}`;
  });
  return `INSERT INTO scanners AS s (${columns.join(', ')})
    SELECT ${columns.join(', ').replace('last_seen', 'least(last_seen, now())')}
    FROM ${rowsFrom(arrays, columns, 'r')}
    ON CONFLICT (scanner_id) DO UPDATE SET ${sets.join(', ')}
    WHERE s.last_seen IS NULL OR s.last_seen <= excluded.last_seen`;
}
