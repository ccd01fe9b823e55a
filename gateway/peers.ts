// Peers given by URL (database, broker): a wrong URL ends the start with a clear error, an outage of a known peer does not.
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { backoff } from '../src/kernel/backoff.ts';
import { digest } from '../src/kernel/bytes.ts';
import { reasonOf } from '../src/kernel/fault.ts';
import type { Log } from './log.ts';
import { readJson, writePrivate } from './private-file.ts';

/** URLs that have worked once, as digests: they hold passwords. */
export type KnownPeers = { has(url: string): boolean; add(url: string): void };

export function knownPeers(directory: string): KnownPeers {
  const file = path.join(directory, 'peers.json');
  const known = new Set(readJson<string[]>(file) ?? []);
  return {
    has: url => known.has(digest(url)),
    add(url) {
      if (known.has(digest(url))) return;
      known.add(digest(url));
      writePrivate(file, `${JSON.stringify([...known])}\n`);
    },
  };
}

/** A peer that was never reached gets this long, for machines where everything boots at once. */
const FIRST_LIMIT_MS = 5000;

/**
 * Tries until it works. A peer that never worked must do so within five seconds; else this rejects, at once where
 * `isWrong` says that waiting does not help. For a known peer it resolves after the first failure, or after five seconds
 * in which it does not answer, and goes on trying.
 */
export async function reach(options: {
  name: string;
  url: string;
  known: KnownPeers;
  attempt(): Promise<void>;
  isWrong(error: unknown, known: boolean): boolean;
  log: Log;
  signal: AbortSignal;
  limitMs?: number;
}): Promise<void> {
  const { name, url, known, attempt, isWrong, log, signal, limitMs = FIRST_LIMIT_MS } = options;
  const retry = backoff(200, 5000);
  const isKnown = known.has(url);
  const worked = async (): Promise<{ failure?: unknown }> => {
    try {
      await attempt();
      known.add(url);
      return {};
    } catch (failure) {
      log('error', `${name} cannot be reached`, { reason: reasonOf(failure) });
      return { failure };
    }
  };
  const untilItWorks = async (mayFail: (failure: unknown) => boolean): Promise<void> => {
    while (!signal.aborted) {
      await wait(retry.next(), undefined, { signal }).catch(() => undefined);
      const again = signal.aborted ? {} : await worked();
      if (!('failure' in again)) return;
      if (!mayFail(again.failure)) throw again.failure;
    }
  };
  const attempted = worked();
  const answered = new AbortController();
  // Somebody may hold a lock on its tables, or have paused the pooler in front of it, for as long as he likes.
  const first = isKnown ? await Promise.race([attempted, silence(limitMs, answered.signal)]) : await attempted;
  answered.abort();
  if (first === undefined) {
    log('error', `${name} does not answer`, { waited: `${limitMs} ms` });
    void attempted.then(({ failure }) => (failure === undefined ? undefined : untilItWorks(() => true)));
    return;
  }
  if (!('failure' in first)) return;
  if (isWrong(first.failure, isKnown)) throw first.failure;
  if (isKnown) {
    void untilItWorks(() => true);
    return;
  }
  const end = performance.now() + limitMs;
  await untilItWorks(failure => !isWrong(failure, false) && performance.now() < end);
}

/** Resolves with nothing when it is over, also when it is broken. */
function silence(ms: number, signal: AbortSignal): Promise<undefined> {
  return wait(ms, undefined, { signal }).catch(() => undefined);
}
