// The journal's worker thread: owns the SQLite file and commits one batch at a time, so that fsync never blocks the event loop.
import { parentPort, workerData } from 'node:worker_threads';
import { reasonOf } from '../../kernel/fault.ts';
import { lastSeqOf, whyRefused } from './database.ts';
import { openEntries } from './entries.ts';
import { type OpenedFile, openFile } from './file.ts';
import type { Copy, Read, Request, Response, Served, Writes } from './messages.ts';

type Serving = Pick<OpenedFile, 'putBack' | 'close'> & {
  take(request: Request): void;
  /** Something lies in it. */
  holds(): boolean;
};

function serve({ file, marked }: Served, post: (response: Response, transfer?: ArrayBuffer[]) => void): Serving {
  const opened = openFile(file);
  const { db, mark, loss } = opened;
  const entries = openEntries(db);
  const readers = db.prepare('select id, name from reader').all();
  const notes = db
    .prepare('select key, value from note')
    .all()
    .map(({ key, value }): [string, string] => [String(key), String(value)]);
  const markedNotes = Object.fromEntries(notes.filter(([key]) => marked.includes(key)));
  let lastSeq = lastSeqOf(db);

  const addReader = db.prepare('insert into reader values(?, ?)');
  const dropReader = db.prepare('delete from reader where id = ?');
  const setNote = db.prepare('insert or replace into note values(?, ?)');
  const dropNote = db.prepare('delete from note where key = ?');
  const copyInto = db.prepare('vacuum into ?');

  function read(asked: Read): void {
    try {
      const page = entries.page(asked);
      post({ answers: asked.id, page }, [page.blobs.buffer]);
    } catch (error) {
      post({ answers: asked.id, fault: reasonOf(error) });
    }
  }

  /** Acknowledgements first, so that reads see them; reads before appends, so that nothing is handed out before its commit. */
  function commit(writes: Writes, reads: readonly Read[]): void {
    let unread = true;
    try {
      db.exec('begin immediate');
      for (const reader of writes.newReaders) addReader.run(...reader);
      for (const { reader, seqs } of writes.acks) entries.release(reader, seqs);
      unread = false;
      reads.forEach(read);
      entries.append(writes.appends);
      for (const reader of writes.drops) {
        entries.releaseAll(reader);
        dropReader.run(reader);
      }
      for (const [key, value] of writes.notes) value === null ? dropNote.run(key) : setNote.run(key, value);
      db.exec('commit');
    } catch (error) {
      if (db.isTransaction) db.exec('rollback');
      entries.rolledBack();
      post({ refused: whyRefused(file, error) });
      if (unread) reads.forEach(read);
      return;
    }
    entries.committed();
    const { first, metas } = writes.appends;
    if (metas.length > 0) lastSeq = first + metas.length - 1;
    for (const [key, value] of writes.notes) if (marked.includes(key)) markedNotes[key] = value ?? '';
    const { total } = entries;
    mark.keep({ seq: lastSeq, entries: total.entries, notes: markedNotes });
    post({ committed: total });
  }

  function copy({ id, to }: Copy): void {
    try {
      copyInto.run(to);
      post({ answers: id });
    } catch (error) {
      post({ answers: id, fault: `copy of ${file}: ${reasonOf(error)}` });
    }
  }

  post({
    opened: {
      lastSeq,
      ...entries.total,
      readers: readers.map(({ id, name }) => [Number(id), String(name)]),
      notes,
      loss,
    },
  });

  return {
    take({ writes, reads = [], copy: asked }) {
      if (writes === undefined) reads.forEach(read);
      else commit(writes, reads);
      if (asked !== undefined) copy(asked);
    },
    holds: () => entries.total.entries > 0,
    putBack: opened.putBack,
    close: opened.close,
  };
}

/** What was acknowledged must not lie for longer in a file that nobody will find. */
const LOOK_MS = 1000;

if (parentPort !== null) {
  const port = parentPort;
  const served: Served = workerData;
  const post = (response: Response, transfer: ArrayBuffer[] = []): void => port.postMessage(response, transfer);
  const open = () => serve(served, post);
  try {
    let journal = open();
    /** Why the file is not where it has to be; undefined: it is, maybe again. */
    const look = (): string | undefined => {
      let done: string | undefined;
      try {
        done = journal.putBack();
      } catch (error) {
        return `it was taken away while it was in use, and cannot be put back: ${reasonOf(error)}`;
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
    post({ unusable: whyRefused(served.file, error) });
  }
}
