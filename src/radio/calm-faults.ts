// Faults of a radio on their way to a log: the first of a kind at once, then at most one in ten seconds, with how many came between.
import { type Clock, systemClock } from '../kernel/clock.ts';

const GAP_MS = 10_000;
/** Kinds are few: the places in the code that tell of a fault. */
type Kind = { toldAt: number; kept: number };

/** Returns what is to be called with each fault. */
export function calmFaults(
  tell: (text: string) => void,
  clock: Clock = systemClock,
): (kind: string, reason: string) => void {
  const kinds = new Map<string, Kind>();
  return (kind, reason) => {
    const before = kinds.get(kind);
    const now = clock.steady();
    if (before !== undefined && now - before.toldAt < GAP_MS) {
      before.kept++;
      return;
    }
    kinds.set(kind, { toldAt: now, kept: 0 });
    const more = before === undefined || before.kept === 0 ? '' : ` (${before.kept} more since the last)`;
    tell(`${kind}: ${reason}${more}`);
  };
}
