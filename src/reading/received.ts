// When a message of a stock node was received: whoever archives it notes the time on it, so that a replay makes the same rows.
import { timeLimits } from './time.ts';

/** `msg.receivedAt` in milliseconds where it can be, else now. */
export function receivedAtOf({ receivedAt }: Readonly<Record<string, unknown>>, now = Date.now()): number {
  const told = typeof receivedAt === 'number' && receivedAt >= timeLimits.earliest && receivedAt <= now;
  return told ? receivedAt : now;
}
