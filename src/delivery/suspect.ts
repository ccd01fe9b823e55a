// Suspect: a row at which the peer fails again and again is refused once the peer was seen to take others, so that it holds them up no longer.
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Outcome } from '../reading/contracts.ts';
import type { Fault } from '../kernel/fault.ts';
import { isOutage } from './breaker.ts';
import type { Halved } from './halving.ts';

export type Judged<Row> = Halved<Row> & {
  /** The last write failed, maybe by its rows, and had no other ones to judge them by, or only such as fail, too: more are to go with it. */
  lacksOther(): boolean;
};

/** The golden ratio: multiples of it lie spread over 0 to 1, the first ones far from each other. */
const SPREAD = (Math.sqrt(5) - 1) / 2;

/** Failures at the same row in a row, from which on the peer is tried with another one, too. */
const FAILURES = 10;

/** So long a row that a rule refuses waits for another one to be judged by: a status must not stay red over one row for days. */
const ALONE_MS = 600_000;

/** So many rows go beyond the bound of a write, at most, until one is found that the peer takes. */
const MOST_BEHIND = 32_768;

/**
 * How many are to go with it the next time, after so many. From the most it begins anew: an outage may last, and most of its
 * attempts are to be small.
 */
export function moreBehind(rows: number): number {
  return rows < MOST_BEHIND ? Math.max(1, 2 * rows) : 1;
}

/**
 * The same peer. A server that breaks down over one request, or a broker that hangs up over one message, says no more than
 * that it is away. Only where it takes the row behind, and then fails at this one once more, the row is to blame: in an
 * outage none is refused, however long it lasts.
 */
export function suspecting<Row extends object>(peer: Halved<Row>, clock: Clock = systemClock): Judged<Row> {
  /** Refused, or landed while another one was tried. */
  const settled = new WeakMap<Row, Outcome>();
  let suspect: Row | undefined;
  let failures = 0;
  let isLone = false;

  /** The one row that a rule refuses, and since when. */
  let alone: { row: Row; since: number } | undefined;

  /** Whether it was alone for long enough. */
  function isAlone(error: Fault, [row, ...others]: readonly Row[]): boolean {
    if (row === undefined || others.length > 0 || peer.isRule?.(error) !== true) {
      alone = undefined;
      return false;
    }
    if (alone?.row !== row) alone = { row, since: clock.steady() };
    if (clock.steady() - alone.since < ALONE_MS) return false;
    settled.set(row, { rejected: `${error.message}; no other row came for ${ALONE_MS / 60_000} minutes to tell` });
    return true;
  }

  /** Whether the outage came at the suspect, as so often. */
  function isAtSuspect(): boolean {
    const row = peer.failedAt();
    if (row === undefined) return false;
    failures = row === suspect ? failures + 1 : 1;
    suspect = row;
    return failures >= FAILURES;
  }

  /** Rejects with outages only. */
  async function isToBlame(row: Row, rows: readonly Row[]): Promise<boolean> {
    const others = rows.filter(one => one !== row && !settled.has(one) && !peer.arrived(one));
    isLone = failures - FAILURES >= others.length;
    if (others.length === 0) return false;
    // Each time another one: the peer may fail at the next one as well.
    const other = others[Math.floor((((failures - FAILURES) * SPREAD) % 1) * others.length)]!;
    const [outcome] = await peer.write([other]);
    settled.set(other, outcome!);
    if (outcome !== 'stored') return false;
    try {
      await peer.write([row]);
    } catch (error) {
      if (!isOutage(error) || peer.failedAt() !== row) throw error;
      settled.set(row, { rejected: `${error.message}; ${failures + 1} times, while others were taken` });
    }
    return true;
  }

  async function write(rows: readonly Row[]): Promise<readonly Outcome[]> {
    const open = rows.filter(row => !settled.has(row));
    isLone = false;
    try {
      const outcomes = open.length === 0 ? [] : await peer.write(open);
      let next = 0;
      return rows.map(row => settled.get(row) ?? outcomes[next++]!);
    } catch (error) {
      if (isOutage(error) && isAlone(error, open)) return write(rows);
      if (isOutage(error) && peer.isDoubtful?.(error)) isLone = true;
      if (!isAtSuspect() || !(await isToBlame(suspect!, open))) throw error;
      return write(rows);
    }
  }
  const told = (row: Row): Outcome | undefined => settled.get(row) ?? peer.told(row);
  return { ...peer, write, told, arrived: row => told(row) === 'stored', lacksOther: () => isLone };
}
