// Outlet of one subscription: hands batches on while the client takes them; while it does not, keeps the newest row of each thing.
import { type Batch, batchOf } from './groups.ts';
import type { Entry } from './log.ts';

export type Outlet = {
  /** False when more different things wait than any client can want: it is too slow even for this. */
  take(batch: Batch): boolean;
  close(): void;
};

const MAX_KEYS = 10_000;

/** `ready` says whether the client can take more now; it is asked again every `retryMs`. */
export function patientOutlet(retryMs: number, ready: () => boolean, emit: (batch: Batch) => void): Outlet {
  const newest = new Map<string, Entry>();
  let timer: NodeJS.Timeout | undefined;

  function retry(topic: string): void {
    timer = undefined;
    if (!ready()) {
      timer = setTimeout(retry, retryMs, topic);
      return;
    }
    const entries = [...newest.values()];
    newest.clear();
    emit(batchOf(topic, entries));
  }

  return {
    take(batch) {
      if (timer === undefined && ready()) {
        emit(batch);
        return true;
      }
      for (const entry of batch.entries) {
        // Deleted first, so that the values stay in order of their offsets.
        newest.delete(entry.row.key);
        newest.set(entry.row.key, entry);
      }
      timer ??= setTimeout(retry, retryMs, batch.topic);
      return newest.size <= MAX_KEYS;
    },
    close() {
      clearTimeout(timer);
      newest.clear();
    },
  };
}
