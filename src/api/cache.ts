// One answer for many who ask: reused while nothing has changed, made once however many ask at the same time.
import type { Clock } from '../kernel/clock.ts';

export type CacheOptions = {
  clock: Clock;
  /** Reused without a look for this long. */
  freshMs: number;
  /** Reused for this long where `version` says that nothing has changed. */
  maxMs: number;
};

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
