// Journal: keeps blobs for named readers in one SQLite file, with one fsync for all that arrive together (group commit).
import { expected, Fault } from '../../kernel/fault.ts';
import type { Journal } from './contract.ts';
import { groupCommit } from './group-commit.ts';
import { ENTRY_OVERHEAD, type Request } from './messages.ts';
import { openQuestions } from './questions.ts';
import { isEmpty } from './queue.ts';
import { openReaders } from './readers.ts';
import { openRoom } from './room.ts';
import { soonest } from './soonest.ts';
import { journalTail } from './tail.ts';
import { startThread } from './thread.ts';

export type JournalOptions = {
  /** Bound of the entries in bytes, each counted with 100 bytes more. */
  maxBytes?: number;
  /** A few short notes that are known even where the file was put back to an earlier state. */
  marked?: readonly string[];
  /** The file was found damaged or taken away while it was in use: what was lost, and what was done about it, in words. */
  onMended?(text: string): void;
};

// An acknowledgement may be lost in a crash (the entry comes again), so it waits for company.
const ACK_MS = 20;

/** The open journals of this process by file, for a backup while it runs: no other process can read a file that is open here. */
export const openJournals = new Map<string, Pick<Journal, 'copyTo'>>();

/**
 * Opens or makes the file. One process at a time: a second one is refused. A damaged file is set aside and what can be
 * read is saved (`loss` says what was not). Rejects with a Fault of kind outage when the file cannot be used.
 */
