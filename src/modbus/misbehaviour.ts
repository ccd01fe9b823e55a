// What a simulated device does wrong: every fault as bytes, in both framings.
import type { Frame } from './mbap.ts';
import { rtuFrame } from './rtu-frame.ts';
import { exceptionPdu } from './simulated-unit.ts';

/** What is sent instead of the right answer. */
export type BytesWrong =
  /** `followed`: bytes that come with it. */
  | { kind: 'exception'; code: number; followed?: Uint8Array }
  /** The answer is cut after so many bytes, and nothing follows. */
  | { kind: 'partial'; bytes: number }
  /** The byte count field is wrong by so much; the frame is as long as it should be. */
  | { kind: 'byte-count'; by: number }
  /** The whole frame carries so many words more or fewer than asked for. */
  | { kind: 'words'; by: number }
  | { kind: 'unit'; id: number; exception?: number }
  | { kind: 'function'; code: number }
  | { kind: 'duplicate' }
  | { kind: 'garbage'; bytes: Uint8Array; place: 'before' | 'after' | 'instead' }
  /** TCP: a wrong length in the frame header, a wrong protocol, the number of another request. */
  | { kind: 'length'; value: number }
  | { kind: 'protocol'; id: number }
  | { kind: 'transaction'; by: number }
  /** Serial: a wrong checksum, or the request given back before the answer. */
  | { kind: 'checksum' }
  | { kind: 'echo' };

export type Misbehaviour =
  | BytesWrong
  | { kind: 'silence' }
  /** `twice`: and once more in the same piece. */
  | { kind: 'slow'; ms: number; twice?: boolean }
  /** The right answer, each byte by itself, so many milliseconds apart (2). */
  | { kind: 'drip'; ms?: number }
  /** Ends the connection: hard, or in order. */
  | { kind: 'reset' }
  | { kind: 'close' }
  /** Ends it hard after so many bytes of the right answer. */
  | { kind: 'cut'; bytes: number }
  /** The right answer, and the one before it with it in one piece. */
  | { kind: 'again' };

type Wrong = { transaction?: number; protocol?: number; length?: number; unit?: number };

/** A frame made of an answer to the one received; every field of the header can be made wrong. */
export type Envelope = (frame: Frame, pdu: Uint8Array, wrong?: Wrong) => Buffer;

export const tcpEnvelope: Envelope = (frame, pdu, wrong = {}) => {
  const header = Buffer.alloc(7);
  header.writeUInt16BE((wrong.transaction ?? frame.transaction) & 0xffff, 0);
  header.writeUInt16BE(wrong.protocol ?? 0, 2);
  header.writeUInt16BE(wrong.length ?? pdu.length + 1, 4);
  header.writeUInt8(wrong.unit ?? frame.unit, 6);
  return Buffer.concat([header, pdu]);
};

export const rtuEnvelope: Envelope = (frame, pdu, wrong = {}) => rtuFrame({ unit: wrong.unit ?? frame.unit, pdu });

/** What goes over the line instead of the right answer. */
export function wrongAnswer(how: BytesWrong, frame: Frame, right: Uint8Array, envelope: Envelope): Uint8Array {
  const code = frame.pdu[0] ?? 0;
  const whole = envelope(frame, right);
  switch (how.kind) {
    case 'exception':
      return Buffer.concat([envelope(frame, exceptionPdu(code, how.code)), how.followed ?? Buffer.alloc(0)]);
    case 'partial':
      return whole.subarray(0, how.bytes);
    case 'byte-count':
      return envelope(frame, right.with(1, ((right[1] ?? 0) + how.by) & 0xff));
    case 'words': {
      const pdu = Buffer.alloc(right.length + how.by * 2);
      pdu.set(right.subarray(0, pdu.length));
      pdu[1] = pdu.length - 2;
      return envelope(frame, pdu);
    }
    case 'length':
      return envelope(frame, right, { length: how.value });
    case 'protocol':
      return envelope(frame, right, { protocol: how.id });
    case 'transaction':
      return envelope(frame, right, { transaction: frame.transaction + how.by });
    case 'unit': {
      const pdu = how.exception === undefined ? right : exceptionPdu(code, how.exception);
      return envelope(frame, pdu, { unit: how.id });
    }
    case 'function':
      return envelope(frame, right.with(0, how.code));
    case 'checksum':
      return whole.with(whole.length - 1, (whole.at(-1) ?? 0) ^ 0x55);
    case 'echo':
      return Buffer.concat([envelope(frame, frame.pdu), whole]);
    case 'duplicate':
      return Buffer.concat([whole, whole]);
    case 'garbage':
      return {
        before: Buffer.concat([how.bytes, whole]),
        after: Buffer.concat([whole, how.bytes]),
        instead: how.bytes,
      }[how.place];
  }
}
