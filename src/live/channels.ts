// Channels: the public names that clients subscribe to, and which rows each of them carries.
import { type Columns, columnsOf, type Table } from './columns.ts';
import type { Row } from './publication.ts';

/** A channel that exists; its name is also the topic under which the hub finds it. */
export type Channel = {
  name: string;
  /** Columns that a filter on this channel may name. */
  columns: Columns;
  carries(row: Row): boolean;
};

// Channels of the documents in seeds/ that show the rows of one table.
const tableChannels: Readonly<Record<string, Table>> = {
  'measurement-stream': 'measurements',
  'device-status': 'devices',
  'inspection-events': 'inspections',
  flow_data_changes: 'flow_data',
  alerts_changes: 'alerts',
  system: 'system',
};
const channelOfTable = new Map(Object.entries(tableChannels).map(([channel, table]) => [table, channel]));
// Rows about what was measured; `device:` and `application:` carry every one of them.
const measured: readonly Table[] = ['measurements', 'energy_readings', 'flow_data', 'sensor_readings'];

/** Topic of all that happens to a table; no channel has such a name. */
export function tableTopic(table: Table): string {
  return `table ${table}`;
}

/** Everything under which the hub finds who wants the row. */
export function topicsOf(row: Row): string[] {
  return [tableTopic(row.table), ...channelsOf(row)];
}

/** Names of all channels that carry the row; the one place that decides it. */
export function channelsOf(row: Row): string[] {
  const topics: string[] = [];
  const ofTable = channelOfTable.get(row.table);
  if (ofTable !== undefined && isShownOf(row)) topics.push(ofTable);
  const isNew = row.event === 'INSERT';
  const isMeasured = isNew && measured.includes(row.table);
  if (isMeasured && row.deviceId !== undefined) topics.push(`device:${row.deviceId}`);
  if (isMeasured && row.applicationId !== undefined) topics.push(`application:${row.applicationId}`);
  const score = row.data['anomaly_score'];
  const anomalous = isMeasured && typeof score === 'number' && score < 0;
  if (anomalous && row.table === 'measurements') topics.push('anomaly-alerts');
  if (anomalous || row.table === 'alerts') topics.push('alarms');
  return topics;
}

// What the seeds' channels of measured tables show is INSERT alone; of the others everything.
function isShownOf({ table, event }: Row): boolean {
  return event === 'INSERT' || !measured.includes(table);
}

/** The channel of this name, or undefined: an unknown name, an empty or over-long id, or a wildcard (there are none). */
export function channelNamed(name: string): Channel | undefined {
  const tables = tablesOf(name);
  if (tables === undefined) return undefined;
  return {
    name,
    columns: Object.assign({}, ...tables.map(table => columnsOf[table])) as Columns,
    // Asked for every row that is known when a client subscribes: most are none of its tables, or of another thing.
    carries: row => tables.includes(row.table) && mayBeOf(row, name) && channelsOf(row).includes(name),
  };
}

function mayBeOf({ deviceId, applicationId }: Row, name: string): boolean {
  if (name.startsWith('device:')) return name.length === 7 + (deviceId?.length ?? 0) && name.endsWith(deviceId ?? '');
  return !name.startsWith('application:') || name.endsWith(applicationId ?? '');
}

const MAX_ID = 200;

function tablesOf(name: string): readonly Table[] | undefined {
  const table = Object.hasOwn(tableChannels, name) ? tableChannels[name] : undefined;
  if (table !== undefined) return [table];
  if (name === 'anomaly-alerts') return ['measurements'];
  if (name === 'alarms') return [...measured, 'alerts'];
  const id = /^(?:device|application):(.+)$/s.exec(name)?.[1];
  if (id === undefined || id.length > MAX_ID || id.includes('*') || id === '#') return undefined;
  return measured;
}
