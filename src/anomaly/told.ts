// Told: what was said of the last readings, so that one that is sent again is told the same and not learned twice.
import { type Ticket, whenSettled } from '../kernel/ticket.ts';
import type { Anomaly } from '../reading/reading.ts';

/** Begins the names of results in a file of series; those of series begin with a digit. */
const RESULT = 'told ';

export type Told = {
  of(identity: string): Anomaly | undefined;
  remember(identity: string, anomaly: Anomaly): void;
  /** The readings of these results are on their way to be stored: where the process ends before they are, they come again. */
  underWay(ticket: Ticket | undefined, results: readonly Anomaly[]): void;
  /** Results of readings that have not settled, to be saved: their series have learned them already. */
  states(): IterableIterator<readonly [name: string, state: Uint8Array]>;
  /** Takes what `states` gave; undefined where it is something else, false where it is damaged. */
  restore(name: string, state: Uint8Array): boolean | undefined;
};

export function isAnomaly(given: unknown): given is Anomaly {
  const { score, metric, kind } = (given ?? {}) as { [key in keyof Anomaly]?: unknown };
  return typeof score === 'number' && typeof metric === 'string' && typeof kind === 'string';
}

/** Remembers the last `most` results at least, twice as many at most. */
export function toldResults(most: number): Told {
  // Two generations instead of one list in order of age: forgetting costs nothing.
  let recent = new Map<string, Anomaly>();
  let older = new Map<string, Anomaly>();
  const open = new Set<Anomaly>();

  const remember = (identity: string, anomaly: Anomaly): void => {
    recent.set(identity, anomaly);
    if (recent.size < most) return;
    // One that failed and never came again.
    if (open.size > 0) for (const anomaly of older.values()) open.delete(anomaly);
    older = recent;
    recent = new Map();
  };

  return {
    of: identity => recent.get(identity) ?? older.get(identity),
    remember,
    underWay(ticket, results) {
      // What no source tracks never comes again.
      if (ticket === undefined || results.length === 0) return;
      for (const anomaly of results) open.add(anomaly);
      whenSettled(ticket, ({ ok }) => {
        if (ok) for (const anomaly of results) open.delete(anomaly);
      });
    },
    *states() {
      if (open.size === 0) return;
      for (const [identity, anomaly] of [...older, ...recent])
        if (open.has(anomaly)) yield [RESULT + identity, Buffer.from(JSON.stringify(anomaly))];
    },
    restore(name, state) {
      if (!name.startsWith(RESULT)) return undefined;
      const anomaly = parsed(state);
      if (!isAnomaly(anomaly)) return false;
      remember(name.slice(RESULT.length), anomaly);
      return true;
    },
  };
}

function parsed(state: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(state).toString());
  } catch {
    return undefined;
  }
}
