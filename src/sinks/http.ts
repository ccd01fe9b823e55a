// HTTP as a sink: each row is one POST and has arrived with a 2xx; a 4xx about the message refuses the row, everything else is an outage.
import { expected, Fault, reasonOf } from '../kernel/fault.ts';
import type { Outcome, Sink } from '../reading/contracts.ts';

/** `id`: sent as Idempotency-Key, the same on every attempt. `entries`: of the messages in the ledger. */
export type Post = { id: string; body: string; entries?: readonly string[] };
export type HttpSinkOptions = {
  url: string;
  /** Beside content-type and idempotency-key; credentials among them. */
  headers?: Readonly<Record<string, string>>;
  timeoutMs?: number;
  /** A larger body is refused here. */
  maxBytes?: number;
  now?: () => number;
};

/**
 * The same message may be right later: when somebody has put the key right (RFC 9110 §15.5.2, §15.5.4), or a moment later
 * (request timeout, too early, too many requests: RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4).
 */
const LATER = new Set([401, 403, 408, 425, 429]);
const REASON_BYTES = 2000;
/** The status is the answer. What follows it is read for its words, and so that the connection can be used again, and not waited for any longer. */
const AFTERWORD_MS = 1000;

/** What the server said about when to come again, in milliseconds from now; undefined where it said nothing. */
export function askedMs(fault: Fault): number | undefined {
  const asked = (fault.cause as { retryAfterMs?: unknown } | undefined)?.retryAfterMs;
  return typeof asked === 'number' ? asked : undefined;
}

/**
 * One request at a time, in order. Rows that have arrived are not sent again when the same objects are written again.
 * Throws a Fault FIELDLINE_SETTING on an address that is none.
 */
export function httpSink(options: HttpSinkOptions): Sink<Post> & { arrived(row: Post): boolean } {
  const { timeoutMs = 30_000, maxBytes = 10 << 20, now = Date.now } = options;
  const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    // The text may hold a password.
    throw new Fault('FIELDLINE_SETTING', 'Address: expected http:// or https:// and a host, without user and password');
  const where = `${url.host}${url.pathname}`;
  const arrived = new WeakSet<Post>();
  const closed = new AbortController();

  const away = (reason: string, retryAfterMs?: number): Fault =>
    new Fault('FIELDLINE_HTTP', `${where}: ${reason}`, { kind: 'outage', cause: { retryAfterMs } });

  async function post({ id, body }: Post): Promise<Outcome> {
    const size = Buffer.byteLength(body);
    if (size > maxBytes) return { rejected: expected('body', `at most ${maxBytes} bytes`, size) };
    let response: Response;
    let text: string;
    try {
      response = await fetch(url!, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': id, ...options.headers },
        body,
        redirect: 'manual',
        signal: AbortSignal.any([closed.signal, AbortSignal.timeout(timeoutMs)]),
      });
      text = await beginningOf(response);
    } catch (error) {
      throw away(closed.signal.aborted ? 'the node was closed' : wordsOf(error, timeoutMs));
    }
    const { status } = response;
    if (status >= 200 && status < 300) return 'stored';
    const said = `HTTP ${status}${text === '' ? '' : `: ${text}`}`;
    if (status >= 400 && status < 500 && !LATER.has(status)) return { rejected: said };
    if (status >= 300 && status < 400) throw away(`HTTP ${status}: moved to ${response.headers.get('location')}`);
    throw away(said, retryAfterMs(response.headers.get('retry-after'), now()));
  }

  return {
    async write(rows) {
      const outcomes: Outcome[] = [];
      for (const row of rows) {
        const outcome = arrived.has(row) ? 'stored' : await post(row);
        if (outcome === 'stored') arrived.add(row);
        outcomes.push(outcome);
      }
      return outcomes;
    },
    arrived: row => arrived.has(row),
    async close() {
      closed.abort();
    },
  };
}

/** The beginning of an answer on one line, as much as has come in time and can be read; the rest is not read. */
async function beginningOf(response: Response): Promise<string> {
  let bytes = Buffer.alloc(0);
  const reader = response.body?.getReader();
  const cancel = () => void reader?.cancel().catch(() => {});
  const timer = setTimeout(cancel, AFTERWORD_MS);
  try {
    while (reader !== undefined) {
      const { value, done } = await reader.read();
      if (value !== undefined) bytes = Buffer.concat([bytes, value]);
      if (done || bytes.length >= REASON_BYTES) break;
    }
  } catch {
    // It broke off, or was not packed as it said.
  } finally {
    clearTimeout(timer);
  }
  cancel();
  return bytes.toString().replace(/\s+/g, ' ').trim().slice(0, 300);
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function wordsOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  // fetch hides the reason one level down.
  const cause = error instanceof Error ? error.cause : undefined;
  return reasonOf(cause ?? error);
}
