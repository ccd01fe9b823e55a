// A share of the connections: so many at once are lent to those who ask, and whoever waits too long is told why.
import { Fault } from '../kernel/fault.ts';

export type Share = <T>(work: () => Promise<T>) => Promise<T>;

/** In order of asking. Rejects with a Fault of kind outage when none came free in `patienceMs`. */
export function shareOf(connections: number, patienceMs: number): Share {
  const queue = new Set<() => void>();
  let lent = 0;

  function lend(): Promise<void> {
    if (lent < connections) {
      lent++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        clearTimeout(limit);
        resolve();
      };
      const limit = setTimeout(() => {
        queue.delete(turn);
        const busy = `all ${connections} connections for questions are busy: a table is locked, or the database is slow`;
        reject(new Fault('FIELDLINE_DATABASE', `database: ${busy}`, { kind: 'outage' }));
      }, patienceMs);
      limit.unref();
      queue.add(turn);
    });
  }

  return async work => {
    await lend();
    try {
      return await work();
    } finally {
      const [next] = queue;
      if (next === undefined) lent--;
      else {
        queue.delete(next);
        next();
      }
    }
  };
}
