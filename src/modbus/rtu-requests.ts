// The device's side of serial framing: requests cut out of whatever comes over the line.
import type { Frame } from './mbap.ts';
import { messageOf } from './rtu-frame.ts';

const LONGEST = 256;

/** Requests have no transaction; theirs is 0. What is no request is passed over. Keeps at most one incomplete frame. */
export function rtuRequestReader(): (chunk: Uint8Array) => { frames: Frame[]; broken?: string } {
  let rest: Buffer = Buffer.alloc(0);
  return chunk => {
    rest = Buffer.concat([rest, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    while (at + 8 <= rest.length) {
      const length = lengthOf(rest.subarray(at));
      if (at + length > rest.length && length <= LONGEST) break;
      const message = messageOf(rest.subarray(at, at + length));
      if (message !== undefined) frames.push({ ...message, transaction: 0 });
      at += message === undefined ? 1 : length;
    }
    rest = rest.subarray(at).subarray(-LONGEST);
    return { frames };
  };
}

/** Unit, function, address, count or value, checksum; writes of many carry their bytes. */
const lengthOf = (bytes: Buffer) => (bytes[1] === 15 || bytes[1] === 16 ? 9 + (bytes[6] ?? 0) : 8);
