// Tally of ingest: the words under the node, from the answers that were given.
import type { Clock } from '../kernel/clock.ts';
import { quantity } from '../reading/quantity.ts';
import type { Answer } from './ingest-answer.ts';

export type Tally = {
  answered(answer: Answer): void;
  line(open: number, sockets: number): ['green' | 'yellow' | 'grey', string];
};

/** The last refusal stands for as long as a person needs to read it. */
const SHOWN_MS = 30_000;

export function tallyOf(clock: Clock): Tally {
  let requests = 0;
  let refusals = 0;
  let readings = 0;
  let lastAt = 0;
  let reason = '';
  let until = -Infinity;
  return {
    answered({ status, body }) {
      requests++;
      lastAt = clock.steady();
      const { accepted = 0, detail = '' } = body as { accepted?: number; detail?: string };
      readings += accepted;
      if (status < 400) return;
      refusals++;
      reason = `${status}: ${detail.slice(0, 100)}`;
      until = clock.steady() + SHOWN_MS;
    },
    line(open, sockets) {
      if (requests === 0) return ['grey', 'waits for POST /api/ingest'];
      const seconds = Math.round((clock.steady() - lastAt) / 1000);
      const waiting = open > 0 ? `, ${open} open` : '';
      const linked = sockets > 0 ? `, ${quantity(sockets, 'socket')}` : '';
      const figures = `${quantity(readings, 'reading')}, ${quantity(requests, 'request')}, ${refusals} refused${waiting}${linked}, last ${seconds} s ago`;
      return clock.steady() < until ? ['yellow', `${figures}; ${reason}`] : ['green', figures];
    },
  };
}
