// Halving: a batch on which a sink chokes is written in halves until only the poison is left, so that one row holds up no other.
import { reasonOf } from '../kernel/fault.ts';
import type { Outcome, Sink } from '../reading/contracts.ts';
import { isOutage } from './breaker.ts';

/**
 * The same sink, which rejects with outages only. Anything else that it throws is the fault of a row: of the one that
 * it throws for alone, which is refused with that reason. Rows before an outage may be written twice, as after any other.
 */
export function halving<Row>(sink: Sink<Row>): Sink<Row> {
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
  return { write, close: () => sink.close() };
}
