// Standing of a node that refuses some messages: its figures, and the last reason for as long as a person needs to read it.
import { type Clock, systemClock } from '../kernel/clock.ts';

const SHOWN_MS = 30_000;

/** Status line from the figures and, where something was refused just now, the reason. */
export function standing(
  clock: Clock = systemClock,
): (figures: string, refusal?: string) => ['green' | 'yellow', string] {
  let reason = '';
  let until = -Infinity;
  return (figures, refusal) => {
    if (refusal !== undefined) {
      reason = refusal;
      until = clock.steady() + SHOWN_MS;
    }
    return clock.steady() < until ? ['yellow', `${figures}: ${reason}`] : ['green', figures];
  };
}
