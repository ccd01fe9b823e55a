// Strangers: addresses from which tokens come that nobody knows. Clients that are refused try again for ever; so many of them are let in to be told.
import { boundedMap } from '../kernel/bounded.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Allowance, allowance } from './allowance.ts';

export type Strangers = {
  /** One more token that is not good. */
  note(address: string): void;
  /** Has to wait before it may show another. */
  mustWait(address: string): boolean;
};

// Clients of one house share an address: an app whose token was revoked on a hundred screens shuts nobody else out.
const PER_SECOND = 20;
const BURST = 1000;
const MAX_ADDRESSES = 10_000;

export function countStrangers(clock: Clock): Strangers {
  const known = boundedMap<string, Allowance>(MAX_ADDRESSES);
  return {
    note(address) {
      const left = known.get(address) ?? allowance(PER_SECOND, BURST, clock);
      known.set(address, left);
      left.take();
    },
    mustWait(address) {
      const left = known.get(address);
      return left !== undefined && left.overdrawn > 0 && !left.take();
    },
  };
}
