// Work on a database that may be away: tried again until it succeeds, or until nobody wants it any more.
import { backoff } from '../kernel/backoff.ts';
import type { Clock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Changes } from './changes.ts';

export type Insisting = {
  /** Undefined when it was given up meanwhile. Rejects with what is no outage. */
  on<T>(work: () => Promise<T>): Promise<T | undefined>;
  /** Why the database does not answer just now; '' while it does. */
  readonly away: string;
};

/** `isGivenUp` is asked again whenever `changed` tells of something. */
export function insisting(isGivenUp: () => boolean, changed: Changes, clock: Clock): Insisting {
  let away = '';
  return {
    async on(work) {
      const waits = backoff();
      while (!isGivenUp())
        try {
          const done = await work();
          away = '';
          return done;
        } catch (error) {
          if (!(error instanceof Fault) || error.kind !== 'outage') throw error;
          away = error.message;
          const until = clock.steady() + waits.next();
          while (!isGivenUp() && clock.steady() < until) await changed.wait(until - clock.steady());
        }
      return undefined;
    },
    get away() {
      return away;
    },
  };
}
