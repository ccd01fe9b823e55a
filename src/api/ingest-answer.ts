// Answers of ingest: what became of each item, or problem details (RFC 9457) with every fault by item and field.
import type { Ending } from '../kernel/ledger.ts';
import type { Item } from './ingest-items.ts';
import { type Problem, problem } from './problem.ts';

/** Sent as JSON; as problem details from status 400 on. */
export type Answer = { status: number; body: object; headers?: Readonly<Record<string, string>> };
type Batch = { batch: boolean; items: readonly Item[] };
/** `item` counts from 0. */
type Fault = { item: number; field?: string; detail: string };

const MOST_FAULTS = 1000;

/** What each end is called, and its HTTP status as the status of one item. */
const RESULTS = {
  stored: ['stored', 200],
  duplicates: ['duplicate', 200],
  outbox: ['kept', 202],
  dropped: ['dropped', 200],
  deadLetters: ['dead letter', 422],
} as const satisfies Record<Ending['end'], readonly [string, number]>;

export function refusal(problem: Problem, headers?: Readonly<Record<string, string>>): Answer {
  return { status: problem.status, body: problem, ...(headers && { headers }) };
}

/** `endings`: of the good items, in order; undefined when the body was refused whole. */
export function answerOf(body: Batch, endings: readonly Ending[] | undefined, partial = false): Answer {
  if (endings === undefined || (!partial && endings.length < body.items.length)) return refused(body);
  const items = itemLines(body.items, endings);
  const count = (result: string) => items.filter(line => line.result === result).length;
  const figures = {
    accepted: endings.length,
    stored: count('stored'),
    duplicates: count('duplicate'),
    kept: count('kept'),
    dropped: count('dropped'),
  };
  const dead = items.filter(line => line.result === 'dead letter');
  if (partial)
    return { status: 207, body: { ...figures, refused: count('refused'), dead_letters: dead.length, items } };
  return { status: figures.kept > 0 ? 202 : 200, body: { ...figures, dead_letters: dead } };
}

type Line = {
  item: number;
  device_id?: string;
  status: number;
  result: string;
  reason?: string;
  errors?: readonly { field?: string; detail: string }[];
};

function itemLines(items: readonly Item[], endings: readonly Ending[]): readonly Line[] {
  let next = 0;
  return items.map((item, at): Line => {
    if (!('reading' in item)) {
      const device = item.deviceId === undefined ? {} : { device_id: item.deviceId };
      return { item: at, ...device, status: 400, result: 'refused', errors: item.faults };
    }
    const { end, reason } = endings[next++]!;
    const [result, status] = RESULTS[end];
    return { item: at, device_id: item.reading.deviceId, status, result, ...(reason === undefined ? {} : { reason }) };
  });
}

/** Every fault of the whole body; `field` names the first, so that a short client can show it. */
function refused({ batch, items }: Batch): Answer {
  const errors: Fault[] = items.flatMap((item, at) =>
    'faults' in item ? item.faults.map(fault => ({ item: at, ...fault })) : [],
  );
  const [first] = errors;
  const place = batch ? `item ${first!.item}: ` : '';
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const title = batch ? 'No item was stored' : 'Not stored';
  const field = first!.field === undefined ? {} : { field: batch ? `[${first!.item}].${first!.field}` : first!.field };
  const said = { ...problem(400, title, `${place}${first!.detail}${more}`), ...field };
  return { status: 400, body: { ...said, errors: errors.slice(0, MOST_FAULTS) } };
}
