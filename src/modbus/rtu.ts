// One serial line, direct or behind a TCP converter: one request out, silence between frames, and no answer believed that may be another's.
import type { Duplex } from 'node:stream';
import { reasonOf } from '../kernel/fault.ts';
import { ModbusFault } from './fault.ts';
import { type Asking, isWrite, type Link, nameOf, type ReadRequest, type Request, type WriteRequest } from './link.ts';
import { type Owed, owedAnswers } from './owed.ts';
import { answerData } from './pdu.ts';
import { answerLength, confirmsByEcho, type Heard, listen, requestFrame } from './rtu-frame.ts';
import { silenceWatch } from './silence.ts';

export type RtuTiming = {
  /** Milliseconds of one character on the wire; 0 where nobody knows. */
  charMs: number;
  /** Least silence before a request. */
  pauseMs: number;
  /** Silence after bytes that nobody asked for, or that were damaged. */
  quietMs: number;
  /** How long a late answer is waited for after a timeout, and what is on its way when the line is opened. */
  drainMs: number;
};

export type Line = {
  stream: Duplex;
  /** Ends the stream for good; resolves when another program, or another link, may open it. */
  close(): Promise<void>;
  timing: RtuTiming;
  /** Drop the connection when nothing is answered: its other side may be gone without a word. */
  watched: boolean;
  /** Outlives the connection, as late answers do. */
  owed?: Owed;
};

/** More than that is never kept: an echo, the longest frame and some noise. */
const KEPT = 600;
/** A process that was held up looks once more before it says that nothing came. */
const GRACE_MS = 10;
const now = () => performance.now();

/** The request whose answer may still come. `proven`: the unit said something, though not for certain about this request. */
type Missing = { request: Request; sentAt: number; until: number; proven: boolean; heard: Asking['heard'] };

