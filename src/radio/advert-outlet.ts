// Adverts on their way to the parent: packed every 50 ms, bounded; when the parent is slow the oldest leave, counted.
import { type HeardReport, packAdverts } from './advert-batch.ts';

export type AdvertOutlet = {
  offer(advert: HeardReport): void;
  /** Adverts that were dropped since the start. */
  readonly dropped: number;
};

const EVERY_MS = 50;
const BATCH = 256;
/** Batches that the channel to the parent may hold. */
const FLYING = 8;
const WAITING = 20_000;

/** `send` calls back when the channel has taken the batch. */
export function advertOutlet(send: (packed: Buffer, done: () => void) => void): AdvertOutlet {
  let waiting: HeardReport[] = [];
  let flying = 0;
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    while (waiting.length > 0 && flying < FLYING) {
      const batch = waiting.splice(0, BATCH);
      flying++;
      send(packAdverts(batch), () => {
        flying--;
        if (waiting.length >= BATCH) flush();
      });
    }
    if (waiting.length > 0) timer ??= setTimeout(flush, EVERY_MS);
  }

  return {
    offer(advert) {
      waiting.push(advert);
      if (waiting.length > WAITING) {
        // A block at a time: taking one from the front of a long array for each advert would cost more than the radio.
        dropped += BATCH;
        waiting = waiting.slice(BATCH);
      }
      if (waiting.length >= BATCH) flush();
      else timer ??= setTimeout(flush, EVERY_MS);
    },
    get dropped() {
      return dropped;
    },
  };
}
