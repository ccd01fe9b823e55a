// Link: a batcher with its figures, and the words that a node shows of it.
import { type Clock, systemClock } from '../kernel/clock.ts';
import type { Outcome, Sink } from '../reading/contracts.ts';
import { batcher, type BatcherOptions, type BatcherState } from './batcher.ts';

export type LinkStatus = { fill: 'green' | 'yellow' | 'red'; text: string; waiting: number };
export type LinkCounts = { stored: number; duplicates: number; rejected: number };

export type LinkOptions<Row> = BatcherOptions<Row> & {
  /** What is at the other end, e.g. "database". */
  target: string;
  /** About once a second, and whenever the target goes or comes back. */
  onStatus(status: LinkStatus): void;
  onCounts(counts: LinkCounts): void;
};

export type Link<Row> = {
  /** As of the batcher. */
  submit(rows: readonly Row[]): Promise<readonly Outcome[]>;
  close(graceMs?: number): Promise<void>;
};

const TICK_MS = 1000;

export function openLink<Row>(sink: Sink<Row>, options: LinkOptions<Row>): Link<Row> {
  const clock: Clock = options.clock ?? systemClock;
  const batches = batcher(sink, { ...options, onChange: show });
  const rate = rateMeter(2 * TICK_MS);
  let rejected = 0;
  let lastReason = '';

  function show(): void {
    const now = clock.steady();
    const { waiting, full, state } = batches;
    const figures = { perSecond: rate.perSecond(now), waiting, full, rejected, lastReason };
    options.onStatus({ ...linkWords(options.target, state, figures, now), waiting });
  }
  const ticker = setInterval(show, TICK_MS);

  return {
    async submit(rows) {
      const outcomes = await batches.submit(rows);
      const counts = { stored: 0, duplicates: 0, rejected: 0 };
      for (const outcome of outcomes)
        if (outcome === 'stored') counts.stored++;
        else if (outcome === 'duplicate') counts.duplicates++;
        else {
          counts.rejected++;
          lastReason = outcome.rejected;
        }
      rate.add(counts.stored);
      rejected += counts.rejected;
      options.onCounts(counts);
      return outcomes;
    },
    async close(graceMs) {
      clearInterval(ticker);
      await batches.close(graceMs);
    },
  };
}

type Figures = { perSecond: number; waiting: number; full: boolean; rejected: number; lastReason: string };

/** Colour and words, with the reason where something is wrong. `now` is of the batcher's steady clock. */
export function linkWords(
  target: string,
  state: BatcherState,
  { perSecond, waiting, full, rejected, lastReason }: Figures,
  now: number,
): { fill: LinkStatus['fill']; text: string } {
  const memory = full ? ', memory full' : '';
  if (state.away !== undefined) {
    const seconds = Math.max(0, Math.ceil((state.retryAt - now) / 1000));
    const reason = state.away.message.startsWith(target) ? state.away.message : `${target}: ${state.away.message}`;
    return { fill: 'red', text: `${target} away, retry in ${seconds} s, ${waiting} waiting${memory}; ${reason}` };
  }
  const rate = `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} rows/s`;
  const queue = waiting > 0 ? `, ${waiting} waiting` : '';
  if (rejected > 0) return { fill: 'yellow', text: `${rate}${queue}${memory}, ${rejected} rejected: ${lastReason}` };
  return { fill: full ? 'yellow' : 'green', text: `${rate}${queue}${memory}` };
}

/** Rows per second over the last whole window. */
export function rateMeter(windowMs: number): { add(rows: number): void; perSecond(now: number): number } {
  let rows = 0;
  let since: number | undefined;
  let last = 0;
  return {
    add(more) {
      rows += more;
    },
    perSecond(now) {
      since ??= now;
      if (now - since >= windowMs) {
        last = (rows * 1000) / (now - since);
        rows = 0;
        since = now;
      }
      return last;
    },
  };
}
