// The journal's worker thread: owns the SQLite file and commits one batch at a time, so that fsync never blocks the event loop.
import { existsSync, rmSync } from 'node:fs';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { reasonOf } from '../../kernel/fault.ts';
import { check, isDamage, lastSeqOf, whyRefused } from './database.ts';
import { openEntries } from './entries.ts';
import { type OpenedFile, openFile } from './file.ts';
import type { Opened, Read, Request, Response, Served, Writes } from './messages.ts';

type Serving = Pick<OpenedFile, 'putBack' | 'close'> & {
  /** What lay in the file when it was opened. */
  found: Opened;
  /** All of these throw what SQLite says. Acknowledgements first, so that reads see them; reads before appends, so that nothing is handed out before its commit. */
  commit(writes: Writes, reads: readonly Read[]): void;
  read(asked: Read): void;
  copy(to: string): void;
  /** Something lies in it. */
  holds(): boolean;
};
type Post = (response: Response, transfer?: ArrayBuffer[]) => void;

function serve({ file, marked }: Served, post: Post, damage?: string): Serving {
  const opened = openFile(file, damage);
  const { db, mark, loss } = opened;
  const entries = openEntries(db);
  const readers = db.prepare('select id, name from reader').all();
  const notes = db
    .prepare('select key, value from note')
    .all()
    .map(({ key, value }): [string, string] => [String(key), String(value)]);
  const markedNotes = Object.fromEntries(notes.filter(([key]) => marked.includes(key)));
  let lastSeq = lastSeqOf(db);

  const addReader = db.prepare('insert or ignore into reader values(?, ?)');
  const dropReader = db.prepare('delete from reader where id = ?');
  const setNote = db.prepare('insert or replace into note values(?, ?)');
  const dropNote = db.prepare('delete from note where key = ?');
  const copyInto = db.prepare('vacuum into ?');

  function read(asked: Read): void {
    const page = entries.page(asked);
    post({ answers: asked.id, page }, [page.blobs.buffer]);
  }

  return {
    found: {
      lastSeq,
      ...entries.total,
      readers: readers.map(({ id, name }) => [Number(id), String(name)]),
      notes,
      loss,
    },
    read,
    commit(writes, reads) {
      try {
        db.exec('begin immediate');
        for (const reader of writes.newReaders) addReader.run(...reader);
        for (const { reader, seqs } of writes.acks) entries.release(reader, seqs);
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
        throw error;
      }
      entries.committed();
      const { first, metas } = writes.appends;
      if (metas.length > 0) lastSeq = first + metas.length - 1;
      for (const [key, value] of writes.notes) if (marked.includes(key)) markedNotes[key] = value ?? '';
      const { total } = entries;
      mark.keep({ seq: lastSeq, entries: total.entries, notes: markedNotes });
      post({ committed: total });
    },
    copy(to) {
      const isNew = !existsSync(to);
      try {
        copyInto.run(to);
      } catch (error) {
        if (isNew) rmSync(to, { force: true });
        // Of a file that was cut a copy says no more than `disk I/O error`.
        check(db);
        throw error;
      }
    },
    holds: () => entries.total.entries > 0,
    putBack: opened.putBack,
    close: opened.close,
  };
}

/** What was acknowledged must not lie for longer in a file that nobody will find. */
const LOOK_MS = 1000;
/** A disk that damages whatever it is given must not be filled with the files that are kept of it. */
const MEND_MS = 60_000;

function serveOn(port: MessagePort, served: Served): void {
  const { file } = served;
  const post: Post = (response, transfer = []) => port.postMessage(response, transfer);
  const first = serve(served, post);
  post({ opened: first.found });
  let journal: Serving | undefined = first;
  /** Why there is none at present, in words. */
  let harm: { text?: string; damage?: string } = {};
  let mendedAt = -Infinity;
  /** What was said of the last one. */
  let said = '';

  /** Opened anew where it was closed, and mended as at a start. */
  function ready(): Serving {
    if (journal !== undefined) return journal;
    const fresh = serve(served, post, harm.damage);
    const { loss, bytes, entries } = fresh.found;
    said = [harm.text, loss].filter(Boolean).join('; ');
    post({ mended: said, bytes, entries });
    harm = {};
    journal = fresh;
    return journal;
  }

  function shut(why: typeof harm): void {
    harm = why;
    journal?.close();
    journal = undefined;
  }

  /** Does it, and once more on the mended file where this one is found damaged. Answers why it cannot be done. */
  function attempt(work: (it: Serving) => void): string | undefined {
    try {
      try {
        work(ready());
      } catch (error) {
        if (!isDamage(error) || performance.now() - mendedAt < MEND_MS) throw error;
        mendedAt = performance.now();
        shut({ damage: reasonOf(error) });
        work(ready());
      }
      return undefined;
    } catch (error) {
      return whyRefused(file, error);
    }
  }

  /** Why the file is not where it has to be; undefined: it is, maybe again. */
  function look(): string | undefined {
    try {
      const text = journal?.putBack();
      if (text !== undefined) shut({ text });
    } catch (error) {
      return `it was taken away while it was in use, and cannot be put back: ${reasonOf(error)}`;
    }
    return attempt(() => {});
  }

  setInterval(() => journal?.holds() && look(), LOOK_MS).unref();
  port.on('message', ({ writes, reads = [], copy, close }: Request) => {
    const refused = writes && (look() ?? attempt(it => it.commit(writes, reads)));
    if (refused !== undefined) post({ refused });
    if (writes === undefined || refused !== undefined)
      for (const asked of reads) {
        const fault = attempt(it => it.read(asked));
        if (fault !== undefined) post({ answers: asked.id, fault });
      }
    if (copy !== undefined) {
      said = '';
      const fault = attempt(it => it.copy(copy.to));
      const answer = fault === undefined ? { loss: said || undefined } : { fault: `copy of ${file}: ${fault}` };
      post({ answers: copy.id, ...answer });
    }
    if (!close) return;
    journal?.close();
    port.close();
  });
}

if (parentPort !== null) {
  const served: Served = workerData;
  try {
    serveOn(parentPort, served);
  } catch (error) {
    parentPort.postMessage({ unusable: whyRefused(served.file, error) } satisfies Response);
  }
}
