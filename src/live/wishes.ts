// What a client may ask for besides a channel, the same in every protocol: a filter, a snapshot, conflation.
import { expected } from '../kernel/fault.ts';
import type { Refused } from './filter.ts';

export type Wishes = { filter: string; snapshot: boolean; conflateMs: number | undefined };

/** Regular expressions that one client may have running; a long one counts as several. */
export const MAX_EXPRESSIONS = 16;

const MIN_CONFLATE_MS = 20;
const MAX_CONFLATE_MS = 60_000;

/** Keys that we do not know are none of our business; null, as clients of other languages write what they leave out, is absent. */
export function wishesOf(given: Readonly<Record<string, unknown>>): Wishes | Refused {
  const filter = given['filter'] ?? '';
  const conflateMs = given['conflate_ms'] ?? undefined;
  if (typeof filter !== 'string') return { refused: expected('filter', 'a text such as session_id=eq.S1', filter) };
  if (conflateMs !== undefined && !isInterval(conflateMs))
    return {
      refused: expected('conflate_ms', `a number from ${MIN_CONFLATE_MS} to ${MAX_CONFLATE_MS}`, conflateMs),
    };
  return { filter, snapshot: given['snapshot'] === true, conflateMs };
}

function isInterval(value: unknown): value is number {
  return typeof value === 'number' && value >= MIN_CONFLATE_MS && value <= MAX_CONFLATE_MS;
}
