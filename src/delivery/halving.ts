// Halving: a batch on which a sink chokes is written in halves until only the poison is left, so that one row holds up no other.
import { type Clock, systemClock } from '../kernel/clock.ts';
import { Fault, reasonOf } from '../kernel/fault.ts';
import type { Outcome, Sink } from '../reading/contracts.ts';
import { isOutage } from './breaker.ts';

/** A sink of rows that go one by one knows after an outage which of them need not be written again. */
export type Peer<Row> = Sink<Row> & {
  arrived?(row: Row): boolean;
  /** The one row that was under way when the last write failed, although the peer was there. */
  failedAt?(): Row | undefined;
  /** Of an outage: whether a write of fewer rows may work at once, as where it took too long. */
  isTooMuch?(fault: Fault): boolean;
  /** Of an outage: whether rows may have brought it about all the same, which others in the same write would tell. */
  isDoubtful?(fault: Fault): boolean;
  /** Of such a one: whether a rule refuses rows, all of them or this one, so that there is little hope for a row that is alone. */
  isRule?(fault: Fault): boolean;
};
export type Halved<Row> = Sink<Row> &
  Pick<Peer<Row>, 'isDoubtful' | 'isRule'> &
  Required<Pick<Peer<Row>, 'arrived' | 'failedAt'>> & {
    /** As many rows go in one write at present. */
    mostRows(): number;
    /** The answer for a row that landed, in a write of which others did not. */
    told(row: Row): Outcome | undefined;
    /** The rows for which, when they were last written, all the time was too little. */
    tooMuch(): readonly Row[] | undefined;
  };

/** A write that took less than this part of what was too long makes room for twice as many rows. */
const QUICK = 1 / 4;

/**
 * The same sink, which rejects with outages only. Anything else that it throws is the fault of a row: of the one that
 * it throws for alone, which is refused with that reason. Rows before an outage may be written twice, as after any other.
 * What was too much is an outage, too; the next writes are of half as many rows, and grow again with their haste. Where
 * one row alone is too much, the outage came at that row.
 */
export function halving<Row extends object>(sink: Peer<Row>, clock: Clock = systemClock): Halved<Row> {
  /** Of writes that went in parts, until all of them have landed. */
  const landed = new WeakMap<Row, Outcome>();
  /** How many of the write that is not done yet. */
  let ahead = 0;
  let most = Infinity;
  let tooLongMs = 0;
  let slow: readonly Row[] | undefined;

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

  async function writeTimed(rows: readonly Row[]): Promise<readonly Outcome[]> {
    const began = clock.steady();
    slow = undefined;
    try {
      const outcomes = await write(rows);
      if (rows.length >= most && clock.steady() - began < tooLongMs * QUICK) most *= 2;
      return outcomes;
    } catch (error) {
      if (!isOutage(error) || sink.isTooMuch?.(error) !== true) throw error;
      tooLongMs = clock.steady() - began;
      most = Math.max(1, rows.length >> 1);
      slow = rows;
      if (rows.length > 1) throw error;
      throw new Fault(error.code, `${error.message}; even with one row alone`, { kind: 'outage', cause: error.cause });
    }
  }

  const told = (row: Row): Outcome | undefined => landed.get(row) ?? (sink.arrived?.(row) ? 'stored' : undefined);

  return {
    async write(rows) {
      const open = rows.filter(row => !landed.has(row));
      ahead = rows.length - open.length;
      if (ahead === 0 && rows.length <= most) return writeTimed(rows);
      for (let next = 0; next < open.length; ) {
        const part = open.slice(next, next + most);
        const outcomes = await writeTimed(part);
        for (const [at, row] of part.entries()) landed.set(row, outcomes[at]!);
        next += part.length;
        ahead += part.length;
      }
      ahead = 0;
      const outcomes = rows.map(row => landed.get(row)!);
      for (const row of rows) landed.delete(row);
      return outcomes;
    },
    arrived: row => told(row) === 'stored',
    told,
    failedAt: () => (slow?.length === 1 ? slow[0] : sink.failedAt?.()),
    tooMuch: () => slow,
    // Never less than two that have not landed: whether one row is to blame is told by another one.
    mostRows: () => ahead + Math.max(2, most),
    isDoubtful: fault => sink.isDoubtful?.(fault) === true,
    isRule: fault => sink.isRule?.(fault) === true,
    close: () => sink.close(),
  };
}
