// Traces: a sampled message from its source until it has settled, with a span for each Fieldline node that held it.
import { randomBytes } from 'node:crypto';
import { reasonOf } from '../kernel/fault.ts';
import { head, type Ticket, whenSettled } from '../kernel/ticket.ts';

/** As OpenTelemetry names things; times in milliseconds since 1970, with fractions. */
export type Span = {
  traceId: string;
  spanId: string;
  parentId?: string;
  name: string;
  start: number;
  end: number;
  attributes: Readonly<Record<string, string | number>>;
  /** Why it failed. */
  fault?: string;
};

/** `epoch`: time of day at which the steady clock stood at 0, as both stood when it began: they drift apart over weeks. */
type Trace = { traceId: string; rootId: string; epoch: number };
type Tracing = { take(span: Span): void; share: number };

let tracing: Tracing | undefined;
const traces = new WeakMap<Ticket, Trace>();
const id = (bytes: number) => randomBytes(bytes).toString('hex');
const now = ({ epoch }: Trace) => epoch + performance.now();

/** Traces this share (0 to 1) of the messages from now on, until the returned function is called. */
export function traceTo(take: (span: Span) => void, share: number): () => void {
  const mine = { take, share };
  tracing = mine;
  return () => {
    if (tracing === mine) tracing = undefined;
  };
}

/** A source sends a message; its first member tells since when it has been here. Costs a comparison while nothing is traced. */
export function beginTrace(ticket: Ticket, source: string, members: readonly unknown[]): void {
  const at = tracing;
  if (at === undefined || Math.random() >= at.share) return;
  const trace = { traceId: id(16), rootId: id(8), epoch: Date.now() - performance.now() };
  traces.set(ticket, trace);
  const start = receivedAt(members[0]) ?? now(trace);
  whenSettled(ticket, settled =>
    at.take({
      traceId: trace.traceId,
      spanId: trace.rootId,
      name: source,
      start,
      end: Math.max(start, now(trace)),
      attributes: { 'fieldline.source': source, 'fieldline.members': members.length },
      ...(settled.ok ? {} : { fault: settled.reason }),
    }),
  );
}

/** A node has the message; the returned function ends the span. Undefined where the message is not traced. */
export function beginSpan(
  ticket: Ticket | undefined,
  name: string,
  type: string,
): ((error?: unknown) => void) | undefined {
  const at = tracing;
  if (at === undefined || ticket === undefined) return undefined;
  const trace = traces.get(ticket) ?? traces.get(head(ticket));
  if (trace === undefined) return undefined;
  const start = now(trace);
  return error =>
    at.take({
      traceId: trace.traceId,
      spanId: id(8),
      parentId: trace.rootId,
      name,
      start,
      end: now(trace),
      attributes: { 'fieldline.node': type },
      ...(error === undefined || error === null ? {} : { fault: reasonOf(error) }),
    });
}

/** Of a raw message or a reading. */
function receivedAt(member: unknown): number | undefined {
  const { receivedAt, metadata } = (member ?? {}) as { receivedAt?: unknown; metadata?: { receivedAt?: unknown } };
  const found = receivedAt ?? metadata?.receivedAt;
  return typeof found === 'number' ? found : undefined;
}
