// Redelivered: which readings that came again were stored before, under their receipt or under a time that is not believed now.
import type { Query } from '../reading/contracts.ts';
import { saidTime } from '../reading/time.ts';
import { type Entry, metricsOf, tables } from './rows.ts';

/** One receipt per reading, not per message: members of one message may be written apart. */
export function receiptKey({ reading, digest }: Entry): string | undefined {
  const key = reading.metadata.receipt?.key;
  return key === undefined ? undefined : `${key} ${reading.deviceId} ${digest}`;
}

/** Of an entry that came again: the device's own time, under which the first copy stands where it was believed then. */
export function saidOf({ reading: { metadata }, seenAt }: Entry): string | undefined {
  return metadata.receipt?.redelivered ? saidTime(metadata.deviceTimestamp, seenAt) : undefined;
}

/** `target` is the name of the sink in the receipts. */
export async function storedBefore(
  query: Query,
  target: string,
  entries: readonly Entry[],
): Promise<ReadonlySet<Entry>> {
  const again = entries.filter(({ reading }) => reading.metadata.receipt?.redelivered);
  if (again.length === 0) return new Set();
  const receipts = await query<{ key: string }>('SELECT key FROM receipts WHERE target = $1 AND key = ANY ($2)', [
    target,
    again.map(receiptKey),
  ]);
  const keys = new Set<string | undefined>(receipts.map(({ key }) => key));
  const found = new Set(again.filter(entry => keys.has(receiptKey(entry))));
  for (const { name, identity, time } of Object.values(tables)) {
    const said = again.filter(entry => entry.table === name && !found.has(entry) && saidOf(entry) !== undefined);
    if (said.length === 0) continue;
    const rows = await query<{ number: number }>(
      `SELECT number FROM unnest($1::text[], $2::timestamptz[], $3::uuid[], $4::text[], $5::int4[])
         AS said (device_id, ${time}, digest, metric, number)
       JOIN ${name} USING (${identity.join(', ')})`,
      [
        said.map(({ reading }) => reading.deviceId),
        said.map(saidOf),
        said.map(({ digest }) => digest),
        said.map(({ reading }) => metricsOf(reading)[0]),
        said.map((_, number) => number),
      ],
    );
    for (const { number } of rows) found.add(said[number]!);
  }
  return found;
}
