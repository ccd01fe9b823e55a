// Told: what was said of the last readings, so that one that is sent again is told the same and not learned twice.
import { type Ticket, whenSettled } from '../kernel/ticket.ts';
import type { Anomaly } from '../reading/reading.ts';

/** Begins the names of results in a file of series; those of series begin with a digit. */
const RESULT = 'told ';

export type Told = {
  of(identity: string): Anomaly | undefined;
  /** What was said by a process that ended before the reading was stored, once; its series may or may not have been saved behind it. */
  resumed(identity: string): Anomaly | undefined;
  remember(identity: string, anomaly: Anomaly): void;
  /** The readings of these results are on their way to be stored: where the process ends before they are, they come again. */
  underWay(ticket: Ticket | undefined, results: readonly Anomaly[]): void;
  /** Results of readings that have not settled, to be saved. */
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
  // Of the process before this one; most of what is not stored comes again at once.
  const before = new Map<string, Anomaly>();

  const remember = (identity: string, anomaly: Anomaly): void => {
    recent.set(identity, anomaly);
    if (before.size > 0) before.delete(identity);
    if (recent.size < most) return;
    // One that failed and never came again.
    if (open.size > 0) for (const anomaly of older.values()) open.delete(anomaly);
    older = recent;
    recent = new Map();
  };

  return {
    of: identity => recent.get(identity) ?? older.get(identity),
    resumed(identity) {
      const anomaly = before.get(identity);
      before.delete(identity);
      return anomaly;
    },
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
      for (const [identity, anomaly] of [...before]) yield saved(identity, anomaly);
      if (open.size === 0) return;
      for (const [identity, anomaly] of [...older, ...recent]) if (open.has(anomaly)) yield saved(identity, anomaly);
    },
    restore(name, state) {
      if (!name.startsWith(RESULT)) return undefined;
      const anomaly = parsed(state);
      if (!isAnomaly(anomaly)) return false;
      before.set(name.slice(RESULT.length), anomaly);
      const [oldest] = before.keys();
      if (before.size > most) before.delete(oldest!);
      return true;
    },
  };
}

const saved = (identity: string, anomaly: Anomaly) =>
  [RESULT + identity, Buffer.from(JSON.stringify(anomaly))] as const;

function parsed(state: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(state).toString());
  } catch {
    return undefined;
  }
}
