// How GLM 100 C and PLR carry MT frames over GATT: pieces of 19 bytes, each with a number before it and acknowledged.
// Layout: piannucci/pymtprotocol, glm-server.py. High digit: number of the message; low digit: pieces that still follow.
import { mtFrameOf } from './mt-frame.ts';

const PIECE = 19;
const ACKNOWLEDGE = 0xff;
const MESSAGES = 15;
/** The longest message: sixteen pieces. */
const LONGEST = 16 * PIECE;

export type MtFragments = {
  /** What the meter notified: the frame, when it is whole, and what is to be written back. */
  take(piece: Uint8Array): { frame?: Uint8Array; reply?: Uint8Array };
  /** A command as it is written, piece by piece. */
  split(frame: Uint8Array): readonly Uint8Array[];
};

/** One for each link. */
export function mtFragments(): MtFragments {
  let gathered = new Uint8Array();
  let last = -1;
  let sent = 0;
  return {
    take(piece) {
      // The meter asks for the next piece of a command.
      if (piece[0] === ACKNOWLEDGE && piece.length <= 3) return {};
      // Some firmware sends a short answer as it is.
      if (piece[0] === undefined || mtFrameOf(piece) !== undefined) return { frame: piece };
      const number = piece[0];
      if (number !== last - 1) gathered = new Uint8Array();
      last = number;
      gathered = Uint8Array.of(...gathered, ...piece.subarray(1)).subarray(0, LONGEST);
      const reply = Uint8Array.of(ACKNOWLEDGE, number, 0);
      if ((number & 0x0f) !== 0) return { reply };
      const frame = gathered;
      gathered = new Uint8Array();
      last = -1;
      return { frame, reply };
    },
    split(frame) {
      sent = (sent % MESSAGES) + 1;
      const count = Math.ceil(frame.length / PIECE);
      return Array.from({ length: count }, (_, at) =>
        Uint8Array.of(((sent % MESSAGES) << 4) | (count - 1 - at), ...frame.subarray(at * PIECE, (at + 1) * PIECE)),
      );
    },
  };
}
