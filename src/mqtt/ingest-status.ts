// Status of a subscription in one line: state, rate, what is out, age of the last message.
import type { Clock } from '../kernel/clock.ts';
import type { SourceState } from './source-state.ts';

export type IngestStatus = {
  state(state: SourceState): void;
  received(): void;
  settled(count: number): void;
  pause(on: boolean): void;
  readonly open: number;
  readonly subscribed: boolean;
  line(): [fill: 'green' | 'yellow' | 'red' | 'grey', text: string];
};

/** The rate is that of the time between two calls of `line`. */
export function ingestStatus(window: number, clock: Clock): IngestStatus {
  let now: SourceState = { state: 'connecting' };
  let paused = false;
  let open = 0;
  let since = 0;
  let last: number | undefined;
  let lookedAt = clock.steady();
  let rate = 0;
  return {
    state(state) {
      now = state;
    },
    received() {
      open++;
      since++;
      last = clock.steady();
    },
    settled(count) {
      open -= count;
    },
    pause(on) {
      paused = on;
    },
    get open() {
      return open;
    },
    get subscribed() {
      return now.state === 'subscribed';
    },
    line() {
      const at = clock.steady();
      if (at - lookedAt >= 500) {
        rate = (since * 1000) / (at - lookedAt);
        since = 0;
        lookedAt = at;
      }
      if (now.state === 'refused' || now.state === 'offline') return ['red', now.reason];
      if (now.state === 'connecting') return ['yellow', 'connecting'];
      if (now.state === 'closed') return ['grey', 'closed'];
      const age = last === undefined ? 'no message yet' : `last ${Math.max(0, Math.round((at - last) / 1000))} s ago`;
      const flow = `${rate.toFixed(rate < 10 ? 1 : 0)}/s, ${open} of ${window} open, ${age}`;
      if (paused) return ['yellow', `paused, ${flow}`];
      return now.detail === undefined ? ['green', `${now.via}: ${flow}`] : ['yellow', `${now.detail}; ${flow}`];
    },
  };
}
