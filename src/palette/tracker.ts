// Delivery tracker: follows every message of a source through Node-RED's hooks and settles its ticket after the last delivery.
import { AsyncLocalStorage } from 'node:async_hooks';
import { Fault, reasonOf } from '../kernel/fault.ts';
import {
  closeDelivery,
  failTicket,
  head,
  issueTicket,
  merge,
  openDelivery,
  type Settled,
  settle,
  type Ticket,
  whenSettled,
} from '../kernel/ticket.ts';
import type { Message } from './define.ts';
import { beginTrace } from './trace.ts';
import type { CompleteEvent, DeliveryNode, RedHooks, TrackedMessage } from './red.ts';

// A function value: lodash clones share it by reference, so that the clones of a fan-out carry one ticket; JSON drops it.
// `sent`: members of the payloads that the source sent. As values of an old WeakMap they would outlive every young collection.
type Carrier = (() => void) & { ticket: Ticket & { sent?: readonly unknown[] | undefined } };
const TICKET = Symbol('fieldline.ticket');
const carrierOf = (message: TrackedMessage): Carrier | undefined => message[TICKET] as Carrier | undefined;

const context = new AsyncLocalStorage<Ticket | undefined>();
const open = new Set<Ticket>();
// Deliveries announced by preDeliver and not yet received; what is received unannounced (link call, catch) counts itself.
const announced = new WeakMap<TrackedMessage, number>();
let epoch = 0;
// Between flows:stopping and flows:started some nodes are not there, and sending to them is silently nothing.
let deploying = false;
let interrupted = false;
let emptied: (() => void)[] = [];

function live(ticket: Ticket | undefined): Ticket | undefined {
  if (ticket === undefined) return undefined;
  const at = head(ticket);
  return at.settled ? undefined : at;
}

/** Ticket that a message carries, undefined when none or when it has settled. */
export function ticketOf(message: Message): Ticket | undefined {
  return live(carrierOf(message)?.ticket);
}

/** Members of what the source sent of which this message is, or was made; undefined when no source tracks it. */
export function sentOf(message: Message): readonly unknown[] | undefined {
  return carrierOf(message)?.ticket.sent;
}

/** Marks a message with a ticket; whoever receives it or a clone of it works for that ticket. */
export function carry(message: TrackedMessage, ticket: Ticket): void {
  message[TICKET] = Object.assign(() => {}, { ticket }) satisfies Carrier;
}

/** Runs with the ticket (or none) as the owner of messages that are made meanwhile, now or later. */
export function inContextOf<T>(ticket: Ticket | undefined, run: () => T): T {
  return context.run(ticket, run);
}

/** Issues a ticket, sends with it, and resolves when every delivery that came of it is over. */
export function track(messages: readonly Message[], send: () => void, source = 'source'): Promise<Settled> {
  return new Promise(resolve => {
    const ticket: Carrier['ticket'] = issueTicket(epoch, performance.now(), resolve);
    open.add(ticket);
    const members = messages.flatMap(one => one.payload);
    ticket.sent = members;
    whenSettled(ticket, ({ ok }) => forget(ticket, ok));
    beginTrace(ticket, source, members);
    for (const message of messages) carry(message, ticket);
    context.run(ticket, send);
    closeDelivery(ticket);
  });
}

function forget(ticket: Carrier['ticket'], ok: boolean): void {
  open.delete(ticket);
  // It has been counted. The functions that carry the ticket outlive young collections, and whatever it holds with them.
  if (ok) ticket.sent = undefined;
  if (open.size > 0) return;
  const waiting = emptied;
  emptied = [];
  for (const resolve of waiting) resolve();
}

/** For the close of a node: did the deploy or the stop catch messages on their way? */
export const wasInterrupted = (): boolean => interrupted;
/** Tickets that are not settled. */
export const openTickets = (): number => open.size;

