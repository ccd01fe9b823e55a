// The entries in the journal's file: put in, read, and taken out once every reader has had them; counted, so that nobody need ask the file.
import type { DatabaseSync } from 'node:sqlite';
import { countIn, oddEntry } from './database.ts';
import { type Appends, ENTRY_OVERHEAD, joined, type Page, type Read } from './messages.ts';

/** What they come to. `bytes`: as the journal's bound counts them. */
export type Total = { bytes: number; entries: number };

export type Entries = {
  readonly total: Total;
  append(appends: Appends): void;
  /** A reader has had these. */
  release(reader: number, seqs: readonly number[]): void;
  /** Nothing is kept for this reader any more. */
  releaseAll(reader: number): void;
  page(read: Read): { rows: Page['rows']; blobs: Uint8Array<ArrayBuffer> };
  /** The transaction is on the disk. */
  committed(): void;
  rolledBack(): void;
};

export function openEntries(db: DatabaseSync): Entries {
  const insert = db.prepare('insert into entry values(?, ?, ?)');
  const expect = db.prepare('insert into pending values(?, ?)');
  const between = 'where reader = ? and seq between ? and ?';
  const acknowledge = db.prepare(`delete from pending ${between}`);
  const erase = db.prepare(`delete from entry where seq in (select seq from pending ${between})`);
  const measure = db.prepare(
    `select count(*) n, coalesce(sum(octet_length(blob) + octet_length(meta)), 0) bytes from pending join entry using(seq) ${between}`,
  );
  const pendingOf = db.prepare('select seq from pending where reader = ?');
  const setLast = db.prepare('insert or replace into last values(1, ?)');
  const pageOf = db.prepare(
    'select seq, meta, blob from pending join entry using(seq) where reader = ? and seq > ? order by seq limit ?',
  );

  let bytes = countIn(
    db,
    `select coalesce(sum(octet_length(blob) + octet_length(meta) + ${ENTRY_OVERHEAD}), 0) n from entry`,
  );
  let entries = countIn(db, 'select count(*) n from entry');
  let before: Total = { bytes, entries };
  // Most entries have one reader; the others are counted here, so that an acknowledgement need not search.
  const shared = new Map<number, number>();
  for (const row of db.prepare('select seq, count(*) n from pending group by seq having n > 1').iterate())
    shared.set(Number(row['seq']), Number(row['n']));
  /** What becomes of these counts with the transaction. */
  const counts = new Map<number, number>();
  const leftOf = (seq: number): number => counts.get(seq) ?? shared.get(seq) ?? 1;

  /** Numbers that follow on each other leave together: a call for each took a third of this thread's CPU. */
  function release(reader: number, seqs: readonly number[]): void {
    const sorted = seqs.toSorted((a, b) => a - b);
    for (let at = 0; at < sorted.length; at++) {
      const first = sorted[at] as number;
      let last = first;
      const left = leftOf(first);
      if (left > 1) {
        if (acknowledge.run(reader, first, first).changes > 0) counts.set(first, left - 1);
        continue;
      }
      while (sorted[at + 1] === last + 1 && leftOf(last + 1) === 1) {
        at++;
        last++;
      }
      const gone = measure.get(reader, first, last);
      erase.run(reader, first, last);
      acknowledge.run(reader, first, last);
      const number = Number(gone?.['n']);
      bytes -= Number(gone?.['bytes']) + number * ENTRY_OVERHEAD;
      entries -= number;
    }
  }

  return {
    get total() {
      return { bytes, entries };
    },
    append({ first, metas, lengths, blobs, readerCounts, readers }) {
      let at = 0;
      let reader = 0;
      for (const [index, meta] of metas.entries()) {
        const seq = first + index;
        const length = lengths[index] as number;
        const readerCount = readerCounts[index] as number;
        insert.run(seq, meta, blobs.subarray(at, at + length));
        at += length;
        for (const end = reader + readerCount; reader < end; reader++) expect.run(readers[reader] as number, seq);
        if (readerCount > 1) counts.set(seq, readerCount);
        bytes += length + Buffer.byteLength(meta) + ENTRY_OVERHEAD;
        entries++;
      }
      // Numbers are never used twice, not even when all entries are gone: readers know by them what they have had.
      if (metas.length > 0) setLast.run(first + metas.length - 1);
    },
    release,
    releaseAll(reader) {
      release(
        reader,
        pendingOf.all(reader).map(row => Number(row['seq'])),
      );
    },
    page({ reader, after, entries: most, bytes: mostBytes }) {
      const rows: Page['rows'][number][] = [];
      const blobs: Uint8Array[] = [];
      let size = 0;
      for (const row of pageOf.iterate(reader, after, most)) {
        const { blob } = row;
        if (!(blob instanceof Uint8Array)) throw oddEntry(row['seq']);
        rows.push({ seq: Number(row['seq']), meta: String(row['meta']), length: blob.length });
        blobs.push(blob);
        size += blob.length;
        if (size >= mostBytes) break;
      }
      return { rows, blobs: joined(blobs) };
    },
    committed() {
      for (const [seq, left] of counts) left > 1 ? shared.set(seq, left) : shared.delete(seq);
      counts.clear();
      before = { bytes, entries };
    },
    rolledBack() {
      counts.clear();
      ({ bytes, entries } = before);
    },
  };
}
