// The journal's worker thread: owns the SQLite file and commits one batch at a time, so that fsync never blocks the event loop.
import { parentPort, workerData } from 'node:worker_threads';
import { lastSeqOf, whyRefused } from './database.ts';
import { type OpenedFile, openFile } from './file.ts';
import {
  type Appends,
  type Copy,
  ENTRY_OVERHEAD,
  joined,
  type Page,
  type Read,
  type Request,
  type Response,
  type Served,
  type Writes,
} from './messages.ts';

type Serving = Pick<OpenedFile, 'putBack' | 'close'> & {
  take(request: Request): void;
  /** Something lies in it. */
  holds(): boolean;
};

function serve({ file, marked }: Served, post: (response: Response, transfer?: ArrayBuffer[]) => void): Serving {
  const opened = openFile(file);
  const { db, mark, loss } = opened;
  const one = (sql: string): number => Number((db.prepare(sql).get() as { n: number }).n);
  let bytes = one(`select coalesce(sum(octet_length(blob) + octet_length(meta) + ${ENTRY_OVERHEAD}), 0) n from entry`);
  let entries = one('select count(*) n from entry');
  // Most entries have one reader; the others are counted here, so that an acknowledgement need not search.
  const shared = new Map<number, number>();
  for (const row of db.prepare('select seq, count(*) n from pending group by seq having n > 1').iterate())
    shared.set(Number(row['seq']), Number(row['n']));

  let lastSeq = lastSeqOf(db);
  const notes = db.prepare('select key, value from note').all() as { key: string; value: string }[];
  const markedNotes = Object.fromEntries(
    notes.flatMap(({ key, value }) => (marked.includes(key) ? [[key, value]] : [])),
  );

  const insert = db.prepare('insert into entry values(?, ?, ?)');
  const expect = db.prepare('insert into pending values(?, ?)');
  const between = 'where reader = ? and seq between ? and ?';
  const acknowledge = db.prepare(`delete from pending ${between}`);
  const erase = db.prepare(`delete from entry where seq in (select seq from pending ${between})`);
  const measure = db.prepare(
    `select count(*) n, coalesce(sum(octet_length(blob) + octet_length(meta)), 0) bytes from pending join entry using(seq) ${between}`,
  );
  const addReader = db.prepare('insert into reader values(?, ?)');
  const dropReader = db.prepare('delete from reader where id = ?');
  const pendingOf = db.prepare('select seq from pending where reader = ?');
  const setNote = db.prepare('insert or replace into note values(?, ?)');
  const setLast = db.prepare('insert or replace into last values(1, ?)');
  const copyInto = db.prepare('vacuum into ?');
  const dropNote = db.prepare('delete from note where key = ?');
  const page = db.prepare(
    'select seq, meta, blob from pending join entry using(seq) where reader = ? and seq > ? order by seq limit ?',
  );

  /** Numbers that follow on each other leave together: a call for each took a third of this thread's CPU. */
  function release(reader: number, seqs: readonly number[], counts: Map<number, number>): void {
    const leftOf = (seq: number): number => counts.get(seq) ?? shared.get(seq) ?? 1;
    const sorted = seqs.toSorted((a, b) => a - b);
    for (let at = 0; at < sorted.length; at++) {
      const first = sorted[at] as number;
      let last = first;
      const left = leftOf(first);
      if (left > 1) {
        if (acknowledge.run(reader, first, first).changes > 0) counts.set(first, left - 1);
        continue;
      }
      while (sorted[at + 1] === last + 1 && leftOf(last + 1) === 1) last = sorted[++at] as number;
      const gone = measure.get(reader, first, last) as { n: number; bytes: number };
      erase.run(reader, first, last);
      acknowledge.run(reader, first, last);
      bytes -= gone.bytes + gone.n * ENTRY_OVERHEAD;
      entries -= gone.n;
    }
  }

  function read(one: Read): void {
    try {
      const rows: Page['rows'][number][] = [];
      const blobs: Uint8Array[] = [];
      let size = 0;
      for (const row of page.iterate(one.reader, one.after, one.entries)) {
        const blob = row['blob'] as Uint8Array;
        rows.push({ seq: Number(row['seq']), meta: String(row['meta']), length: blob.length });
        blobs.push(blob);
        size += blob.length;
        if (size >= one.bytes) break;
      }
      const all = joined(blobs);
      post({ answers: one.id, page: { rows, blobs: all } }, [all.buffer]);
    } catch (error) {
      post({ answers: one.id, fault: (error as Error).message });
    }
  }

  function append({ first, metas, lengths, blobs, readerCounts, readers }: Appends, counts: Map<number, number>): void {
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
  }

  /** Acknowledgements first, so that reads see them; reads before appends, so that nothing is handed out before its commit. */
  function commit(writes: Writes | undefined, reads: readonly Read[]): void {
    if (writes === undefined) {
      reads.forEach(read);
      return;
    }
    const before = { bytes, entries };
    const counts = new Map<number, number>();
    let unread = true;
    try {
      db.exec('begin immediate');
      for (const reader of writes.newReaders) addReader.run(...reader);
      for (const { reader, seqs } of writes.acks) release(reader, seqs, counts);
      unread = false;
      reads.forEach(read);
      append(writes.appends, counts);
      for (const reader of writes.drops) {
        const seqs = pendingOf.all(reader).map(row => Number(row['seq']));
        release(reader, seqs, counts);
        dropReader.run(reader);
      }
      for (const [key, value] of writes.notes) value === null ? dropNote.run(key) : setNote.run(key, value);
      db.exec('commit');
    } catch (error) {
      if (db.isTransaction) db.exec('rollback');
      ({ bytes, entries } = before);
      post({ refused: whyRefused(file, error) });
      if (unread) reads.forEach(read);
      return;
    }
    for (const [seq, left] of counts) left > 1 ? shared.set(seq, left) : shared.delete(seq);
    const { first, metas } = writes.appends;
    if (metas.length > 0) lastSeq = first + metas.length - 1;
    for (const [key, value] of writes.notes) if (marked.includes(key)) markedNotes[key] = value ?? '';
    mark.keep({ seq: lastSeq, entries, notes: markedNotes });
    post({ committed: { bytes, entries } });
  }

  function copy({ id, to }: Copy): void {
    try {
      copyInto.run(to);
      post({ answers: id });
    } catch (error) {
      post({ answers: id, fault: `copy of ${file}: ${(error as Error).message}` });
    }
  }

  post({
    opened: {
      lastSeq,
      bytes,
      entries,
      readers: db
        .prepare('select id, name from reader')
        .all()
        .map(row => [Number(row['id']), String(row['name'])]),
      notes: notes.map(({ key, value }) => [key, value]),
      loss,
    },
  });

  return {
    take(request) {
      commit(request.writes, request.reads ?? []);
      if (request.copy) copy(request.copy);
    },
    holds: () => entries > 0,
    putBack: opened.putBack,
    close: opened.close,
  };
}

/** What was acknowledged must not lie for longer in a file that nobody will find. */
const LOOK_MS = 1000;

if (parentPort !== null) {
  const port = parentPort;
  const post = (response: Response, transfer: ArrayBuffer[] = []): void => port.postMessage(response, transfer);
  const open = () => serve(workerData as Served, post);
  try {
    let journal = open();
    /** Why the file is not where it has to be; undefined: it is, maybe again. */
    const look = (): string | undefined => {
      let done: string | undefined;
      try {
        done = journal.putBack();
      } catch (error) {
        return `it was taken away while it was in use, and cannot be put back: ${(error as Error).message}`;
      }
      if (done === undefined) return undefined;
      journal.close();
      journal = open();
      post({ putBack: done });
    };
    setInterval(() => journal.holds() && look(), LOOK_MS).unref();
    port.on('message', (request: Request) => {
      const refused = request.writes && look();
      journal.take(refused === undefined ? request : { ...request, writes: undefined });
      if (refused !== undefined) post({ refused });
      if (!request.close) return;
      journal.close();
      port.close();
    });
  } catch (error) {
    post({ unusable: whyRefused((workerData as Served).file, error) });
  }
}
