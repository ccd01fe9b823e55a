// Readings as rows of an operator's table: texts for its columns, and by what a row is known again.
import { digest } from '../../kernel/bytes.ts';
import { expected } from '../../kernel/fault.ts';
import { isReading, type Reading } from '../../reading/reading.ts';
import { fitted } from './fit.ts';
import type { Plan } from './plan.ts';

/** What arrives at the sink: a reading, if it is one, and the topic of its message. */
export type Arrived = { row: unknown; topic: string | undefined };

export type Row = {
  /** Place of its reading in what was handed to the sink. */
  at: number;
  /** By column of the plan. */
  texts: readonly (string | null)[];
  /** Rows of one batch with the same text are the same row of the table; undefined: a key that holds NULL meets no other. */
  same: string | undefined;
  /** Digest of device, time and content within this table: under this its message is remembered. */
  identity: string;
  /** Of a message without a time of its own. */
  receipt: { key: string; redelivered: boolean } | undefined;
};

const HEX32 = /^[0-9a-f]{32}$/i;

/** `empty`: without any metric there is nothing to write, and nothing wrong. */
type Made = { rows: readonly Row[]; refused: ReadonlyMap<number, string>; empty: readonly number[] };

/** The rows of those arrived whose numbers are asked for. */
export function rowsOfAll(plan: Plan, arrived: readonly Arrived[], numbers: readonly number[]): Made {
  const rows: Row[] = [];
  const refused = new Map<number, string>();
  const empty: number[] = [];
  for (const at of numbers) {
    const made = rowsOf(plan, arrived[at]!, at);
    if (typeof made === 'string') refused.set(at, made);
    else if (made.length === 0) empty.push(at);
    else rows.push(...made);
  }
  return { rows, refused, empty };
}

/** The rows of one reading, or why the table can take none of it. */
function rowsOf(plan: Plan, { row: reading, topic }: Arrived, at: number): readonly Row[] | string {
  if (!isReading(reading)) return expected('payload', 'a reading', reading);
  if (!plan.perMetric) return single(plan, reading, topic, undefined, at);
  const rows: Row[] = [];
  for (const metric of Object.keys(reading.telemetry)) {
    const made = single(plan, reading, topic, metric, at);
    if (typeof made === 'string') return made;
    rows.push(...made);
  }
  return rows;
}

function single(
  plan: Plan,
  reading: Reading,
  topic: string | undefined,
  metric: string | undefined,
  at: number,
): readonly Row[] | string {
  const texts: (string | null)[] = [];
  for (const { column, source } of plan.mapped) {
    const fit = fitted(source.read({ reading, topic, metric }), column);
    if (fit !== null && 'fault' in fit) return fit.fault;
    texts.push(fit === null ? null : fit.text);
  }
  const { deviceId, timestamp, telemetry, metadata } = reading;
  const given = typeof metadata.digest === 'string' ? metadata.digest : undefined;
  const content =
    given !== undefined && HEX32.test(given) ? given.toLowerCase() : digest(given ?? JSON.stringify(telemetry));
  const of = metric === undefined ? '' : ` ${metric}`;
  const identity = digest(`${plan.table.oid} ${deviceId} ${timestamp} ${content}${of}`);
  const receipt = metadata.receipt && {
    key: `${metadata.receipt.key} ${deviceId} ${content}${of}`,
    redelivered: metadata.receipt.redelivered,
  };
  return [{ at, texts, same: plan.remembers ? identity : keyText(plan, texts), identity, receipt }];
}

function keyText({ key, mapped }: Plan, texts: readonly (string | null)[]): string | undefined {
  const parts = key.map(name => texts[mapped.findIndex(({ column }) => column.name === name)]);
  return parts.includes(null) ? undefined : JSON.stringify(parts);
}
