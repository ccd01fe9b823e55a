// Tail of a journal: what was committed lately and not acknowledged yet, in memory, so that readers that keep up need not ask the file.

export type Entry = { seq: number; meta: string; blob: Uint8Array };
type Kept = { entry: Entry; bytes: number; readers: readonly number[] };

export type Tail = {
  /** An entry has been committed for these readers. Called in the order of the numbers. */
  push(entry: Entry, readers: readonly number[]): void;
  /** What the reader has not acknowledged above `after`, in order; undefined when that is not all in memory. */
  read(reader: number, after: number, limit: { entries: number; bytes: number }): readonly Entry[] | undefined;
  ack(reader: number, seqs: readonly number[]): void;
  drop(reader: number): void;
};

/** `lastSeq`: the newest entry that is in the file already. Holds at most `maxBytes`; the oldest leave first. */
export function journalTail(lastSeq: number, maxBytes = 8 << 20): Tail {
  const kept = new Map<number, Kept>();
  const byReader = new Map<number, Map<number, Entry>>();
  // Every entry from here on that somebody still waits for is in memory.
  let from = lastSeq + 1;
  let bytes = 0;

  function forget(seq: number, { bytes: size, readers }: Kept): void {
    kept.delete(seq);
    bytes -= size;
    for (const reader of readers) byReader.get(reader)?.delete(seq);
  }

  return {
    push(entry, readers) {
      const size = entry.blob.length + entry.meta.length;
      kept.set(entry.seq, { entry, bytes: size, readers });
      bytes += size;
      for (const reader of readers) {
        let entries = byReader.get(reader);
        if (entries === undefined) {
          entries = new Map();
          byReader.set(reader, entries);
        }
        entries.set(entry.seq, entry);
      }
      // Looking for the oldest steps over the places of all that have left since the map was last made anew.
      if (bytes <= maxBytes) return;
      for (const [seq, oldest] of kept) {
        forget(seq, oldest);
        from = seq + 1;
        if (bytes <= maxBytes) break;
      }
    },
    read(reader, after, limit) {
      if (after + 1 < from) return undefined;
      const found: Entry[] = [];
      let size = 0;
      for (const [seq, entry] of byReader.get(reader) ?? []) {
        if (seq <= after) continue;
        found.push(entry);
        size += entry.blob.length;
        if (found.length >= limit.entries || size >= limit.bytes) break;
      }
      return found;
    },
    ack(reader, seqs) {
      const entries = byReader.get(reader);
      if (entries === undefined) return;
      for (const seq of seqs) {
        if (!entries.delete(seq)) continue;
        const one = kept.get(seq);
        if (one?.readers.every(other => !byReader.get(other)?.has(seq))) forget(seq, one);
      }
    },
    drop(reader) {
      const entries = byReader.get(reader);
      byReader.delete(reader);
      for (const seq of entries?.keys() ?? []) {
        const one = kept.get(seq);
        if (one?.readers.every(other => !byReader.get(other)?.has(seq))) forget(seq, one);
      }
    },
  };
}
