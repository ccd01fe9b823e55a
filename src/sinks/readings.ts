// Sink of readings: a mixed batch into its tables, with devices, latest values and receipts, by one statement: all or nothing.
import { expected, Fault } from '../kernel/fault.ts';
import type { BulkWrite, Outcome, Query, Sink } from '../reading/contracts.ts';
import { isReading, type Reading, type ReadingTable, tableOf } from '../reading/reading.ts';
import { noteCommitted } from '../reading/stages.ts';
import { noteStored } from '../reading/stored.ts';
import { copyFinder } from './copies.ts';
import { deviceUpdates } from './device-updates.ts';
import { receiptKey, storedBefore } from './redelivered.ts';
import { type Entry, entryOf, metricsOf, tables } from './rows.ts';
import { type Answer, landed, type ReadingStatement, statementOf } from './statement.ts';

export type ReadingSinkOptions = {
  query: Query;
  bulk: BulkWrite;
  /** Name of this sink in the receipts; must stay the same over restarts, and differ between sinks on one database. */
  target: string;
  /** One table for all, or the one that the telemetry asks for. */
  table?: 'auto' | ReadingTable;
  now?: () => number;
};

const NO_PARTITION = /^no partition of relation /;
/** None of them has one, or who may have one cannot be told. By the routine: the words are in the language of the server. */
const isWithoutPartition = (error: unknown): boolean =>
  error instanceof Fault && (Object(error.cause) as { routine?: string }).routine === 'ExecFindPartition';

/** Rows that PostgreSQL or the checks refuse are rejected one by one; an outage rejects the whole write. */
export function readingSink(options: ReadingSinkOptions): Sink<Reading> {
  const { query, bulk, target, table = 'auto', now = Date.now } = options;
  const prepared = new Set<string>();
  const updates = deviceUpdates(query, bulk);

  /** Makes the partitions of months that this sink has not met yet, ahead of the write (it must not do so within). */
  async function prepareMonths(entries: readonly Entry[]): Promise<void> {
    for (const { table, reading } of entries) {
      const month = reading.timestamp.slice(0, 7);
      if (prepared.has(table + month)) continue;
      await query('SELECT prepare_month($1, $2)', [table, `${month}-01T00:00:00Z`]);
      prepared.add(table + month);
    }
  }

  /** Tells the outcome of each; gives those that found no partition. */
  async function writeEntries(
    entries: readonly Entry[],
    outcomes: Outcome[],
    putOff = updates.choice(),
  ): Promise<readonly Entry[]> {
    const homeless: Entry[] = [];
    /** Refused together with what they put off: it may be that only this was. */
    const again: Entry[] = [];
    const putsOff = new Set<Entry>();
    const sent = new Map<readonly Entry[], Pick<ReadingStatement, 'devices' | 'later'>>();
    const statement = (part: readonly Entry[]): ReadingStatement => {
      const made = statementOf(part, { target, receiptKey, putOff });
      sent.set(part, { devices: made.devices, later: made.later });
      if (part.length === 1 && made.later.length > 0) putsOff.add(part[0]!);
      return made;
    };
    try {
      for (const written of await bulk<Entry, Answer>(entries, statement, landed)) {
        if ('refused' in written) {
          const [entry] = written.items;
          if (putsOff.has(entry)) {
            again.push(entry);
            continue;
          }
          outcomes[entry.at] = { rejected: written.refused };
          if (NO_PARTITION.test(written.refused)) homeless.push(entry);
          continue;
        }
        const [answer = {}] = written.rows;
        const { devices, later } = sent.get(written.items)!;
        updates.wrote(devices, later, answer.update_id);
        settle(written.items, answer, outcomes, now());
      }
    } catch (error) {
      if ([...sent.values()].some(({ later }) => later.length > 0)) updates.failed();
      throw error;
    } finally {
      updates.rest();
    }
    if (again.length === 0) return homeless;
    homeless.push(...(await writeEntries(again, outcomes, () => undefined)));
    if (again.some(({ at }) => typeof outcomes[at] === 'string')) updates.failed();
    return homeless;
  }

  return {
    async write(readings) {
      const outcomes: Outcome[] = new Array(readings.length);
      let entries: Entry[] = [];
      const isCopy = copyFinder();
      for (const [at, reading] of readings.entries()) {
        const entry = isReading(reading)
          ? entryOf(reading, at, table === 'auto' ? tableOf(reading.telemetry) : table, now())
          : expected('payload', 'a reading', reading);
        if (typeof entry === 'string') outcomes[at] = { rejected: entry };
        else if (isCopy(entry)) outcomes[at] = 'duplicate';
        else entries.push(entry);
      }
      const known = await storedBefore(query, target, entries);
      for (const { at } of known) outcomes[at] = 'duplicate';
      if (known.size > 0) entries = entries.filter(entry => !known.has(entry));
      if (entries.length === 0) return outcomes;
      await prepareMonths(entries);
      const homeless = await writeEntries(entries, outcomes).catch((error: unknown) => {
        if (isWithoutPartition(error)) return entries;
        throw error;
      });
      if (homeless.length === 0) return outcomes;
      // Somebody has dropped partitions that this sink had made or met.
      prepared.clear();
      await prepareMonths(homeless);
      await writeEntries(homeless, outcomes);
      return outcomes;
    },
    close: () => updates.close(),
  };
}

function settle(entries: readonly Entry[], answer: Answer, outcomes: Outcome[], nowMs: number): void {
  const ids = storedIds(answer);
  for (const [number, entry] of entries.entries()) {
    const { table, reading, digest, metadata } = entry;
    // Where every metric has its row, a reading without metrics has none; it has been stored in its device.
    const without = tables[table].metricColumns !== undefined && metricsOf(reading).length === 0;
    const fresh = answer[table] == null || ids.has(number) || without;
    outcomes[entry.at] = fresh ? 'stored' : 'duplicate';
    if (!fresh) continue;
    noteCommitted(reading, nowMs);
    const id = ids.get(number);
    noteStored(reading, id === undefined ? { digest, metadata } : { id, digest, metadata });
  }
}

/** Numbers of the entries that the answer names, with the ids of their rows, where they have one. */
function storedIds(answer: Answer): ReadonlyMap<number, number | undefined> {
  const ids = new Map<number, number | undefined>();
  for (const { name } of Object.values(tables)) {
    const own = answer[`${name}_ids`];
    for (const [at, number] of (answer[name] ?? []).entries()) ids.set(number, own?.[at]);
  }
  return ids;
}