export function rtuLink({ stream, close, timing, watched, owed = owedAnswers() }: Line): Link {
  const { charMs, pauseMs, quietMs, drainMs } = timing;
  const { promise: ended, resolve: sayEnded } = Promise.withResolvers<string>();
  let over = '';
  let received = Buffer.alloc(0);
  let lastByteAt = now();
  let freeAt = now() + drainMs;
  let listening = false;
  let missing: Missing | undefined;
  /** Whether the line gives requests back; undefined: no read has shown it yet. */
  let echoes: boolean | undefined;
  let wake: (() => void) | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  const end = (reason: string) => {
    if (over !== '') return;
    over = reason;
    wake?.();
    close().finally(() => sayEnded(reason));
  };
  const watch = silenceWatch(reason => watched && end(reason));

  stream.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]).subarray(-KEPT);
    lastByteAt = now();
    watch.heard();
    if (!listening) freeAt = Math.max(freeAt, lastByteAt + quietMs);
    wake?.();
  });
  stream.on('error', error => end(reasonOf(error)));
  stream.on('end', () => end('closed by the other side'));
  stream.on('close', (error: unknown) => end(error instanceof Error ? reasonOf(error) : 'closed'));

  /** Until bytes come, the time is over, or the link ends, which throws. */
  async function bytesOr(ms: number): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, Math.ceil(ms));
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    wake = undefined;
    alive();
  }

  function alive(): void {
    if (over !== '') throw new ModbusFault('link', `connection lost: ${over}`);
  }

  /** Listens for the answer; what is damaged or no answer is known as soon as the line rests, what is missing at `until`. */
  async function hear(request: Request, until: number): Promise<Heard> {
    for (let last = false; ; ) {
      const heard = listen(received, request, echoes === true);
      if (heard.echo) echoes = true;
      if (heard.answer !== undefined) {
        received = received.subarray(received.length - heard.extra);
        return heard;
      }
      const length = answerLength(request) + (heard.echo ? requestFrame(request).length : 0);
      const whole = heard.wrong !== undefined || received.length >= length;
      const deadline = whole ? Math.min(until, lastByteAt + quietMs) : until;
      if (now() < deadline) {
        last = false;
        await bytesOr(deadline - now());
      } else if (!last) {
        last = true;
        await bytesOr(GRACE_MS);
      } else if (whole && heard.wrong === undefined) {
        return { ...heard, wrong: `answer for ${nameOf(request)}: damaged (${received.length} bytes, checksum)` };
      } else return heard;
    }
  }

  /** Waits for the late answer of a request, or the end of the time that it has. */
  async function drain({ request, sentAt, until, proven, heard }: Missing): Promise<void> {
    const { answer } = await hear(request, until);
    const late = answer !== undefined && !isException(answer.pdu);
    if (late || (proven && answer === undefined)) owed.settled(request.unit);
    if (answer !== undefined) heard?.(lastByteAt - sentAt, true);
  }

  async function untilFree(): Promise<void> {
    const latest = now() + Math.max(1000, 2 * drainMs);
    for (let rest = freeAt - now(); rest > 0; rest = freeAt - now()) {
      if (now() > latest) throw new ModbusFault('answer', 'the line is never silent');
      await bytesOr(rest);
    }
  }

  async function exchange(request: Request, timeoutMs: number, asking: Asking): Promise<Uint8Array> {
    const proof = owed.proof(request, now());
    if (proof !== undefined) await transact(proof, timeoutMs, asking).catch(unlessException);
    if (echoes === undefined && request.unit !== 0 && isWrite(request) && confirmsByEcho(request))
      await learnEcho(request, timeoutMs, asking);
    return transact(request, timeoutMs, asking);
  }

  /** Reads what is about to be written, whatever comes of it: an echo of the write would look like its confirmation. */
  async function learnEcho({ unit, write, address }: WriteRequest, timeoutMs: number, asking: Asking): Promise<void> {
    const request: ReadRequest = { unit, table: write === 5 ? 'coil' : 'holding', address, count: 1 };
    const reason = await transact(request, timeoutMs, asking).then(() => '', reasonOf);
    if (echoes !== undefined) return;
    const says = `not written, since nobody knows yet whether this line gives requests back: ${reason}`;
    throw new ModbusFault('answer', says, undefined, true);
  }

  /** One request and all that follows from it: when this is over, the line belongs to the next one. */
  async function transact(request: Request, timeoutMs: number, asking: Asking): Promise<Uint8Array> {
    alive();
    await untilFree();
    try {
      return await answerTo(request, timeoutMs, asking);
    } finally {
      const waitedFor = missing;
      missing = undefined;
      if (waitedFor !== undefined) await drain(waitedFor).catch(() => {});
    }
  }

  async function answerTo(request: Request, timeoutMs: number, { blame, heard }: Asking): Promise<Uint8Array> {
    const frame = requestFrame(request);
    const sentAt = now() + charMs * frame.length;
    received = Buffer.alloc(0);
    stream.write(frame);
    // A broadcast is answered by nobody.
    if (request.unit === 0 && isWrite(request)) {
      freeAt = sentAt + Math.max(pauseMs, 100);
      return new Uint8Array(0);
    }
    const wireMs = charMs * answerLength(request);
    listening = true;
    const told = await hear(request, sentAt + wireMs + timeoutMs).finally(() => (listening = false));
    freeAt = lastByteAt + (told.extra > 0 || told.wrong !== undefined ? quietMs : pauseMs);
    const { answer } = told;
    // An echo comes whatever the unit does: a line that stayed silent gives none.
    if (answer !== undefined || received.length === 0) echoes ??= false;
    if (answer === undefined) {
      owed.add(request, now());
      if (told.wrong !== undefined) throw new ModbusFault('answer', told.wrong);
      missing = { request, sentAt: sentAt + wireMs, until: now() + drainMs, proven: false, heard };
      if (received.length === 0) watch.missed(blame ?? 'link');
      const came = received.length > 0 ? ` whole answer (${received.length} bytes)` : ' answer';
      throw new ModbusFault('timeout', `${nameOf(request)}: no${came} within ${timeoutMs} ms`);
    }
    heard?.(Math.max(0, now() - sentAt - wireMs), false);
    if (!isException(answer.pdu)) owed.settled(request.unit);
    else if (owed.any(request.unit, now()))
      // Exceptions all look alike: this may be the late one of another request.
      missing = { request, sentAt, until: now() + drainMs, proven: true, heard: undefined };
    return answerData(request, answer.pdu);
  }

  return {
    get alive() {
      return over === '';
    },
    ended,
    end,
    ask(request, timeoutMs, asking = {}) {
      const asked = queue.then(() => exchange(request, timeoutMs, asking));
      queue = asked.catch(() => {});
      return asked;
    },
  };
}

/** A refused proof is an answer, too. */
function unlessException(fault: unknown): void {
  if (!(fault instanceof ModbusFault) || fault.trouble !== 'exception') throw fault;
}

const isException = (pdu: Uint8Array) => ((pdu[0] ?? 0) & 0x80) !== 0;
