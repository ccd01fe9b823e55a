// What a radio hears cannot wait: a bounded queue in memory between it and the flow, with retries, drops counted.
import { backoff } from '../kernel/backoff.ts';
import type { Counter } from '../kernel/ledger.ts';
import type { Settled } from '../kernel/ticket.ts';
import { type After, after as realAfter } from './timing.ts';

export type PumpOptions<Item> = {
  /** Counts each item where it comes in and where it ends. */
  counter?: Counter<Item>;
  emit: (items: readonly Item[]) => Promise<Settled>;
  /** Items of one emit. */
  size: number;
  /** Emits that may be on their way at once. */
  window: number;
  /** Items held in all, 10,000 where it is left out; one more is dropped. */
  limit?: number;
  /** full: the flow is slower than the radio, or away. refused: failed three times for a reason of its own. */
  onDrop: (count: number, why: 'full' | 'refused' | 'closed', reason: string) => void;
  after?: After;
  random?: () => number;
};

export type Pump<Item> = {
  offer(item: Item): void;
  /** Items waiting or on their way. */
  readonly held: number;
  /** Why the last emit is tried again; '' when all is well. */
  readonly trouble: string;
  pause(): void;
  resume(): void;
  close(): void;
};

type Group<Item> = { items: readonly Item[]; tries: number };
const TRIES = 3;
const HELD = 10_000;

/** Items leave in order of arrival; in an outage one group at a time is tried, with backoff, for ever. */
export function pumpOf<Item>({
  counter,
  emit,
  size,
  window,
  limit = HELD,
  onDrop,
  after = realAfter,
  random,
}: PumpOptions<Item>): Pump<Item> {
  const wait = backoff(200, 5000, random);
  let queue: Item[] = [];
  const failed: Group<Item>[] = [];
  let held = 0;
  let flying = 0;
  let trouble = '';
  let paused = false;
  let closed = false;
  let cancelRetry: (() => void) | undefined;

  function drop(items: readonly Item[], why: 'full' | 'refused' | 'closed', reason: string): void {
    for (const item of items) counter?.drop(item);
    onDrop(items.length, why, reason);
  }

  function next(): Group<Item> | undefined {
    const again = failed.shift();
    if (again !== undefined || queue.length === 0) return again;
    return { items: queue.splice(0, size), tries: 0 };
  }

  function run(): void {
    while (!paused && !closed && cancelRetry === undefined && flying < (trouble === '' ? window : 1)) {
      const group = next();
      if (group === undefined) return;
      flying++;
      void emit(group.items).then(settled => landed(group, settled));
    }
  }

  function landed(group: Group<Item>, settled: Settled): void {
    flying--;
    if (settled.ok) for (const item of group.items) counter?.leave(item);
    else if (closed) for (const item of group.items) counter?.drop(item);
    if (closed) return;
    if (settled.ok) {
      trouble = '';
      wait.reset();
    } else if (settled.kind !== 'outage' && ++group.tries >= TRIES) drop(group.items, 'refused', settled.reason);
    else {
      trouble = settled.reason;
      failed.push(group);
      cancelRetry ??= after(wait.next(), () => {
        cancelRetry = undefined;
        run();
      });
      return;
    }
    held -= group.items.length;
    run();
  }

  return {
    offer(item) {
      if (closed) return;
      counter?.enter(item);
      if (held >= limit) return drop([item], 'full', trouble || 'the flow is slower than the radio');
      held++;
      queue.push(item);
      // What arrives in one turn leaves together.
      if (queue.length === 1) setImmediate(run);
    },
    get held() {
      return held;
    },
    get trouble() {
      return trouble;
    },
    pause() {
      paused = true;
    },
    resume() {
      paused = false;
      run();
    },
    close() {
      closed = true;
      cancelRetry?.();
      const left = [...failed.flatMap(({ items }) => items), ...queue];
      if (left.length > 0) drop(left, 'closed', 'the node was closed before the flow took them');
      queue = [];
    },
  };
}