export async function openJournal(file: string, options: JournalOptions = {}): Promise<Journal> {
  const maxBytes = options.maxBytes ?? 256 << 20;
  const thread = await startThread(file, options.marked ?? []);
  const { opened } = thread;

  let { lastSeq, bytes: storedBytes, entries } = opened;
  const notes = new Map(opened.notes);
  const tail = journalTail(lastSeq);
  const questions = openQuestions();
  const commit = groupCommit(writes => thread.post({ writes }));
  const bytes = (): number => storedBytes + commit.bytes;
  const room = openRoom(size => bytes() + size <= maxBytes);
  const nextFlush = soonest(flush);
  const readers = openReaders(opened.readers, (...reader) => {
    commit.next.writes.newReaders.push(reader);
    schedule();
  });
  let dead: Fault | undefined;
  let closing: { promise: Promise<void>; resolve(): void } | undefined;

  function schedule(withinMs = 0): void {
    if (!dead) nextFlush.within(withinMs);
  }

  function flush(): void {
    if (dead) return;
    const request: Request = {};
    const reads = questions.reads();
    if (reads.length > 0) request.reads = reads;
    const writes = commit.take();
    if (writes !== undefined) request.writes = writes;
    if (closing && !commit.isUnderWay) request.close = true;
    if (request.reads || request.writes || request.close) thread.post(request);
  }

  function lies(now: { bytes: number; entries: number }): void {
    storedBytes = now.bytes;
    entries = now.entries;
  }

  /** What this process knows of it is written again: it may have lain where the file was damaged. */
  function mended(text: string): void {
    const { writes } = commit.next;
    for (const name of readers.names) writes.newReaders.push([readers.numberOf(name), name]);
    writes.notes.unshift(...notes);
    schedule();
    options.onMended?.(text);
  }

  function committed(after: { bytes: number; entries: number }): void {
    lies(after);
    const woken = new Set<number>();
    for (const entry of commit.committed()) {
      tail.push(entry, entry.readers);
      for (const reader of entry.readers) woken.add(reader);
    }
    readers.wake(woken);
    room.made();
    if (closing || commit.next.done.length > 0) schedule();
    else if (!isEmpty(commit.next)) schedule(ACK_MS);
  }

  thread.listen(response => {
    if ('committed' in response) committed(response.committed);
    else if ('mended' in response) {
      lies(response);
      mended(response.mended);
    } else if ('refused' in response) {
      commit.refused(response.refused);
      // A disk that stays full must not hold the end for ever: nothing in a refused batch was ever acknowledged.
      if (closing) thread.stop();
    } else if ('answers' in response) questions.answered(response);
  }, end);

  function end(reason: Fault): void {
    dead = reason;
    commit.end(reason);
    room.refuse(reason);
    questions.end(reason);
    openJournals.delete(file);
    closing?.resolve();
  }

  const isClosing = (): Fault =>
    new Fault('FIELDLINE_DIR', expected(file, 'an open journal', 'closing'), { kind: 'outage' });
  const closed = (): Fault | undefined => dead ?? (closing && isClosing());
  const tooLarge = (size: number): Fault | undefined =>
    size > maxBytes ? new Fault('FIELDLINE_MESSAGE', expected(file, `at most ${maxBytes} bytes`, size)) : undefined;

  const journal: Journal = {
    append(meta, blob, names, note) {
      const size = blob.length + Buffer.byteLength(meta) + ENTRY_OVERHEAD;
      return new Promise((resolve, reject) => {
        const refusal = closed() ?? tooLarge(size);
        if (refusal) return reject(refusal);
        const go = (): void => {
          const seq = ++lastSeq;
          const { next } = commit;
          next.entries.push({ seq, meta, blob, readers: [...new Set(names)].map(readers.numberOf) });
          if (note) {
            notes.set(...note);
            next.writes.notes.push([...note]);
          }
          next.done.push(() => resolve(seq));
          next.failed.push(reject);
          next.bytes += size;
          schedule(commit.gatherMs());
        };
        room.take(size, go, reject);
      });
    },
    read(name, after, limit = {}) {
      const reader = readers.find(name);
      const refusal = closed();
      if (refusal) return Promise.reject(refusal);
      if (reader === undefined) return Promise.resolve([]);
      const { entries: most = 500, bytes: size = 1 << 20 } = limit;
      const known = tail.read(reader, after, { entries: most, bytes: size });
      // Never in the same turn: who reads in a loop until something changes must let it change.
      if (known !== undefined) return new Promise(resolve => setImmediate(resolve, known));
      schedule();
      return questions.read({ reader, after, entries: most, bytes: size });
    },
    ack(name, seqs) {
      const reader = readers.find(name);
      if (reader === undefined || seqs.length === 0 || closed()) return;
      commit.next.writes.acks.push({ reader, seqs });
      tail.ack(reader, seqs);
      schedule(storedBytes * 2 < maxBytes ? ACK_MS : 0);
    },
    dropReader(name) {
      const reader = readers.find(name);
      if (reader === undefined || closed()) return;
      readers.forget(name);
      tail.drop(reader);
      commit.next.writes.drops.push(reader);
      schedule();
    },
    get readers() {
      return readers.names;
    },
    get lastSeq() {
      return lastSeq;
    },
    note(key, value) {
      const refusal = closed();
      if (refusal) return Promise.reject(refusal);
      value === undefined ? notes.delete(key) : notes.set(key, value);
      return new Promise((resolve, reject) => {
        const { next } = commit;
        next.writes.notes.push([key, value ?? null]);
        next.done.push(resolve);
        next.failed.push(reject);
        schedule();
      });
    },
    notes,
    onEntries: (name, listener) => readers.listen(name, listener),
    state: () => ({ bytes: bytes(), entries, waiting: room.waiting, fault: commit.fault }),
    async copyTo(to) {
      const refusal = closed();
      if (refusal) throw refusal;
      const { loss } = await questions.ask(id => thread.post({ copy: { id, to } }));
      return loss;
    },
    loss: opened.loss,
    close() {
      if (closing) return closing.promise;
      closing = Promise.withResolvers<void>();
      room.refuse(dead ?? isClosing());
      if (dead) closing.resolve();
      else if (commit.fault !== undefined) thread.stop();
      else schedule();
      return closing.promise;
    },
  };
  openJournals.set(file, journal);
  return journal;
}
