// The order of the stop: what started last ends first, each within its time, whatever the others do.
import { reasonOf } from '../src/kernel/fault.ts';
import type { Log } from './log.ts';

export type Stops = {
  /** `stop` gets its limit and should keep it; after that it is left behind. Added during the stop, it runs at once. */
  add(part: string, limitMs: number, stop: (limitMs: number) => Promise<void> | void): void;
  /** Ends everything, once; later calls wait for the same end. */
  run(): Promise<void>;
  readonly signal: AbortSignal;
};

export function stops(log: Log): Stops {
  const list: { part: string; limitMs: number; stop: (limitMs: number) => Promise<void> | void }[] = [];
  const aborted = new AbortController();
  let running: Promise<void> | undefined;
  const end = async ({ part, limitMs, stop }: (typeof list)[number]): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>(resolve => {
      timer = setTimeout(resolve, limitMs + 100, 'late');
    });
    try {
      if ((await Promise.race([stop(limitMs), late])) === 'late')
        log('warn', 'a part did not end in time', { of: part, limitMs });
    } catch (error) {
      log('error', 'a part did not end well', { of: part, reason: reasonOf(error) });
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    signal: aborted.signal,
    add(part, limitMs, stop) {
      if (running === undefined) list.push({ part, limitMs, stop });
      else running = running.then(() => end({ part, limitMs, stop }));
    },
    run() {
      running ??= (async () => {
        aborted.abort();
        for (let last = list.pop(); last !== undefined; last = list.pop()) await end(last);
      })();
      return running;
    },
  };
}
