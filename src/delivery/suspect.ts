// Suspect: a row at which the peer fails again and again is refused once the peer was seen to take others, so that it holds them up no longer.
import type { Outcome } from '../reading/contracts.ts';
import { isOutage } from './breaker.ts';
import type { Halved } from './halving.ts';

/** Failures at the same row in a row, from which on the peer is tried with another one, too. */
const FAILURES = 10;

/**
 * The same peer. A server that breaks down over one request, or a broker that hangs up over one message, says no more than
 * that it is away. Only where it takes the row behind, and then fails at this one once more, the row is to blame: in an
 * outage none is refused, however long it lasts.
 */
export function suspecting<Row extends object>(peer: Halved<Row>): Halved<Row> {
  /** Refused, or landed while another one was tried. */
  const settled = new WeakMap<Row, Outcome>();
  let suspect: Row | undefined;
  let failures = 0;

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
    const other = rows.find(one => one !== row && !settled.has(one) && !peer.arrived(one));
    if (other === undefined) return false;
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
    try {
      const outcomes = open.length === 0 ? [] : await peer.write(open);
      let next = 0;
      return rows.map(row => settled.get(row) ?? outcomes[next++]!);
    } catch (error) {
      if (!isAtSuspect() || !(await isToBlame(suspect!, open))) throw error;
      return write(rows);
    }
  }
  const told = (row: Row): Outcome | undefined => settled.get(row) ?? peer.told(row);
  return { ...peer, write, told, arrived: row => told(row) === 'stored' };
}
