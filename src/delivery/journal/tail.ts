// Tail of a journal: what was committed lately and not acknowledged yet, in memory, so that readers that keep up need not ask the file.
import { type Numbered, numbered } from './numbered.ts';

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
  const kept = numbered<Kept>();
  const byReader = new Map<number, Numbered<Entry>>();
  // Every entry from here on that somebody still waits for is in memory.
  let from = lastSeq + 1;
  let bytes = 0;

  function forget({ entry, bytes: size, readers }: Kept): void {
    kept.delete(entry.seq);
    bytes -= size;
    for (const reader of readers) byReader.get(reader)?.delete(entry.seq);
  }
  /** `seq` has just been taken from one reader: the last one takes it out of memory. */
  function leave(seq: number): void {
    const one = kept.get(seq);
    if (one?.readers.every(reader => byReader.get(reader)?.get(seq) === undefined)) forget(one);
  }

  return {
    push(entry, readers) {
      const size = entry.blob.length + entry.meta.length;
      kept.push(entry.seq, { entry, bytes: size, readers });
      bytes += size;
      for (const reader of readers) {
        let entries = byReader.get(reader);
        if (entries === undefined) {
          entries = numbered();
          byReader.set(reader, entries);
        }
        entries.push(entry.seq, entry);
      }
      while (bytes > maxBytes) {
        const oldest = kept.oldest() as Kept;
        forget(oldest);
        from = oldest.entry.seq + 1;
      }
    },
    read(reader, after, limit) {
      if (after + 1 < from) return undefined;
      const found: Entry[] = [];
      let size = 0;
      for (const entry of byReader.get(reader)?.above(after) ?? []) {
        found.push(entry);
        size += entry.blob.length;
        if (found.length >= limit.entries || size >= limit.bytes) break;
      }
      return found;
    },
    ack(reader, seqs) {
      const entries = byReader.get(reader);
      for (const seq of seqs) if (entries?.delete(seq)) leave(seq);
    },
    drop(reader) {
      const entries = byReader.get(reader);
      byReader.delete(reader);
      for (const { seq } of entries?.above(0) ?? []) leave(seq);
    },
  };
}
