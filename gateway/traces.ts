// Traces on their way to a collector by OTLP/HTTP in JSON: in batches, bounded; what cannot be sent is dropped and counted.
import { reasonOf } from '../src/kernel/fault.ts';
import { count } from '../src/kernel/metrics.ts';
import type { Span } from '../src/palette/trace.ts';
import type { Traces } from './environment.ts';
import type { Log } from './log.ts';

const MOST_WAITING = 5000;
const BATCH = 500;
const FLUSH_MS = 2000;
const ANSWER_LIMIT_MS = 5000;
const NAME = 'fieldline';

export type TraceExporter = {
  take(span: Span): void;
  /** Sends what there is; what is left at the limit is dropped and counted. */
  close(limitMs: number): Promise<void>;
};

/** `url`: of the collector's /v1/traces. Never throws or rejects: what it does not take is counted. */
export function openTraces({ url, headers }: Omit<Traces, 'share'>, log: Log): TraceExporter {
  let waiting: Span[] = [];
  let sending: Promise<void> | undefined;
  let failing = false;

  async function send(spans: readonly Span[], limitMs: number): Promise<void> {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(requestOf(spans)),
        signal: AbortSignal.timeout(limitMs),
      });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`the collector answered ${answer.status}`);
      count('fieldline_trace_spans_total', spans.length, { state: 'sent' });
      failing = false;
    } catch (error) {
      count('fieldline_trace_spans_total', spans.length, { state: 'dropped' });
      if (!failing) log('warn', 'traces cannot be sent', { reason: reasonOf(error) });
      failing = true;
    }
  }

  function flush(limitMs = ANSWER_LIMIT_MS): Promise<void> {
    if (sending !== undefined || waiting.length === 0) return sending ?? Promise.resolve();
    const spans = waiting.slice(0, BATCH);
    waiting = waiting.slice(BATCH);
    sending = send(spans, limitMs).finally(() => {
      sending = undefined;
      if (waiting.length >= BATCH) void flush();
    });
    return sending;
  }

  const timer = setInterval(() => void flush(), FLUSH_MS).unref();
  return {
    take(span) {
      if (waiting.length >= MOST_WAITING) return count('fieldline_trace_spans_total', 1, { state: 'dropped' });
      waiting.push(span);
      if (waiting.length >= BATCH) void flush();
    },
    async close(limitMs) {
      clearInterval(timer);
      const end = performance.now() + limitMs;
      while (sending !== undefined || waiting.length > 0) {
        const leftMs = Math.ceil(end - performance.now());
        if (leftMs <= 0) return count('fieldline_trace_spans_total', waiting.length, { state: 'dropped' });
        await flush(leftMs);
      }
    },
  };
}

/** ExportTraceServiceRequest in the JSON form of OTLP 1.x. */
function requestOf(spans: readonly Span[]): unknown {
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf({ 'service.name': NAME }) },
        scopeSpans: [{ scope: { name: NAME }, spans: spans.map(spanOf) }],
      },
    ],
  };
}

function spanOf({ traceId, spanId, parentId, name, start, end, attributes, fault }: Span): unknown {
  return {
    traceId,
    spanId,
    ...(parentId === undefined ? {} : { parentSpanId: parentId }),
    name,
    // SPAN_KIND_CONSUMER for what a source has received, SPAN_KIND_INTERNAL for the nodes.
    kind: parentId === undefined ? 5 : 1,
    startTimeUnixNano: nanoseconds(start),
    endTimeUnixNano: nanoseconds(end),
    attributes: attributesOf(attributes),
    status: fault === undefined ? { code: 1 } : { code: 2, message: fault },
  };
}

function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms * 1000)) * 1000n);
}

function attributesOf(attributes: Span['attributes']): readonly unknown[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }));
}
