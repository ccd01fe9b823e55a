// Listens on a serial line: gathers its bytes, knows when it rests, what answers a request, and whether it gives requests back.
import type { Duplex } from 'node:stream';
import { reasonOf } from '../kernel/fault.ts';
import { ModbusFault } from './fault.ts';
import { nameOf, type Request } from './link.ts';
import { answerLength, type Heard, listen, requestFrame } from './rtu-frame.ts';
import { silenceWatch } from './silence.ts';

export type EarOptions = {
  stream: Duplex;
  /** Ends the stream for good; resolves when another program, or another link, may open it. */
  close(): Promise<void>;
  /** Drop the connection when nothing is answered: its other side may be gone without a word. */
  watched: boolean;
  /** Silence after bytes that nobody asked for, or that were damaged, ms. */
  quietMs: number;
  /** How long what is on its way when the line is opened is waited for, ms. */
  drainMs: number;
};

export type Ear = {
  /** Resolves with the reason when the line is no more. */
  readonly ended: Promise<string>;
  readonly isOpen: boolean;
  end(reason: string): void;
  /** Throws a ModbusFault where the line is no more. */
  mustBeOpen(): void;
  /** Whether the line gives requests back; undefined: nothing has shown it yet. */
  readonly echoes: boolean | undefined;
  /** It does not, where nothing has shown that it does. */
  noEcho(): void;
  /** Bytes that came since `forget` and were not taken. */
  readonly held: number;
  /** When the last byte came, on the clock of `performance`. */
  readonly lastByteAt: number;
  /** What came before is no answer to what is asked now. */
  forget(): void;
  /**
   * Waits for the answer; what is damaged or no answer is known as soon as the line rests, what is missing at `until`.
   * `asked`: what comes now was asked for, and disturbs no rest of the line.
   */
  hear(request: Request, until: number, asked: boolean): Promise<Heard>;
  /** Nobody may speak before. */
  restsUntil(at: number): void;
  untilFree(): Promise<void>;
  /** Nothing answered. */
  missed(blame: 'link' | 'unit'): void;
};

/** More than that is never kept: an echo, the longest frame and some noise. */
const KEPT = 600;
/** A process that was held up looks once more before it says that nothing came. */
const GRACE_MS = 10;
const now = () => performance.now();

export function rtuEar({ stream, close, watched, quietMs, drainMs }: EarOptions): Ear {
  const { promise: ended, resolve: sayEnded } = Promise.withResolvers<string>();
  let over = '';
  let received = Buffer.alloc(0);
  let lastByteAt = now();
  let freeAt = now() + drainMs;
  let isAsked = false;
  let echoes: boolean | undefined;
  let wake: (() => void) | undefined;

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
    if (!isAsked) freeAt = Math.max(freeAt, lastByteAt + quietMs);
    wake?.();
  });
  stream.on('error', error => end(reasonOf(error)));
  stream.on('end', () => end('closed by the other side'));
  stream.on('close', (error: unknown) => end(error instanceof Error ? reasonOf(error) : 'closed'));

  function mustBeOpen(): void {
    if (over !== '') throw new ModbusFault('link', `connection lost: ${over}`);
  }

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
    mustBeOpen();
  }

  async function answerOr(request: Request, until: number): Promise<Heard> {
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

  return {
    ended,
    get isOpen() {
      return over === '';
    },
    end,
    mustBeOpen,
    get echoes() {
      return echoes;
    },
    noEcho() {
      echoes ??= false;
    },
    get held() {
      return received.length;
    },
    get lastByteAt() {
      return lastByteAt;
    },
    forget() {
      received = Buffer.alloc(0);
    },
    async hear(request, until, asked) {
      isAsked = asked;
      try {
        return await answerOr(request, until);
      } finally {
        isAsked = false;
      }
    },
    restsUntil(at) {
      freeAt = at;
    },
    async untilFree() {
      const latest = now() + Math.max(1000, 2 * drainMs);
      for (let rest = freeAt - now(); rest > 0; rest = freeAt - now()) {
        if (now() > latest) throw new ModbusFault('answer', 'the line is never silent');
        await bytesOr(rest);
      }
    },
    missed: watch.missed,
  };
}
