// Which readings stand in the tables already, row for row and with the same values: to write them again would change nothing.
import type { Query } from '../reading/contracts.ts';
import { type Reading, tableOf, type Value } from '../reading/reading.ts';
import { type Entry, entryOf, metricsOf, type Table, tables, valueColumns } from './rows.ts';

/** A reading that no table takes counts as one of them; one without metrics where its device is known. */
export async function storedAlready(
  query: Query,
  readings: readonly Reading[],
  now = Date.now(),
): Promise<ReadonlySet<Reading>> {
  const there = new Set<Reading>();
  const byTable = new Map<Table, Entry[]>();
  const rowless: Reading[] = [];
  for (const [at, reading] of readings.entries()) {
    const entry = entryOf(reading, at, tableOf(reading.telemetry), now);
    if (typeof entry === 'string') there.add(reading);
    else if (metricsOf(reading).length === 0) rowless.push(reading);
    else byTable.set(tables[entry.table], [...(byTable.get(tables[entry.table]) ?? []), entry]);
  }
  for (const [table, entries] of byTable) {
    const found = table.metricColumns === undefined ? whole(query, table, entries) : byMetric(query, table, entries);
    for (const at of await found) there.add(readings[at]!);
  }
  if (rowless.length > 0) {
    const ids = rowless.map(({ deviceId }) => deviceId);
    const rows = await query<{ id: string }>('SELECT device_id AS id FROM devices WHERE device_id = ANY ($1)', [ids]);
    const known = new Set(rows.map(({ id }) => id));
    for (const reading of rowless) if (known.has(reading.deviceId)) there.add(reading);
  }
  return there;
}

/** Of a table with a row for each metric: the places of the readings that have all of theirs. */
async function byMetric(query: Query, { name, time }: Table, entries: readonly Entry[]): Promise<readonly number[]> {
  const rows = entries.flatMap(entry => metricsOf(entry.reading).map(metric => ({ entry, metric })));
  const values = rows.map(({ entry, metric }) =>
    valueColumns(Object.hasOwn(entry.reading.telemetry, metric) ? entry.reading.telemetry[metric] : undefined),
  );
  const found = await query<{ at: number; rows: number }>(
    `SELECT sent.at, count(*)::int AS rows FROM unnest($1::int4[], $2::text[], $3::timestamptz[], $4::uuid[], $5::text[],
        $6::float8[], $7::text[]) AS sent (at, device_id, ${time}, digest, metric, value, value_text)
      JOIN ${name} AS r USING (device_id, ${time}, digest, metric)
      WHERE r.value IS NOT DISTINCT FROM sent.value AND r.value_text IS NOT DISTINCT FROM sent.value_text GROUP BY sent.at`,
    [
      ...identities(rows.map(({ entry }) => entry)),
      rows.map(({ metric }) => metric),
      values.map(({ value }) => value),
      values.map(({ text }) => text),
    ],
  );
  const counts = new Map(found.map(row => [row.at, row.rows]));
  return entries.filter(({ at, reading }) => counts.get(at) === metricsOf(reading).length).map(({ at }) => at);
}

type Row = Record<string, unknown> & { metadata: { telemetry?: Record<string, Value> } | null };

/** Of a table with one row for a reading: the places of those that have it. */
async function whole(query: Query, table: Table, entries: readonly Entry[]): Promise<readonly number[]> {
  const { name, time, metrics = {} } = table;
  const found = await query<{ at: number; row: Row }>(
    `SELECT sent.at, to_jsonb(r) AS row FROM unnest($1::int4[], $2::text[], $3::timestamptz[], $4::uuid[])
        AS sent (at, device_id, ${time}, digest)
      JOIN ${name} AS r USING (device_id, ${time}, digest)`,
    identities(entries),
  );
  const rows = new Map(found.map(({ at, row }) => [at, row]));
  const isSame = (row: Row, metric: string, value: Value): boolean =>
    String(Object.hasOwn(metrics, metric) ? row[metric] : row.metadata?.telemetry?.[metric]) === String(value);
  return entries
    .filter(({ at, reading }) => {
      const row = rows.get(at);
      return row && Object.entries(reading.telemetry).every(([metric, value]) => isSame(row, metric, value));
    })
    .map(({ at }) => at);
}

/** The first four values of the statements above. */
const identities = (entries: readonly Entry[]): readonly unknown[][] => [
  entries.map(({ at }) => at),
  entries.map(({ reading }) => reading.deviceId),
  entries.map(({ reading }) => reading.timestamp),
  entries.map(({ digest }) => digest),
];
