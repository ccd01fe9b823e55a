// Rows of one batch that are one row of the table: which of them is written, and what that makes of the others.
import type { Plan } from './plan.ts';
import type { Row } from './rows.ts';

/**
 * Only the winner is written. `before`: rows that it writes over, as if each had been written in its turn. `after`: rows
 * that find it there. When the table refuses the winner, it is decided anew among the others.
 */
export type Contest = { winner: Row; before: readonly Row[]; after: readonly Row[] };

/** `known`: receipts that are in the database. `again`: is told of each row that was written before. */
export function contestsOf(
  plan: Plan,
  rows: readonly Row[],
  known: ReadonlySet<string>,
  again: (row: Row) => void,
): readonly Contest[] {
  const groups = new Map<string | Row, Row[]>();
  const receipts = new Set<string>();
  for (const row of rows) {
    const { receipt } = row;
    // An outbox brings a first copy and its redelivery together, each with the time of its own receipt.
    if (receipt?.redelivered && (known.has(receipt.key) || receipts.has(receipt.key))) {
      again(row);
      continue;
    }
    if (receipt !== undefined) receipts.add(receipt.key);
    const group = groups.get(row.same ?? row);
    if (group === undefined) groups.set(row.same ?? row, [row]);
    else group.push(row);
  }
  return [...groups.values()].flatMap(group => contestOf(plan, group));
}

/** Among the rows of one group, in order of arrival; none for none. */
export function contestOf(plan: Plan, group: readonly Row[]): readonly Contest[] {
  if (group.length === 0) return [];
  let at = 0;
  if (overwrites(plan)) {
    // The last content wins; where it came several times, the first of these is the one that was new.
    at = group.length - 1;
    while (at > 0 && isEqual(group[at - 1]!, group[at]!)) at--;
  }
  return [{ winner: group[at]!, before: group.slice(0, at), after: group.slice(at + 1) }];
}

function overwrites({ conflict, remembers }: Plan): boolean {
  return conflict === 'update' && !remembers;
}

function isEqual(a: Row, b: Row): boolean {
  return a.texts.every((text, at) => text === b.texts[at]);
}
