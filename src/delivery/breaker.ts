// Circuit breaker: leaves a peer alone while it is away, and lets one attempt at a time through until it is back.
import { backoff } from '../kernel/backoff.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';

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
  /** Calls back after a time; returns the way to call it off. */
  after?: After;
  onChange?(state: BreakerState): void;
};
export type After = (ms: number, run: () => void) => () => void;

export type Breaker = {
  /**
   * Does the work while the breaker is closed, or as the one probe when its time has come; rejects with the fault that
   * opened it, without trying, in between. Only faults of kind `outage` open it: any other answer shows that the peer is there.
   */
  attempt<T>(work: () => Promise<T>): Promise<T>;
  /** Resolves when an attempt may be made: at once while closed. */
  due(): Promise<void>;
  /** The wait is over now. */
  nudge(): void;
  readonly state: BreakerState;
};

/** No peer may silence us for longer. */
const LONGEST_ASKED_MS = 3_600_000;

export function timer(ms: number, run: () => void): () => void {
  if (ms <= 0) {
    const turn = setImmediate(run);
    return () => clearImmediate(turn);
  }
  const timeout = setTimeout(run, ms);
  return () => clearTimeout(timeout);
}

export function isOutage(error: unknown): error is Fault {
  return error instanceof Fault && error.kind === 'outage';
}

export function breaker(options: BreakerOptions = {}): Breaker {
  const { clock = systemClock, after = timer } = options;
  const waits = backoff(options.firstRetryMs ?? 100, options.lastRetryMs ?? 2000, options.random);
  const sleepers = new Set<() => void>();
  let state: BreakerState = { state: 'closed' };

  function change(next: BreakerState): void {
    state = next;
    options.onChange?.(next);
  }

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
    for (const wake of [...sleepers]) wake();
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
      while (state.state === 'open' && clock.steady() < state.retryAt) {
        const wait = state.retryAt - clock.steady();
        await new Promise<void>(resolve => {
          const wake = (): void => {
            callOff();
            sleepers.delete(wake);
            resolve();
          };
          // Timers may fire a fraction of a millisecond early: hence the loop around this.
          const callOff = after(Math.ceil(wait), wake);
          sleepers.add(wake);
        });
      }
    },
    nudge() {
      if (state.state === 'open') state = { ...state, retryAt: clock.steady() };
      for (const wake of [...sleepers]) wake();
    },
    get state() {
      return state;
    },
  };
}
