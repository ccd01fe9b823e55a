// Adverts on their way to the parent: packed as they are heard, sent every 50 ms, and no more than it takes. Bounded: when it
// is too slow the oldest leave, counted. Nothing is kept of an advert but its bytes: objects that live for 50 ms would grow old, and stay.
import { type HeardReport, MOST_PACKED, packAdvert } from './advert-batch.ts';

export type AdvertOutlet = {
  offer(advert: HeardReport): void;
  /** The parent has taken a batch. */
  taken(): void;
  /** Sends all there is, however much the parent has not taken yet. */
  flush(): void;
  /** Adverts that were dropped since the start. */
  readonly dropped: number;
};

const EVERY_MS = 50;
const BATCH = 256;
const BATCH_BYTES = 32 * 1024;
/** Batches that the parent may have and not have taken. */
const FLYING = 8;
/** Batches that wait beside them: 20,000 adverts. */
const WAITING = 80;

/** `send` takes a copy before it returns. */
export function advertOutlet(send: (packed: Buffer) => void): AdvertOutlet {
  const open = Buffer.allocUnsafeSlow(BATCH_BYTES);
  const waiting: { packed: Buffer; count: number }[] = [];
  let used = 0;
  let count = 0;
  let flying = 0;
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;

  function sendNow(packed: Buffer): void {
    flying++;
    send(packed);
  }

  function flushOpen(evenTooMany = false): void {
    clearTimeout(timer);
    timer = undefined;
    if (count === 0) return;
    const packed = open.subarray(0, used);
    const free = evenTooMany || (flying < FLYING && waiting.length === 0);
    // While the parent takes none a batch goes on until it is full, too.
    if (!free && !isFull()) return;
    if (free) sendNow(packed);
    else waiting.push({ packed: Buffer.from(packed), count });
    used = 0;
    count = 0;
    if (waiting.length > WAITING) dropped += waiting.shift()!.count;
  }

  const isFull = (): boolean => count >= BATCH || used + MOST_PACKED > BATCH_BYTES;

  return {
    offer(advert) {
      used = packAdvert(advert, open, used);
      count++;
      if (isFull()) flushOpen();
      else timer ??= setTimeout(flushOpen, EVERY_MS);
    },
    taken() {
      flying--;
      const next = waiting.shift();
      if (next === undefined) flushOpen();
      else sendNow(next.packed);
    },
    flush() {
      for (const { packed } of waiting.splice(0)) sendNow(packed);
      flushOpen(true);
    },
    get dropped() {
      return dropped;
    },
  };
}
