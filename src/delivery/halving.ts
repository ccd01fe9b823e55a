// Halving: a batch on which a sink chokes is written in halves until only the poison is left, so that one row holds up no other.
import { reasonOf } from '../kernel/fault.ts';
import type { Outcome, Sink } from '../reading/contracts.ts';
import { isOutage } from './breaker.ts';

/** A sink of rows that go one by one knows after an outage which of them need not be written again. */
export type Peer<Row> = Sink<Row> & {
  arrived?(row: Row): boolean;
  /** The one row that was under way when the last write failed, although the peer was there. */
  failedAt?(): Row | undefined;
};

/**
 * The same sink, which rejects with outages only. Anything else that it throws is the fault of a row: of the one that
 * it throws for alone, which is refused with that reason. Rows before an outage may be written twice, as after any other.
 */
export function halving<Row>(sink: Peer<Row>): Required<Peer<Row>> {
  async function write(rows: readonly Row[]): Promise<readonly Outcome[]> {
    try {
      return await sink.write(rows);
    } catch (error) {
      if (isOutage(error)) throw error;
      if (rows.length === 1) return [{ rejected: reasonOf(error) }];
      const middle = rows.length >> 1;
      return [...(await write(rows.slice(0, middle))), ...(await write(rows.slice(middle)))];
    }
  }
  return {
    write,
    arrived: row => sink.arrived?.(row) ?? false,
    failedAt: () => sink.failedAt?.(),
    close: () => sink.close(),
  };
}
