// What a radio hears cannot wait: a bounded queue in memory between it and the flow, with retries, drops counted.
import { backoff } from '../kernel/backoff.ts';
import type { Counter } from '../kernel/ledger.ts';
import type { Settled } from '../kernel/ticket.ts';
import { handOver, takeOver } from './handover.ts';
import { type After, after as realAfter } from './timing.ts';

export type PumpOptions<Item> = {
  /** Of the node: what one has left, its successor takes over. */
  id?: string;
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
  /**
   * Half of the window is on its way, and nothing is wrong with the flow. Not the whole: on a machine with other work so
   * many grow old in memory, and a flow of 10,000 adverts a second takes 30 MB more.
   */
  readonly busy: boolean;
  /** Why the last emit is tried again; '' when all is well. */
  readonly trouble: string;
  pause(): void;
  resume(): void;
  /** `keep`: what has not been passed on waits for the next pump of the same id; else it is dropped. */
  close(keep?: boolean): void;
};

type Group<Item> = { items: readonly Item[]; tries: number };
const TRIES = 3;
const HELD = 10_000;

/** Items leave in order of arrival; in an outage one group at a time is tried, with backoff, for ever. */
export function pumpOf<Item>({
  id,
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
  let heir: string | undefined;
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
    else if (closed) part(group.items);
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

  /** After the close, when the node shows nothing any more. */
  function part(items: readonly Item[]): void {
    const forget = (left: readonly Item[]) => {
      for (const item of left) counter?.drop(item);
    };
    if (heir === undefined) forget(items);
    else handOver(heir, items, forget, after);
  }

  /** What the pump before had left: it is counted already. */
  function inherit(items: readonly Item[]): void {
    held += items.length;
    queue.push(...items);
    setImmediate(run);
  }
  const disinherit = id === undefined ? undefined : takeOver(id, inherit);

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
    get busy() {
      return held >= (size * window) / 2 && trouble === '' && !paused;
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
    close(keep = false) {
      if (closed) return;
      closed = true;
      heir = keep ? id : undefined;
      disinherit?.();
      cancelRetry?.();
      const left = [...failed.flatMap(({ items }) => items), ...queue];
      if (heir !== undefined) part(left);
      else if (left.length > 0) drop(left, 'closed', 'the node was closed before the flow took them');
      queue = [];
    },
  };
}
