// Rate limit: at most so many requests of one key within any minute, counted exactly.
import { boundedMap } from '../kernel/bounded.ts';
import type { Clock } from '../kernel/clock.ts';

const MINUTE_MS = 60_000;
/** Above this a limit costs more memory than it protects. */
export const MAX_PER_MINUTE = 60_000;
const MOST_KEYS = 10_000;

/** Answers 0 when the request may go on, which counts it, else the seconds until one may. */
export type RateLimit = (key: string, perMinute: number) => number;

/** Counts over the last minute of steady time; of more keys than it remembers, the least used begins anew. */
export function rateLimit(clock: Clock): RateLimit {
  // The last requests of each key in a ring: the oldest of them decides.
  const rings = boundedMap<string, { times: Float64Array; next: number }>(MOST_KEYS);
  return (key, perMinute) => {
    const size = Math.min(MAX_PER_MINUTE, Math.max(1, Math.floor(perMinute)));
    let ring = rings.get(key);
    if (ring?.times.length !== size) {
      ring = { times: new Float64Array(size).fill(-Infinity), next: 0 };
      rings.set(key, ring);
    }
    const now = clock.steady();
    const wait = ring.times[ring.next]! + MINUTE_MS - now;
    if (wait > 0) return Math.ceil(wait / 1000);
    ring.times[ring.next] = now;
    ring.next = (ring.next + 1) % size;
    return 0;
  };
}
