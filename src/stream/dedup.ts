// Dedup: the first message of a key passes, copies within its window are dropped; a key counts as seen only when its first copy has settled.
import type { Clock } from '../kernel/clock.ts';
import { head, merge, type Ticket } from '../kernel/ticket.ts';

export type DedupOptions = { windowMs: number; maxKeys: number; clock: Clock };

export type Dedup = {
  /**
   * True: the message passes. False: it is a copy and is to be dropped; while the first copy is still under way the two
   * tickets are merged, so that the copy settles as the first does.
   */
  passes(key: string, ticket: Ticket | undefined): boolean;
  readonly size: number;
  /** Keys that left before their window was over because there were too many. */
  readonly evicted: number;
};

/** First copy of a key: when it passed (steady ms) and its ticket while it has not settled. */
type First = { at: number; ticket: Ticket | undefined };

/** In a window; a key may stay that much longer in memory, never in effect. */
const LOOKS = 20;

export function dedup({ windowMs, maxKeys, clock }: DedupOptions): Dedup {
  // In order of their first copies, so the oldest window is always the first entry: no key is touched when it is read.
  const firsts = new Map<string, First>();
  let evicted = 0;
  let nextLook = 0;

  /** A look steps over the places of all keys that have left since the map was last packed: 40 µs at 5,000 keys a second. */
  const forgetOld = (now: number) => {
    if (now < nextLook) return;
    nextLook = now + windowMs / LOOKS;
    for (const [key, first] of firsts) {
      if (now - first.at < windowMs) return;
      firsts.delete(key);
    }
  };

  return {
    passes(key, ticket) {
      const now = clock.steady();
      forgetOld(now);
      const first = firsts.get(key);
      if (first !== undefined && now - first.at < windowMs && !hasFailed(first)) {
        if (first.ticket !== undefined && ticket !== undefined) merge(first.ticket, ticket);
        return false;
      }
      firsts.delete(key);
      firsts.set(key, { at: now, ticket });
      if (firsts.size > maxKeys) {
        for (const [oldest, { at }] of firsts) {
          firsts.delete(oldest);
          if (now - at < windowMs) evicted++;
          break;
        }
      }
      return true;
    },
    get size() {
      return firsts.size;
    },
    get evicted() {
      return evicted;
    },
  };
}

/** Looks at the ticket when the next copy comes, since a source may send again before anyone else hears of the failure. */
function hasFailed(first: First): boolean {
  if (first.ticket === undefined) return false;
  const { settled, failure } = head(first.ticket);
  if (!settled) return false;
  first.ticket = undefined;
  return failure !== undefined && !failure.ok;
}
