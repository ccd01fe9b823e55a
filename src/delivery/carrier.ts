// Carrier: how the batches of a link get to a peer that may be away. Here those that wait in memory or drop; the disk has its own file.
import { Fault } from '../kernel/fault.ts';
import type { Outcome, Sink } from '../reading/contracts.ts';
import type { Again } from './batcher.ts';
import { type Breaker, isOutage } from './breaker.ts';
import type { Halved } from './halving.ts';

/** What became of a row: what the sink answered, or on the disk and written later, or dropped by policy. */
export type Fate = Outcome | 'kept' | 'dropped';

export type Carrier<Row> = {
  /** One batch at a time. Resolves with the fate of each row, in order, or asks for them again, with those behind them. */
  write(rows: readonly Row[]): Promise<readonly Fate[] | Again>;
  /** Gives up what waits, as an outage; what is under way may still arrive within `graceMs`. */
  close(graceMs: number): Promise<void>;
};

export function closedFault(): Fault {
  return new Fault('FIELDLINE_DEPLOYED', 'link: expected to write, got closed', { kind: 'outage' });
}

/** Tries until it works; what comes meanwhile waits behind it. The sink rejects with outages only. */
export function memoryCarrier<Row>(sink: Sink<Row>, breaker: Breaker): Carrier<Row> {
  let closed = false;
  return {
    async write(rows) {
      await breaker.due();
      if (closed) throw closedFault();
      try {
        return await breaker.attempt(() => sink.write(rows));
      } catch (error) {
        if (!isOutage(error)) throw error;
        return 'again';
      }
    },
    async close() {
      closed = true;
      breaker.nudge();
    },
  };
}

/**
 * Drops what meets an outage, and everything until the next attempt is due. Rows that were only too many for one write are
 * no outage: they go in smaller ones at once.
 */
export function dropCarrier<Row>(sink: Halved<Row>, breaker: Breaker): Carrier<Row> {
  /** Until each row has landed or was, by itself, too much. Where that is said of two in a row the peer is taken to be away. */
  async function insist(rows: readonly Row[]): Promise<readonly Fate[]> {
    const givenUp = new Set<Row>();
    let landedBefore: number | undefined;
    for (;;)
      try {
        const open = rows.filter(row => !givenUp.has(row));
        const outcomes = open.length === 0 ? [] : await sink.write(open);
        let next = 0;
        return rows.map(row => (givenUp.has(row) ? 'dropped' : outcomes[next++]!));
      } catch (error) {
        const [slow, ...others] = sink.tooMuch() ?? [];
        if (slow === undefined) throw error;
        if (others.length > 0) continue;
        givenUp.add(slow);
        const landed = rows.filter(row => sink.told(row) !== undefined).length;
        const isFirst = landedBefore === undefined && landed + givenUp.size < rows.length;
        if (landed <= (landedBefore ?? 0) && !isFirst) throw error;
        landedBefore = landed;
      }
  }

  return {
    async write(rows) {
      try {
        return await breaker.attempt(() => insist(rows));
      } catch (error) {
        if (!isOutage(error)) throw error;
        return rows.map(row => sink.told(row) ?? 'dropped');
      }
    },
    async close() {},
  };
}
