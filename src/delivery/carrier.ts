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

/** Drops what meets an outage, and everything until the next attempt is due. */
export function dropCarrier<Row>(sink: Halved<Row>, breaker: Breaker): Carrier<Row> {
  return {
    async write(rows) {
      try {
        return await breaker.attempt(() => sink.write(rows));
      } catch (error) {
        if (!isOutage(error)) throw error;
        return rows.map(row => (sink.arrived(row) ? 'stored' : 'dropped'));
      }
    },
    async close() {},
  };
}
