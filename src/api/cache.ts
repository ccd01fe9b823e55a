// One answer for many who ask: reused while nothing has changed, or while a new one would be too dear; made once however many ask at the same time.
import type { Clock } from '../kernel/clock.ts';

export type CacheOptions = {
  clock: Clock;
  /** Reused without a look for this long. */
  freshMs: number;
  /** Reused for this long where `version` says that nothing has changed. */
  maxMs: number;
};

/** Callers that come while it is made share one answer, and its failure. */
export function cached<T>(
  load: () => Promise<T>,
  version: () => Promise<string>,
  { clock, freshMs, maxMs }: CacheOptions,
): () => Promise<T> {
  let kept: { value: T; version: string; madeAt: number; lookedAt: number } | undefined;
  let running: Promise<T> | undefined;

  async function look(): Promise<T> {
    const current = await version();
    const now = clock.steady();
    if (kept !== undefined && kept.version === current && now - kept.madeAt < maxMs) {
      kept.lookedAt = now;
      return kept.value;
    }
    // The version is read first: a change while the value is made is seen at the next look.
    const value = await load();
    kept = { value, version: current, madeAt: now, lookedAt: now };
    return value;
  }

  return () => {
    if (kept !== undefined && clock.steady() - kept.lookedAt < freshMs) return Promise.resolve(kept.value);
    running ??= look().finally(() => {
      running = undefined;
    });
    return running;
  };
}

/** `load` is at work for at most one part in so many of the time: a dear answer is reused for longer than a cheap one. */
const SHARE = 200;
const MOST_MS = 30_000;

/** Never dearer than half a percent of a connection, however often it is asked; at most 30 s old. */
export function sparing<T>(load: () => Promise<T>, clock: Clock): () => Promise<T> {
  let kept: { value: T; until: number } | undefined;
  let running: Promise<T> | undefined;

  async function renew(): Promise<T> {
    const began = clock.steady();
    const value = await load();
    const now = clock.steady();
    kept = { value, until: now + Math.min(MOST_MS, SHARE * (now - began)) };
    return value;
  }

  return () => {
    if (kept !== undefined && clock.steady() < kept.until) return Promise.resolve(kept.value);
    running ??= renew().finally(() => {
      running = undefined;
    });
    return running;
  };
}
