// Copies within one batch: a reading that stands in it twice, and one that came again beside its first copy, as an outbox brings them.
import type { Reading, ReadingTable } from '../reading/reading.ts';
import { receiptKey, saidOf } from './redelivered.ts';
import type { Entry } from './rows.ts';

/** To be asked of each entry of a batch in order: is it a copy of one before it? */
export function copyFinder(): (entry: Entry) => boolean {
  const seen = new Set<string>();
  return entry => {
    const identity = identityOf(entry);
    const receipt = receiptIdentityOf(entry);
    const said = saidOf(entry);
    const isRedelivered = entry.reading.metadata.receipt?.redelivered === true;
    if (
      seen.has(identity) ||
      (isRedelivered && seen.has(receipt!)) ||
      (said !== undefined && seen.has(identityOf(entry, said)))
    )
      return true;
    seen.add(identity);
    if (receipt !== undefined) seen.add(receipt);
    return false;
  };
}

/** One message may give several readings of one device and time, each with its own metrics. */
function identityOf({ digest, reading, table }: Entry, time = reading.timestamp): string {
  return `${digest} ${time} ${partOf(reading, table)} ${reading.deviceId}`;
}

/** The same for the first copy and for what came again, each with the time of its own receipt. */
function receiptIdentityOf(entry: Entry): string | undefined {
  const key = receiptKey(entry);
  return key === undefined ? undefined : `receipt ${partOf(entry.reading, entry.table)} ${key}`;
}

function partOf({ telemetry }: Reading, table: ReadingTable): string {
  return table === 'sensor_readings' ? Object.keys(telemetry).join() : table;
}
