// Frames on their way from a radio node that a deploy closes to the node that takes its place: nobody could send them again.
import { type After, after as realAfter } from './timing.ts';

type Drop<Item> = (items: readonly Item[]) => void;
type Waiting = { items: unknown[]; drop: Drop<unknown>; cancel(): void };

/** As long as a deploy may take. */
const WAIT_MS = 10_000;
const waiting = new Map<string, Waiting>();
const takers = new Map<string, (items: readonly unknown[]) => void>();

/** Gives items to the node of this id, now or when it is there; where none comes within 10 s, `drop` gets them. */
export function handOver<Item>(id: string, items: readonly Item[], drop: Drop<Item>, after: After = realAfter): void {
  if (items.length === 0) return;
  const take = takers.get(id);
  if (take !== undefined) {
    take(items);
    return;
  }
  const before = waiting.get(id);
  if (before !== undefined) {
    before.items.push(...items);
    return;
  }
  const entry: Waiting = {
    items: [...items],
    drop: drop as Drop<unknown>,
    cancel: after(WAIT_MS, () => {
      waiting.delete(id);
      entry.drop(entry.items);
    }),
  };
  waiting.set(id, entry);
}

/** `take` gets what is handed over to this id, what waits already at once. Returns the end of that. */
export function takeOver<Item>(id: string, take: (items: readonly Item[]) => void): () => void {
  takers.set(id, take as (items: readonly unknown[]) => void);
  const left = waiting.get(id);
  waiting.delete(id);
  left?.cancel();
  if (left !== undefined) take(left.items as Item[]);
  return () => {
    if (takers.get(id) === take) takers.delete(id);
  };
}
