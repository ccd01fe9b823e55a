// Load: starts the publishing process, follows what the broker has acknowledged, and ends it.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Range } from './message.ts';

export type Task = {
  /** Broker, `mqtt://host:port`. */
  url: string;
  /** Messages per second over all connections; 0 = as fast as the window allows. */
  rate: number;
  seconds: number;
  /** Numbers to publish: it ends at `seconds` or when they are used up. */
  range: Range;
  /** Messages say their time. */
  timed: boolean;
  /** QoS 1 packets in flight over all connections. */
  window: number;
  connections: number;
};

export type Progress = {
  /** Published so far: `next` is the first number that was not. */
  range: Range;
  acknowledged: number;
  /** Published and not acknowledged, known once publishing has ended. */
  unacknowledged: readonly number[];
  reconnects: number;
  seconds: number;
  /** From publishing to PUBACK, known once it has ended. */
  waitMs: { p50: number; p99: number };
  /** Everything published is acknowledged and nothing more comes. */
  ended: boolean;
};

export type Load = {
  readonly progress: Progress;
  /** Resolves when `count` messages are acknowledged; rejects when the process ends before. */
  acknowledged(count: number): Promise<void>;
  /** Publishes no more; resolves when all are acknowledged, or after `limitMs` with those that are not. */
  finish(limitMs?: number): Promise<Progress>;
  /** Resolves when the task's seconds are over and all is acknowledged, or after `limitMs` more. */
  complete(limitMs?: number): Promise<Progress>;
};

const defaults = { timed: true, window: 2000, connections: 2, seconds: 3600 };

/** Starts at once. One process, so that making messages costs the gateway's event loop nothing. */
export function startLoad(
  given: Pick<Task, 'url' | 'rate'> & Partial<Omit<Task, 'range'>> & { range?: Partial<Range> },
): Load {
  const range = { prefix: 'bench', first: 0, next: Number.MAX_SAFE_INTEGER, ...given.range };
  const task: Task = { ...defaults, ...given, range };
  const child = fork(new URL('./publisher.ts', import.meta.url), [JSON.stringify(task)]);
  let progress: Progress = {
    range: { ...range, next: range.first },
    acknowledged: 0,
    unacknowledged: [],
    reconnects: 0,
    seconds: 0,
    waitMs: { p50: Number.NaN, p99: Number.NaN },
    ended: false,
  };
  child.on('message', message => {
    progress = message as Progress;
  });

  async function acknowledged(count: number): Promise<void> {
    while (progress.acknowledged < count) await next(child);
  }

  async function drained(limitMs: number): Promise<Progress> {
    const end = performance.now() + limitMs;
    while (!progress.ended && performance.now() < end) await next(child);
    if (isRunning(child)) {
      const gone = once(child, 'exit');
      if (child.connected) child.disconnect();
      await gone;
    }
    return progress;
  }

  return {
    get progress() {
      return progress;
    },
    acknowledged,
    finish(limitMs = 30_000) {
      if (child.connected) child.send('stop');
      return drained(limitMs);
    },
    complete(limitMs = 30_000) {
      return drained(task.seconds * 1000 + limitMs);
    },
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}

/** Progress comes ten times a second for as long as the process lives. */
async function next(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) throw new Error('the publishing process has ended');
  const ended = new AbortController();
  try {
    await Promise.race([
      once(child, 'message', { signal: ended.signal }),
      once(child, 'exit', { signal: ended.signal }).then(([code]) => {
        throw new Error(`the publishing process ended early with ${code}`);
      }),
    ]);
  } finally {
    ended.abort();
  }
}
