// What a node shows of its link: colour and words, with the reason where something is wrong.
import type { BatcherState } from './batcher.ts';

export type LinkFigures = {
  target: string;
  perSecond: number;
  waiting: number;
  full: boolean;
  rejected: number;
  lastReason: string;
};

/** `now` is of the clock that the batcher has. */
export function linkStatus(
  state: BatcherState,
  figures: LinkFigures,
  now: number,
): { fill: 'green' | 'yellow' | 'red'; text: string } {
  const { target, perSecond, waiting, full, rejected, lastReason } = figures;
  if (state.away !== undefined) {
    const seconds = Math.max(0, Math.ceil((state.retryAt - now) / 1000));
    const more = full ? ', memory full' : '';
    return {
      fill: 'red',
      text: `${target} away, retry in ${seconds} s, ${waiting} rows waiting${more}: ${state.away.message}`,
    };
  }
  const rate = `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} rows/s`;
  if (full) return { fill: 'yellow', text: `${rate}, memory full: ${waiting} rows waiting` };
  const queue = waiting > 0 ? `, ${waiting} waiting` : '';
  if (rejected > 0) return { fill: 'yellow', text: `${rate}${queue}, ${rejected} rejected: ${lastReason}` };
  return { fill: 'green', text: `${rate}${queue}` };
}

/** Rows per second over the last whole window of `windowMs`. */
export function rateMeter(windowMs = 2000): { add(rows: number): void; perSecond(now: number): number } {
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
