// Turns: so many requests are worked on at once, so many wait, further ones are told to come again. Writers share the database.
import { Fault } from '../kernel/fault.ts';

export type Turns = { take<T>(work: () => Promise<T>): Promise<T>; readonly waiting: number };

/** `take` rejects with FIELDLINE_FULL (an outage) where `mostWaiting` wait already; it rejects as the work does. */
export function turns(atOnce: number, mostWaiting: number): Turns {
  const queue: (() => void)[] = [];
  let busy = 0;
  return {
    get waiting() {
      return queue.length;
    },
    async take(work) {
      if (busy >= atOnce) {
        if (queue.length >= mostWaiting)
          throw new Fault('FIELDLINE_FULL', `API: ${atOnce} requests are worked on and ${mostWaiting} wait`, {
            kind: 'outage',
          });
        // Whoever is done hands its turn on.
        await new Promise<void>(resolve => queue.push(resolve));
      } else busy++;
      try {
        return await work();
      } finally {
        const next = queue.shift();
        if (next === undefined) busy--;
        else next();
      }
    },
  };
}
