// Messages of a replay that are on their way; its progress follows the longest settled prefix, so that a crash repeats messages and never leaves one out.
import { ordered } from '../kernel/ordered.ts';
import type { Raw } from '../reading/raw.ts';
import type { Placed } from './pages.ts';
import type { Cursor, Progress } from './replays.ts';

export type UnderWay = {
  readonly messages: number;
  readonly bytes: number;
  /** A message leaves. Call the answer when it has settled; what has not settled well stays before the cursor. */
  leaves(message: Placed): (ok: boolean) => void;
  /** The message went to the dead letters: it counts as failed when it settles. */
  gaveUp(raw: Raw): void;
};

type Sent = { place: Cursor; failed: boolean };

export function underWay(progress: Progress): UnderWay {
  const sent = new Map<number, Sent>();
  const bySource = new WeakMap<Raw, Sent>();
  let bytes = 0;

  const order = ordered(number => {
    const settled = sent.get(number);
    if (settled === undefined) return;
    sent.delete(number);
    progress.cursor = settled.place;
    progress.settled++;
    if (settled.failed) progress.failed++;
  });

  return {
    get messages() {
      return order.open;
    },
    get bytes() {
      return bytes;
    },
    leaves({ raw, place }) {
      const number = order.take();
      const entry: Sent = { place, failed: false };
      sent.set(number, entry);
      bySource.set(raw, entry);
      const { length } = raw.bytes;
      bytes += length;
      return ok => {
        bytes -= length;
        if (ok) order.settle(number);
      };
    },
    gaveUp(raw) {
      const entry = bySource.get(raw);
      if (entry !== undefined) entry.failed = true;
    },
  };
}
