// MQTT framing: where one control packet ends and the next begins, known before a byte of its body is kept [MQTT-2.1.4].

export type FrameHead = { type: number; flags: number; headLength: number; bodyLength: number };
export const PUBLISH = 3;

/** Head of the frame at `at`; undefined when more bytes are needed, 'malformed' for a length of more than four bytes. */
export function frameHead(bytes: Uint8Array, at: number): FrameHead | undefined | 'malformed' {
  const first = bytes[at];
  if (first === undefined) return undefined;
  let bodyLength = 0;
  for (let digit = 0; digit < 4; digit++) {
    const byte = bytes[at + 1 + digit];
    if (byte === undefined) return undefined;
    bodyLength += (byte & 0x7f) * 128 ** digit;
    if (byte < 0x80) return { type: first >> 4, flags: first & 0x0f, headLength: 2 + digit, bodyLength };
  }
  return 'malformed';
}

/** A whole frame, or the beginning of a PUBLISH that is too large: its topic and packet identifier, without the rest. */
export type Frame = { head: FrameHead; bytes: Buffer; tooLarge: boolean };

export type Framer = {
  push(chunk: Uint8Array): void;
  /** The next frame, undefined when it has not arrived; throws an Error on what cannot be MQTT. */
  next(): Frame | undefined;
  /** Bytes held that no frame was made of. */
  readonly held: number;
};

// Topic length, topic, packet identifier: all that is needed to acknowledge a message that is not taken.
const MAX_TOPIC_PART = 2 + 65535 + 2;

/** Cuts a byte stream into frames. A PUBLISH above `maxBytes` is skipped without being kept; any other one is an error. */
export function framer(maxBytes: number): Framer {
  let chunks: Buffer[] = [];
  let held = 0;
  let skip = 0;

  /** One buffer with at least `length` bytes in front, or undefined. Joined once per frame, not once per chunk. */
  function front(length: number): Buffer | undefined {
    if (held < length) return undefined;
    const [first] = chunks;
    if (first !== undefined && first.length >= length) return first;
    const joined = Buffer.concat(chunks);
    chunks = [joined];
    return joined;
  }
  function consume(length: number): void {
    held -= length;
    let left = length;
    while (left > 0) {
      const first = chunks[0] as Buffer;
      if (first.length > left) {
        chunks[0] = first.subarray(left);
        return;
      }
      left -= first.length;
      chunks.shift();
    }
  }

  return {
    push(chunk) {
      if (chunk.length === 0) return;
      chunks.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      held += chunk.length;
    },
    next() {
      const skipped = Math.min(skip, held);
      consume(skipped);
      skip -= skipped;
      if (skip > 0) return undefined;
      const start = front(Math.min(held, 5));
      const head = start && frameHead(start, 0);
      if (head === undefined) return undefined;
      if (head === 'malformed') throw new Error('the length of a packet has more than four bytes');
      const length = head.headLength + head.bodyLength;
      if (length <= maxBytes) {
        const whole = front(length);
        if (whole === undefined) return undefined;
        const bytes = whole.subarray(0, length);
        consume(length);
        return { head, bytes, tooLarge: false };
      }
      if (head.type !== PUBLISH) throw new Error(`a packet of ${length} bytes, at most ${maxBytes} are taken`);
      const part = Math.min(length, head.headLength + MAX_TOPIC_PART);
      const beginning = front(part);
      if (beginning === undefined) return undefined;
      const bytes = Buffer.from(beginning.subarray(0, part));
      consume(part);
      skip = length - part;
      return { head, bytes, tooLarge: true };
    },
    get held() {
      return held;
    },
  };
}

/** Watches a stream that somebody else parses; answers with a reason as soon as a frame is malformed or above `maxBytes`. */
export function frameGuard(maxBytes: number): (chunk: Uint8Array) => string | undefined {
  let body = 0;
  let carried: Uint8Array = new Uint8Array();
  return chunk => {
    let at = Math.min(body, chunk.length);
    body -= at;
    let bytes = chunk;
    if (carried.length > 0) {
      bytes = Buffer.concat([carried, chunk]);
      carried = new Uint8Array();
    }
    while (body === 0 && at < bytes.length) {
      const head = frameHead(bytes, at);
      if (head === 'malformed') return 'the length of a packet has more than four bytes';
      if (head === undefined) {
        carried = bytes.slice(at);
        return undefined;
      }
      const length = head.headLength + head.bodyLength;
      if (length > maxBytes) return `a packet of ${length} bytes, at most ${maxBytes} are taken`;
      const taken = Math.min(length, bytes.length - at);
      body = length - taken;
      at += taken;
    }
    return undefined;
  };
}
