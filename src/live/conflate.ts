// Conflation: of each thing only the newest row, at most once per interval; for clients that want less, or cannot take more.
import type { Entry } from './log.ts';

export type Conflation = {
  /** False when more different things wait than any client can want: it is too slow even for this. */
  put(entries: readonly Entry[]): boolean;
  close(): void;
};

const MAX_KEYS = 10_000;

/** `ready` says whether the client can take more now; until then rows wait, one for each key. */
export function conflate(
  intervalMs: number,
  ready: () => boolean,
  emit: (entries: readonly Entry[]) => void,
): Conflation {
  const newest = new Map<string, Entry>();
  let timer: NodeJS.Timeout | undefined;

  function release(): void {
    timer = undefined;
    if (!ready()) {
      timer = setTimeout(release, intervalMs);
      return;
    }
    const entries = [...newest.values()];
    newest.clear();
    emit(entries);
  }

  return {
    put(entries) {
      for (const entry of entries) {
        // Deleted first, so that the values stay in order of their offsets.
        newest.delete(entry.row.key);
        newest.set(entry.row.key, entry);
      }
      timer ??= setTimeout(release, intervalMs);
      return newest.size <= MAX_KEYS;
    },
    close() {
      clearTimeout(timer);
      newest.clear();
    },
  };
}
