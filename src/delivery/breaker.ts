// Circuit breaker: leaves a peer alone while it is away, and lets one attempt at a time through until it is back.
import { backoff } from '../kernel/backoff.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { type After, timer } from './timer.ts';

export type BreakerState =
  | { state: 'closed' }
  /** Away since `since`; nothing is tried before `retryAt` (both steady clock, ms). */
  | { state: 'open'; fault: Fault; attempts: number; since: number; retryAt: number }
  /** Half open: one attempt is under way. */
  | { state: 'probing'; fault: Fault; attempts: number; since: number };

export type BreakerOptions = {
  firstRetryMs?: number;
  lastRetryMs?: number;
  /** How long the peer asked to be left alone (Retry-After); undefined where it said nothing. */
  askedMs?(fault: Fault): number | undefined;
  clock?: Clock;
  random?: () => number;
  after?: After;
  onChange?(state: BreakerState): void;
};

export type Breaker = {
  /**
   * Does the work while the breaker is closed, or as the one probe when its time has come; rejects with the fault that
   * opened it, without trying, in between. Only faults of kind `outage` open it: every other answer shows that the peer is there.
   */
  attempt<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when an attempt may be made: at once while closed, after the probe while there is one. */
  due(): Promise<void>;
  /** The wait is over now. */
  nudge(): void;
  readonly state: BreakerState;
};

/** No peer may silence us for longer. */
const LONGEST_ASKED_MS = 3_600_000;

export function isOutage(error: unknown): error is Fault {
  return error instanceof Fault && error.kind === 'outage';
}

export function breaker(options: BreakerOptions = {}): Breaker {
  const { clock = systemClock, after = timer } = options;
  const waits = backoff(options.firstRetryMs ?? 100, options.lastRetryMs ?? 1000, options.random);
  const sleepers = new Set<() => void>();
  let state: BreakerState = { state: 'closed' };

  function change(next: BreakerState): void {
    state = next;
    options.onChange?.(next);
    for (const wake of [...sleepers]) wake();
  }
  const isDue = (): boolean => state.state === 'closed' || (state.state === 'open' && clock.steady() >= state.retryAt);

  function open(fault: Fault): void {
    // Attempts that began together fail together: they are one failure.
    if (state.state === 'open') return;
    const now = clock.steady();
    const since = state.state === 'closed' ? now : state.since;
    const wait = Math.max(waits.next(), Math.min(options.askedMs?.(fault) ?? 0, LONGEST_ASKED_MS));
    change({ state: 'open', fault, attempts: waits.attempts, since, retryAt: now + wait });
  }

  function close(): void {
    waits.reset();
    if (state.state === 'closed') return;
    change({ state: 'closed' });
  }

  return {
    async attempt(work) {
      if (state.state === 'probing') throw state.fault;
      if (state.state === 'open') {
        const { fault, attempts, since, retryAt } = state;
        if (clock.steady() < retryAt) throw fault;
        change({ state: 'probing', fault, attempts, since });
      }
      try {
        const answer = await work();
        close();
        return answer;
      } catch (error) {
        if (isOutage(error)) open(error);
        else close();
        throw error;
      }
    },
    async due() {
      while (!isDue()) {
        const wait = state.state === 'open' ? state.retryAt - clock.steady() : undefined;
        await new Promise<void>(resolve => {
          let callOff = (): void => {};
          const wake = (): void => {
            callOff();
            sleepers.delete(wake);
            resolve();
          };
          sleepers.add(wake);
          // Timers may fire a fraction of a millisecond early: hence the loop around this.
          if (wait !== undefined) callOff = after(Math.ceil(wait), wake);
        });
      }
    },
    nudge() {
      if (state.state === 'open') change({ ...state, retryAt: clock.steady() });
    },
    get state() {
      return state;
    },
  };
}
