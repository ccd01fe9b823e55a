// One unit on a bus: the requests that wait for it, and its quarantine when it does not answer.
import { ModbusFault, shortReason } from './fault.ts';
import type { Request } from './link.ts';
import type { Patience } from './patience.ts';

export type Looking = { timeoutMs: number };

export type Job = {
  request: Request;
  resolve: (data: Uint8Array) => void;
  reject: (fault: ModbusFault) => void;
  /** Nobody knows whether there is such a unit. */
  looking: Looking | undefined;
  /** It was under way when a link was lost; that happens to a request once. */
  resent: boolean;
};

export type Quarantine = {
  /** Failures in a row until the unit is left alone. */
  after: number;
  /** Then one request is let through in so many milliseconds. */
  probeMs: number;
};

export type Lane = {
  readonly unit: number;
  readonly waiting: Job[];
  /** A request of this unit is out: there is never a second one. */
  busy: boolean;
  /** Failed last time, or never answered yet: it may not take the last free place on the line. */
  readonly suspect: boolean;
  /** Did not answer on the link before this one either: a new link does not help. */
  readonly silent: boolean;
  readonly quarantined: boolean;
  readonly patience: Patience;
  /** Why a request is refused at once, or undefined: go on. In quarantine the request that is let through is the probe; who looks is always let through. */
  refusal(now: number, looking: boolean): ModbusFault | undefined;
  answered(): void;
  /** No answer, or a gateway that cannot reach the unit. `late`: the answer to a probe came, though not in the time of a probe. */
  failed(fault: ModbusFault, now: number, late: boolean): void;
};

/** More than that many requests never wait for one unit; polls have at most one each. */
const WAITING_LIMIT = 64;

export function laneOf(unit: number, { after, probeMs }: Quarantine, patience: Patience): Lane {
  const waiting: Job[] = [];
  let trusted = false;
  let failures = 0;
  let last = '';
  let probeAt = 0;
  return {
    unit,
    waiting,
    busy: false,
    patience,
    get suspect() {
      return !trusted;
    },
    get silent() {
      return failures >= 2;
    },
    get quarantined() {
      return failures >= after;
    },
    refusal(now, looking) {
      if (waiting.length >= WAITING_LIMIT)
        return new ModbusFault('busy', `unit ${unit}: ${waiting.length} requests wait already`, undefined, true);
      if (failures < after || looking) return undefined;
      if (now < probeAt) {
        const seconds = Math.ceil((probeAt - now) / 1000);
        return new ModbusFault(
          'quarantine',
          `unit ${unit} failed ${failures} times (${last}); next try in ${seconds} s`,
          undefined,
          true,
        );
      }
      probeAt = now + probeMs;
      return undefined;
    },
    answered() {
      trusted = true;
      failures = 0;
    },
    failed(fault, now, late) {
      trusted = false;
      failures = late ? after - 1 : failures + 1;
      last = shortReason(fault);
      probeAt = now + probeMs;
    },
  };
}
