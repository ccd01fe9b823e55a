// Batching: a row waits a few milliseconds for those after it, or until it is the newest of its thing, and leaves with them as one batch.
import { batchOf, type Group } from './groups.ts';
import type { Entry } from './log.ts';

export type Batching = {
  /** Queues an entry for the members of a group; it leaves by itself. */
  offer(group: Group, entry: Entry): void;
  /** What waits for this group leaves now. */
  send(group: Group): void;
  /** What waits for the rest of the batch time leaves now. */
  flush(): void;
  /** What waits for this group never leaves. */
  drop(group: Group): void;
  close(): void;
};

const BATCH_ROWS = 256;
const CONFLATED_ROWS = 10_000;

/** `batchMs`: how long rows are collected for a group that wants every one. */
export function createBatching(batchMs: number): Batching {
  const dirty = new Set<Group>();
  let timer: NodeJS.Timeout | undefined;

  function offer(group: Group, entry: Entry): void {
    const { pending, conflateMs } = group;
    if (conflateMs === undefined) {
      pending.set(entry.offset, entry);
      dirty.add(group);
      if (pending.size >= BATCH_ROWS) send(group);
      else timer ??= setTimeout(flush, batchMs);
      return;
    }
    // Deleted first, so that the values stay in order of their offsets.
    pending.delete(entry.row.key);
    pending.set(entry.row.key, entry);
    if (pending.size >= CONFLATED_ROWS) send(group);
    else group.timer ??= setTimeout(() => send(group), conflateMs);
  }

  function send(group: Group): void {
    const entries = [...group.pending.values()];
    drop(group);
    if (entries.length === 0) return;
    const batch = batchOf(group.selection.topic, entries);
    for (const take of [...group.members]) take(batch);
  }

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    for (const group of dirty) send(group);
  }

  function drop(group: Group): void {
    clearTimeout(group.timer);
    group.timer = undefined;
    dirty.delete(group);
    group.pending.clear();
  }

  return { offer, send, flush, drop, close: () => clearTimeout(timer) };
}
