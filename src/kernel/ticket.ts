// Delivery tickets: one per message of a source; counts open deliveries, merges where messages meet, settles once.
import type { FaultKind } from './fault.ts';

/** What became of a message: stored everywhere it went (or dropped by decision), or why not. */
export type Settled = { ok: true } | { ok: false; kind: FaultKind; reason: string };
const OK: Settled = { ok: true };

/**
 * A ticket is open while `open` > 0. Tickets that meet in one message (join, batch) are merged into a group that settles
 * as one: nobody can tell whose data the joint message carries. Settlement is decided on a later turn of the event loop,
 * since a node may finish one message and pass on the next in the same turn.
 */
export type Ticket = {
  open: number;
  /** Fieldline nodes that hold the message now; the time limit of the tracker rests while it is above 0. */
  held: number;
  settled: boolean;
  failure: Settled | undefined;
  waiters: ((settled: Settled) => void)[];
  mergedInto: Ticket | undefined;
  /** Deploys seen when the ticket was issued; a ticket of an older epoch may have lost its way. */
  readonly epoch: number;
  /** Steady milliseconds when a foreign node was last seen with it. */
  idleSince: number;
};

export function issueTicket(epoch: number, now: number, onSettled: (settled: Settled) => void): Ticket {
  return {
    open: 1,
    held: 0,
    settled: false,
    failure: undefined,
    waiters: [onSettled],
    mergedInto: undefined,
    epoch,
    idleSince: now,
  };
}

/** The ticket that speaks for this one after merges. */
export function head(ticket: Ticket): Ticket {
  let at = ticket;
  while (at.mergedInto !== undefined) at = at.mergedInto;
  return at;
}

export function merge(a: Ticket, b: Ticket): Ticket {
  const into = head(a);
  const from = head(b);
  if (into === from || into.settled || from.settled) return into;
  from.mergedInto = into;
  into.open += from.open;
  into.held += from.held;
  into.waiters.push(...from.waiters);
  into.failure ??= from.failure;
  into.idleSince = Math.max(into.idleSince, from.idleSince);
  from.waiters = [];
  return into;
}

/** One delivery more is on its way. */
export function openDelivery(ticket: Ticket): void {
  const at = head(ticket);
  if (!at.settled) at.open++;
}

const closing: Ticket[] = [];
function settleClosed(): void {
  const batch = closing.splice(0);
  for (const ticket of batch) {
    const at = head(ticket);
    if (at.open <= 0) settle(at, at.failure ?? OK);
  }
}

/** One delivery is over; when it was the last, the ticket settles on the next turn. */
export function closeDelivery(ticket: Ticket): void {
  const at = head(ticket);
  if (at.settled) return;
  if (--at.open <= 0 && closing.push(at) === 1) setImmediate(settleClosed);
}

/** Records the first failure; the ticket settles with it once every delivery is over. */
export function failTicket(ticket: Ticket, failure: Settled): void {
  const at = head(ticket);
  if (!at.settled) at.failure ??= failure;
}

/** Settles now, once. */
export function settle(ticket: Ticket, settled: Settled): void {
  const at = head(ticket);
  if (at.settled) return;
  at.settled = true;
  at.failure = settled;
  const waiters = at.waiters;
  at.waiters = [];
  for (const waiter of waiters) waiter(settled);
}

/** Calls back when the ticket settles; at once when it has settled already. */
export function whenSettled(ticket: Ticket, waiter: (settled: Settled) => void): void {
  const at = head(ticket);
  if (at.settled) waiter(at.failure ?? OK);
  else at.waiters.push(waiter);
}
