// The one admin login: password check with a brake, and signed sessions that need no store and survive a restart.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { boundedMap } from '../src/kernel/bounded.ts';
import { type Clock, systemClock } from '../src/kernel/clock.ts';

export const ADMIN = 'admin';
export const SESSION_SECONDS = 7 * 24 * 3600;

/** Wrong tries from one address before it has to wait; the wait doubles with every further one. */
const FREE_TRIES = 5;
const LONGEST_WAIT_MS = 15 * 60_000;
const ADDRESSES = 10_000;

export type Verdict = 'right' | 'wrong' | { waitSeconds: number };

export type Login = {
  /** `address` is where the try comes from; a right password does not help while that address has to wait. */
  check(address: string, user: string, password: string): Verdict;
  /** A new session, `<expiry>.<signature>`. */
  session(): string;
  isSession(token: string): boolean;
};

function same(a: string, b: string): boolean {
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}

/** `secret` signs the sessions together with the password: they end with either. */
export function openLogin(adminPassword: string, secret: string, clock: Clock = systemClock): Login {
  // A new password ends all sessions.
  const key = createHmac('sha256', secret).update(`session\n${adminPassword}`).digest();
  const failures = boundedMap<string, { count: number; until: number }>(ADDRESSES);
  const sign = (expiry: string) => createHmac('sha256', key).update(expiry).digest('base64url');
  return {
    check(address, user, password) {
      const failed = failures.get(address);
      const waitMs = (failed?.until ?? 0) - clock.steady();
      if (waitMs > 0) return { waitSeconds: Math.ceil(waitMs / 1000) };
      // Both are compared, so that the time does not tell which was wrong.
      const userRight = same(user, ADMIN);
      if (same(password, adminPassword) && userRight) {
        failures.delete(address);
        return 'right';
      }
      const count = (failed?.count ?? 0) + 1;
      const wait = count < FREE_TRIES ? 0 : Math.min(LONGEST_WAIT_MS, 1000 * 2 ** (count - FREE_TRIES));
      failures.set(address, { count, until: clock.steady() + wait });
      return 'wrong';
    },
    session() {
      const expiry = String(Math.floor(clock.now() / 1000) + SESSION_SECONDS);
      return `${expiry}.${sign(expiry)}`;
    },
    isSession(token) {
      const [expiry = '', signature = ''] = token.split('.');
      return /^\d{1,12}$/.test(expiry) && same(signature, sign(expiry)) && Number(expiry) * 1000 > clock.now();
    },
  };
}
