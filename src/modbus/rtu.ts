// One serial line, direct or behind a TCP converter: one request out, silence between frames, and no answer believed that may be another's.
import { reasonOf } from '../kernel/fault.ts';
import { ModbusFault } from './fault.ts';
import { type Asking, isWrite, type Link, nameOf, type ReadRequest, type Request, type WriteRequest } from './link.ts';
import { type Owed, owedAnswers } from './owed.ts';
import { answerData } from './pdu.ts';
import { type EarOptions, rtuEar } from './rtu-ear.ts';
import { answerLength, confirmsByEcho, requestFrame } from './rtu-frame.ts';

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

export type Line = Pick<EarOptions, 'stream' | 'close' | 'watched'> & {
  timing: RtuTiming;
  /** Outlives the connection, as late answers do. */
  owed?: Owed;
};

const now = () => performance.now();

/** The request whose answer may still come. `proven`: the unit said something, though not for certain about this request. */
type Missing = { request: Request; sentAt: number; until: number; proven: boolean; heard: Asking['heard'] };

export function rtuLink({ stream, close, timing, watched, owed = owedAnswers() }: Line): Link {
  const { charMs, pauseMs, quietMs, drainMs } = timing;
  const ear = rtuEar({ stream, close, watched, quietMs, drainMs });
  let missing: Missing | undefined;
  let queue: Promise<unknown> = Promise.resolve();

  /** Waits for the late answer of a request, or the end of the time that it has. */
  async function drain({ request, sentAt, until, proven, heard }: Missing): Promise<void> {
    const { answer } = await ear.hear(request, until, false);
    const late = answer !== undefined && !isException(answer.pdu);
    if (late || (proven && answer === undefined)) owed.settled(request.unit);
    if (answer !== undefined) heard?.(ear.lastByteAt - sentAt, true);
  }

  async function exchange(request: Request, timeoutMs: number, asking: Asking): Promise<Uint8Array> {
    const proof = owed.proof(request, now());
    if (proof !== undefined) await transact(proof, timeoutMs, asking).catch(unlessException);
    if (ear.echoes === undefined && request.unit !== 0 && isWrite(request) && confirmsByEcho(request))
      await learnEcho(request, timeoutMs, asking);
    return transact(request, timeoutMs, asking);
  }

  /** Reads what is about to be written, whatever comes of it: an echo of the write would look like its confirmation. */
  async function learnEcho({ unit, write, address }: WriteRequest, timeoutMs: number, asking: Asking): Promise<void> {
    const request: ReadRequest = { unit, table: write === 5 ? 'coil' : 'holding', address, count: 1 };
    const reason = await transact(request, timeoutMs, asking).then(() => '', reasonOf);
    if (ear.echoes !== undefined) return;
    const says = `not written, since nobody knows yet whether this line gives requests back: ${reason}`;
    throw new ModbusFault('answer', says, undefined, true);
  }

  /** One request and all that follows from it: when this is over, the line belongs to the next one. */
  async function transact(request: Request, timeoutMs: number, asking: Asking): Promise<Uint8Array> {
    ear.mustBeOpen();
    await ear.untilFree();
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
    ear.forget();
    stream.write(frame);
    // A broadcast is answered by nobody.
    if (request.unit === 0 && isWrite(request)) {
      ear.restsUntil(sentAt + Math.max(pauseMs, 100));
      return new Uint8Array(0);
    }
    const wireMs = charMs * answerLength(request);
    const told = await ear.hear(request, sentAt + wireMs + timeoutMs, true);
    ear.restsUntil(ear.lastByteAt + (told.extra > 0 || told.wrong !== undefined ? quietMs : pauseMs));
    const { answer } = told;
    // An echo comes whatever the unit does: a line that stayed silent gives none.
    if (answer !== undefined || ear.held === 0) ear.noEcho();
    if (answer === undefined) {
      owed.add(request, now());
      if (told.wrong !== undefined) throw new ModbusFault('answer', told.wrong);
      missing = { request, sentAt: sentAt + wireMs, until: now() + drainMs, proven: false, heard };
      if (ear.held === 0) ear.missed(blame ?? 'link');
      const came = ear.held > 0 ? ` whole answer (${ear.held} bytes)` : ' answer';
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
      return ear.isOpen;
    },
    ended: ear.ended,
    end: ear.end,
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
