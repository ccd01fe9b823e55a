// HTTP as a sink: each row is one POST and has arrived with a 2xx; a 4xx about the message refuses the row, everything else is an outage.
import { type IncomingHttpHeaders, type IncomingMessage, request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { pipeline } from 'node:stream';
import { createUnzip } from 'node:zlib';
import { expected, Fault, reasonOf } from '../kernel/fault.ts';
import { certificateHints } from '../reading/certificate.ts';
import type { Outcome, Sink } from '../reading/contracts.ts';
import { codeOf } from '../reading/error-code.ts';

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

export type HttpSink = Sink<Post> & {
  arrived(row: Post): boolean;
  /** The request at which the last write failed, although the server was there: it may be what the server breaks down over, or a filter keeps from it. */
  failedAt(): Post | undefined;
};

/**
 * The same message may be right later: when somebody has put the key right, here or at a proxy (RFC 9110 §15.5.2, §15.5.4,
 * §15.5.8), or a moment later (request timeout, too early, too many requests: RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4).
 */
const LATER = new Set([401, 403, 407, 408, 425, 429]);
/** Of those, what may be said of this one request: a filter in between finds an attack in it, or it takes too long to read. */
const MAYBE_OF_REQUEST = new Set([403, 408]);
/** The server is there, and speaks of itself: no request is to blame (RFC 9110 §15.6.4). */
const UNAVAILABLE = 503;
const REASON_BYTES = 2000;
/** The status is the answer. The body is read for its words, and so that the connection can be used again, for this time at most. */
const AFTERWORD_MS = 1000;
/**
 * A page for people: a proxy, a login or a hotel in between has answered, and nothing has arrived. A comment goes to its
 * first end alone: else there were more ways to read many of them in a row than there is time for.
 */
const PAGE = /^(?:\s|<\?xml(?:(?!\?>).)*\?>|<!--(?:(?!-->).)*-->)*(?:<!doctype html|<html)\b/i;

/** What to do about an error that does not pass by itself. */
const HINTS: Readonly<Record<string, string>> = {
  ...certificateHints({
    peer: 'server',
    trust: 'name a file with it or with its authority in NODE_EXTRA_CA_CERTS',
  }),
  EPROTO: 'if the server speaks no TLS, use http://',
};

/** What to look at, by the status that holds everything up until somebody puts it right. */
const QUESTIONS: Readonly<Record<number, string>> = {
  401: 'is the key right, and sent in the way that the server wants?',
  403: 'may this key post there, and does no filter in between refuse it?',
  407: 'a proxy in between wants to know who asks',
};

/** What the server said about when to come again, in milliseconds from now; undefined where it said nothing. */
export function askedMs(fault: Fault): number | undefined {
  const asked = (fault.cause as { retryAfterMs?: unknown } | undefined)?.retryAfterMs;
  return typeof asked === 'number' ? asked : undefined;
}

function addressIn(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    // The text may hold a password.
    throw new Fault('FIELDLINE_SETTING', 'Address: expected http:// or https:// and a host, without user and password');
  return url;
}

/**
 * One request at a time, in order. Rows that have arrived are not sent again when the same objects are written again.
 * Throws a Fault FIELDLINE_SETTING on an address that is none.
 */
export function httpSink(options: HttpSinkOptions): HttpSink {
  const { timeoutMs = 30_000, maxBytes = 10 << 20, now = Date.now } = options;
  const url = addressIn(options.url);
  const where = `${url.host}${url.pathname}`;
  const arrived = new WeakSet<Post>();
  const closed = new AbortController();
  let failedAt: Post | undefined;

  const away = (reason: string, retryAfterMs?: number): Fault =>
    new Fault('FIELDLINE_HTTP', `${where}: ${reason}`, { kind: 'outage', cause: { retryAfterMs } });

  /** The answer itself; what a server tells ahead of it (1xx) is left. */
  function answerTo(id: string, body: string, signal: AbortSignal): Promise<IncomingMessage> {
    const headers = { 'content-type': 'application/json', 'idempotency-key': id, ...options.headers };
    return new Promise((resolve, reject) => {
      const request = (url.protocol === 'https:' ? overHttps : overHttp)(url, { method: 'POST', headers, signal });
      request.on('response', resolve);
      request.on('error', (error: NodeJS.ErrnoException) => {
        // The server had closed a connection that was kept: at once over another one, with the same key.
        if (request.reusedSocket && error.code === 'ECONNRESET') resolve(answerTo(id, body, signal));
        else reject(error);
      });
      // Closed without an error, e.g. after a 101, which nobody asked for.
      request.on('close', () => reject(new Error('the connection was closed without an answer')));
      request.end(body);
    });
  }

  async function post(row: Post): Promise<Outcome> {
    const { id, body } = row;
    const size = Buffer.byteLength(body);
    if (size > maxBytes) return { rejected: expected('body', `at most ${maxBytes} bytes`, size) };
    let response: IncomingMessage;
    let text: string;
    try {
      response = await answerTo(id, body, AbortSignal.any([closed.signal, AbortSignal.timeout(timeoutMs)]));
      text = await beginningOf(response);
    } catch (error) {
      if (isBrokenOff(error)) failedAt = row;
      throw away(closed.signal.aborted ? 'the node was closed' : wordsOf(error, timeoutMs));
    }
    const { statusCode: status = 0, headers } = response;
    if (status >= 200 && status < 300) {
      if (!PAGE.test(text)) return 'stored';
      failedAt = row;
      throw away(
        `HTTP ${status} with a page, not an answer: ${text.slice(0, 100)}; is this the address, and no proxy or login between?`,
      );
    }
    const said = `HTTP ${status}${text === '' ? '' : `: ${text}`}`;
    if (status >= 400 && status < 500 && !LATER.has(status)) return { rejected: said };
    if (status < 400)
      throw away(
        `HTTP ${status}${headers.location === undefined ? '' : `: moved to ${headers.location}`}; is this the address, and no proxy or login between?`,
      );
    const asked = retryAfterMs(headers, now());
    const isSuspect = MAYBE_OF_REQUEST.has(status) || (status >= 500 && status !== UNAVAILABLE);
    if (isSuspect && asked === undefined) failedAt = row;
    const question = QUESTIONS[status];
    throw away(question === undefined ? said : `${said}; ${question}`, asked);
  }

  return {
    async write(rows) {
      failedAt = undefined;
      const outcomes: Outcome[] = [];
      for (const row of rows) {
        const outcome = arrived.has(row) ? 'stored' : await post(row);
        if (outcome === 'stored') arrived.add(row);
        outcomes.push(outcome);
      }
      return outcomes;
    },
    arrived: row => arrived.has(row),
    failedAt: () => failedAt,
    async close() {
      closed.abort();
    },
  };
}

/** The beginning of an answer on one line, as much as has come in time and can be read; the rest is not read. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const packed = /^(x-)?gzip$|^deflate$/.test(response.headers['content-encoding'] ?? '');
  const body = packed ? pipeline(response, createUnzip(), () => {}) : response;
  let bytes = Buffer.alloc(0);
  const timer = setTimeout(() => body.destroy(), AFTERWORD_MS);
  try {
    for await (const chunk of body) {
      bytes = Buffer.concat([bytes, chunk as Buffer]);
      if (bytes.length >= REASON_BYTES) break;
    }
  } catch {
    // It broke off, or was not packed as it said.
  } finally {
    clearTimeout(timer);
  }
  return bytes
    .toString()
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 300);
}

/** RFC 9110 §10.2.3: seconds, or a date by the clock of the server, which need not be ours. */
function retryAfterMs(headers: IncomingHttpHeaders, now: number): number | undefined {
  const asked = headers['retry-after']?.trim();
  if (asked === undefined) return undefined;
  const ms = /^\d+$/.test(asked) ? Number(asked) * 1000 : Date.parse(asked) - (Date.parse(headers.date ?? '') || now);
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

/** An abort hides its reason one level down. */
const isTimeout = ({ cause }: { cause?: unknown }): boolean => cause instanceof Error && cause.name === 'TimeoutError';

/** As it looks where a server breaks down over a request. */
function isBrokenOff(error: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(codeOf(error) ?? '') || isTimeout(error as Error);
}

function wordsOf(error: unknown, timeoutMs: number): string {
  if (isTimeout(error as Error)) return `no answer within ${timeoutMs / 1000} s`;
  // A name with several addresses fails with one error for each.
  const one = error instanceof AggregateError ? error.errors.at(-1) : error;
  const hint = HINTS[codeOf(one) ?? ''];
  return hint === undefined ? reasonOf(one) : `${reasonOf(one)}; ${hint}`;
}