/** True when no ticket is open, false when some still are after `limitMs`. */
export function drained(limitMs: number): Promise<boolean> {
  if (open.size === 0) return Promise.resolve(true);
  return new Promise(resolve => {
    const timer = setTimeout(() => resolve(open.size === 0), limitMs);
    emptied.push(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

/** What a failed `done(error)` means for the source. */
export function failureOf(error: unknown): Settled {
  if (error instanceof Fault) return { ok: false, kind: error.kind, reason: error.message };
  return { ok: false, kind: 'data', reason: reasonOf(error) };
}

const deployed: Settled = {
  ok: false,
  kind: 'outage',
  reason: 'the flow was deployed while the message was on its way',
};

function joinOwner(ticket: Ticket): Ticket {
  const owner = live(context.getStore());
  return owner !== undefined && owner !== head(ticket) ? merge(ticket, owner) : ticket;
}

function closedByDeploy(node: DeliveryNode, ticket: Ticket): boolean {
  return head(ticket).epoch !== epoch && !node._inputCallback && !node._inputCallbacks;
}

// Stock nodes that hold messages (delay, batch …) call done for each when they are closed, although it went nowhere.
function isRemoved({ id, node }: CompleteEvent['node']): boolean {
  return node._flow.getNode(id) !== node;
}

// Fieldline nodes mean what they say: done during a close is a commit.
const trusted = new WeakSet<object>();
export function trust(node: object): void {
  trusted.add(node);
}

let installed: RedHooks | undefined;

/**
 * Installs the hooks once per Node-RED runtime and the sweep for messages that a foreign node neither passed on nor finished.
 * `on` subscribes to Node-RED's flows:stopping and flows:started.
 */
export function installTracker(
  hooks: RedHooks,
  on: (event: 'flows:stopping' | 'flows:started', listener: () => void) => void,
  timeoutMs: number,
): void {
  if (installed === hooks) return;
  installed = hooks;
  on('flows:stopping', () => {
    interrupted = open.size > 0;
    epoch++;
    deploying = true;
  });
  on('flows:started', () => {
    deploying = false;
  });

  hooks.add('preRoute.fieldline', event => {
    const { msg } = event;
    const ticket = msg[TICKET] === undefined ? live(context.getStore()) : ticketOf(msg);
    if (ticket === undefined) return;
    // Late send of a node that a deploy has cut off: its wire leads nowhere, so nothing would ever open or close.
    // In the middle of a deploy a new message meets the same gap.
    if ((deploying || ticket.epoch !== epoch) && event.source.node._flow.getNode(event.destination.id) === undefined)
      failTicket(ticket, deployed);
    const joint = joinOwner(ticket);
    if (msg[TICKET] === undefined) carry(msg, joint);
  });
  hooks.add('preDeliver.fieldline', event => {
    const ticket = ticketOf(event.msg);
    if (ticket === undefined) return;
    openDelivery(ticket);
    announced.set(event.msg, (announced.get(event.msg) ?? 0) + 1);
  });
  hooks.add('onReceive.fieldline', event => {
    const ticket = ticketOf(event.msg);
    if (ticket === undefined) return;
    const before = announced.get(event.msg) ?? 0;
    if (before > 0) announced.set(event.msg, before - 1);
    else openDelivery(ticket);
    ticket.idleSince = performance.now();
    if (closedByDeploy(event.destination.node, ticket)) {
      failTicket(ticket, deployed);
      closeDelivery(ticket);
    }
  });
  hooks.add('postReceive.fieldline', event => {
    // Old-style handlers (one argument) never call done: they are finished when they return.
    const ticket = ticketOf(event.msg);
    if (
      ticket !== undefined &&
      event.destination.node._expectedDoneCount === 0 &&
      !closedByDeploy(event.destination.node, ticket)
    )
      closeDelivery(ticket);
  });
  hooks.add('onComplete.fieldline', event => {
    const ticket = ticketOf(event.msg);
    if (ticket === undefined) return;
    ticket.idleSince = performance.now();
    if (event.error) failTicket(ticket, failureOf(event.error));
    else if (head(ticket).epoch !== epoch && !trusted.has(event.node.node) && isRemoved(event.node))
      failTicket(ticket, deployed);
    closeDelivery(joinOwner(ticket));
  });

  setInterval(() => sweep(timeoutMs), 1000).unref();
}

/** Settles what has rested in foreign nodes for too long; the source sends it again. */
function sweep(timeoutMs: number): void {
  const limit = performance.now() - timeoutMs;
  for (const ticket of open) {
    const at = head(ticket);
    if (at === ticket && at.held <= 0 && at.idleSince < limit) {
      const reason = `no node finished the message within ${timeoutMs / 1000} s`;
      settle(at, { ok: false, kind: 'unfinished', reason });
    }
  }
}
