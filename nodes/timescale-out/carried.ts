// Readings on their way to the database, with what is needed to speak of them once they are written, maybe after a restart.
import type { RowCodec } from '../../src/delivery/outbox/batch.ts';
import type { Message } from '../../src/palette/define.ts';
import type { Outcome } from '../../src/reading/contracts.ts';
import { isReading, membersOf, type Reading } from '../../src/reading/reading.ts';
import type { Refused } from '../../src/sinks/dead-letters.ts';

/** `alone`: the payload was this one, not an array. What is no reading is refused by the sink like any other row. */
export type Carried = { row: Reading; topic: string | undefined; alone: boolean };
type Fate = Outcome | 'kept' | 'dropped';

/** JSON has no NaN and no infinity; a table that takes no such number must refuse it after an outage, too. */
export const carriedCodec: RowCodec<Carried> = {
  toJson({ row, topic, alone }) {
    const endless = endlessOf(row);
    if (endless !== undefined) return [row, alone, topic ?? null, endless];
    return topic === undefined ? [row, alone] : [row, alone, topic];
  },
  fromJson(value) {
    const [row, alone, topic, endless = {}] = value as [Reading, boolean, (string | null)?, Record<string, string>?];
    for (const [name, number] of Object.entries(endless)) row.telemetry[name] = Number(number);
    return { row, topic: topic ?? undefined, alone };
  },
};

/** Values that are NaN or infinite, as text; undefined where there are none. */
function endlessOf(row: unknown): Record<string, string> | undefined {
  if (!isReading(row)) return undefined;
  let endless: Record<string, string> | undefined;
  for (const name in row.telemetry) {
    const value = row.telemetry[name];
    if (typeof value !== 'number' || Number.isFinite(value)) continue;
    endless ??= {};
    endless[name] = String(value);
  }
  return endless;
}

export function carriedOf({ payload, topic }: Message): readonly Carried[] {
  const alone = !Array.isArray(payload);
  return membersOf(payload).map(row => ({ row: row as Reading, topic, alone }));
}

const ROW_BYTES = 500;

/** About. Texts among the values and the metadata, such as the frame, and unknown fields of a payload can be large. */
export function bytesOf({ row }: { row: unknown }): number {
  if (!isReading(row)) return ROW_BYTES + (textLength(row) || jsonLength(row));
  const { telemetry, metadata } = row;
  let bytes = ROW_BYTES;
  for (const key in metadata) bytes += textLength(metadata[key]);
  for (const name in telemetry) bytes += textLength(telemetry[name]);
  for (const field in metadata.extra) bytes += field.length + lengthOf(metadata.extra[field]);
  return bytes;
}

const textLength = (value: unknown): number => (typeof value === 'string' ? value.length : 0);

const lengthOf = (value: unknown): number => (typeof value === 'object' ? jsonLength(value) : textLength(value));

function jsonLength(value: unknown): number {
  try {
    return JSON.stringify(value)?.length ?? 0;
  } catch {
    return 0;
  }
}

export function refusedOf(rows: readonly Carried[], fates: readonly Fate[]): readonly Refused[] {
  return rows.flatMap(({ row, topic }, at) => {
    const fate = fates[at];
    return typeof fate === 'object' ? [{ row, topic, reason: fate.rejected }] : [];
  });
}

/** Readings for the outputs: new in the database, and refused with the reason. */
export function outputsOf(rows: readonly Carried[], fates: readonly Fate[]): [stored: unknown[], refused: unknown[]] {
  const stored = rows.filter((_, at) => fates[at] === 'stored').map(({ row }) => row);
  return [stored, refusedOf(rows, fates).map(marked)];
}

/** Messages of rows that were on the disk: those that came alone leave alone, the others as one array. */
export function lateOutputs(rows: readonly Carried[], outcomes: readonly Outcome[]): (Message | undefined)[][] {
  const messages: (Message | undefined)[][] = [];
  const add = (members: readonly Carried[], fates: readonly Outcome[], alone: boolean, topic?: string): void => {
    const [stored, refused] = outputsOf(members, fates);
    if (stored.length + refused.length === 0) return;
    const message = (payload: unknown[]): Message | undefined =>
      payload.length === 0
        ? undefined
        : { ...(topic === undefined ? {} : { topic }), payload: alone ? payload[0] : payload };
    messages.push([message(stored), message(refused)]);
  };
  const batched: number[] = [];
  for (const [at, carried] of rows.entries())
    if (carried.alone) add([carried], [outcomes[at]!], true, carried.topic);
    else batched.push(at);
  add(
    batched.map(at => rows[at]!),
    batched.map(at => outcomes[at]!),
    false,
  );
  return messages;
}

/** The refused reading with its reason; what is no reading goes back as it came. */
function marked({ row, reason }: Refused): unknown {
  return isReading(row) ? { ...row, metadata: { ...row.metadata, rejected: reason } } : row;
}
