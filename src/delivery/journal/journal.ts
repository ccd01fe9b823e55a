// Journal: keeps blobs for named readers in one SQLite file, with one fsync for all that arrive together (group commit).
import { backoff } from '../../kernel/backoff.ts';
import { expected, Fault } from '../../kernel/fault.ts';
import type { Journal } from './contract.ts';
import { ENTRY_OVERHEAD, type Read, type Request } from './messages.ts';
import { openQuestions } from './questions.ts';
import { emptyQueue, isEmpty, type Queued, writesOf } from './queue.ts';
import { journalTail } from './tail.ts';
import { startThread } from './thread.ts';
import { soonest } from './soonest.ts';

export type JournalOptions = {
  /** Bound of the entries in bytes, each counted with 100 bytes more. */
  maxBytes?: number;
  /** A few short notes that are known even where the file was put back to an earlier state. */
  marked?: readonly string[];
  /** The file was taken away while it was in use, and what was done about it, in words. */
  onPutBack?(text: string): void;
};

// Appends within this time share one fsync; a publisher does not notice the wait. Where the last commit held one append
// alone, the next one does not wait: an outbox appends one batch after the other, as a lone publisher does its messages.
const GATHER_MS = 4;
const GATHER_MOST = 64;
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
  const ids = new Map(opened.readers.map(([id, name]) => [name, id]));
  let lastReader = Math.max(0, ...ids.values());
  const notes = new Map(opened.notes);
  let queued = emptyQueue();
  let sent: Queued | undefined;
  let reads: Read[] = [];
  const questions = openQuestions();
  const listeners = new Map<number, Set<() => void>>();
  let waiting: { size: number; go(): void; refuse(fault: Fault): void }[] = [];
  let fault: string | undefined;
  let dead: Fault | undefined;
  let retry: NodeJS.Timeout | undefined;
  const waits = backoff();
  const tail = journalTail(lastSeq);
  const nextFlush = soonest(flush);
  let company = false;
  let closing: { promise: Promise<void>; resolve(): void } | undefined;

  function schedule(withinMs = 0): void {
    if (!dead) nextFlush.within(withinMs);
  }

  function flush(): void {
    if (dead) return;
    const request: Request = {};
    if (reads.length > 0) {
      request.reads = reads;
      reads = [];
    }
    // One batch at a time: whatever arrives during its fsync makes the next one.
    if (sent === undefined && !isEmpty(queued)) {
      sent = queued;
      queued = emptyQueue();
      request.writes = writesOf(sent);
    }
    if (closing && sent === undefined) request.close = true;
    if (request.reads || request.writes || request.close) thread.post(request);
  }

  function committed(after: { bytes: number; entries: number }): void {
    const batch = sent;
    sent = undefined;
    storedBytes = after.bytes;
    entries = after.entries;
    fault = undefined;
    waits.reset();
    if (batch !== undefined && batch.entries.length > 0) company = batch.entries.length > 1;
    for (const done of batch?.done ?? []) done();
    const woken = new Set<number>();
    for (const entry of batch?.entries ?? []) {
      tail.push(entry, entry.readers);
      for (const reader of entry.readers) woken.add(reader);
    }
    for (const reader of woken) for (const listener of listeners.get(reader) ?? []) listener();
    admit();
    if (closing || queued.done.length > 0) schedule();
    else if (!isEmpty(queued)) schedule(ACK_MS);
  }

  /** Room is taken in the order of arrival, so that a small blob never overtakes a large one. */
  function admit(): void {
    let admitted = 0;
    for (const one of waiting) {
      if (!fits(one.size)) break;
      one.go();
      admitted++;
    }
    if (admitted > 0) waiting = waiting.slice(admitted);
  }
  const bytes = (): number => storedBytes + (sent?.bytes ?? 0) + queued.bytes;
  const fits = (size: number): boolean => bytes() + size <= maxBytes;

  thread.listen(response => {
    if ('committed' in response) committed(response.committed);
    else if ('putBack' in response) options.onPutBack?.(response.putBack);
    else if ('refused' in response) {
      fault = response.refused;
      // A disk that stays full must not hold the end for ever: nothing in a refused batch was ever acknowledged.
      if (closing) thread.stop();
      retry = setTimeout(() => sent && thread.post({ writes: writesOf(sent) }), waits.next());
    } else if ('answers' in response) questions.answered(response);
  }, end);

  function end(reason: Fault): void {
    dead = reason;
    clearTimeout(retry);
    for (const batch of [sent, queued]) for (const failed of batch?.failed ?? []) failed(reason);
    for (const one of waiting) one.refuse(reason);
    questions.end(reason);
    openJournals.delete(file);
    waiting = [];
    closing?.resolve();
  }

  function readerId(name: string): number {
    let id = ids.get(name);
    if (id === undefined) {
      id = ++lastReader;
      ids.set(name, id);
      queued.writes.newReaders.push([id, name]);
      schedule();
    }
    return id;
  }

  const closed = (): Fault | undefined =>
    dead ?? (closing && new Fault('FIELDLINE_DIR', expected(file, 'an open journal', 'closing'), { kind: 'outage' }));

  const journal: Journal = {
    append(meta, blob, readers, note) {
      const size = blob.length + Buffer.byteLength(meta) + ENTRY_OVERHEAD;
      return new Promise((resolve, reject) => {
        const refusal =
          closed() ??
          (size > maxBytes
            ? new Fault('FIELDLINE_MESSAGE', expected(file, `at most ${maxBytes} bytes`, size))
            : undefined);
        if (refusal) return reject(refusal);
        const go = (): void => {
          const seq = ++lastSeq;
          queued.entries.push({ seq, meta, blob, readers: [...new Set(readers)].map(readerId) });
          if (note) {
            notes.set(...note);
            queued.writes.notes.push([...note]);
          }
          queued.done.push(() => resolve(seq));
          queued.failed.push(reject);
          queued.bytes += size;
          schedule(company && queued.done.length < GATHER_MOST ? GATHER_MS : 0);
        };
        if (waiting.length === 0 && fits(size)) go();
        else waiting.push({ size, go, refuse: reject });
      });
    },
    read(reader, after, limit = {}) {
      const id = ids.get(reader);
      const refusal = closed();
      if (refusal) return Promise.reject(refusal);
      if (id === undefined) return Promise.resolve([]);
      const { entries: most = 500, bytes: size = 1 << 20 } = limit;
      const known = tail.read(id, after, { entries: most, bytes: size });
      // Never in the same turn: who reads in a loop until something changes must let it change.
      if (known !== undefined) return new Promise(resolve => setImmediate(resolve, known));
      return questions.ask(question => {
        reads.push({ id: question, reader: id, after, entries: most, bytes: size });
        schedule();
      });
    },
    ack(reader, seqs) {
      const id = ids.get(reader);
      if (id === undefined || seqs.length === 0 || closed()) return;
      queued.writes.acks.push({ reader: id, seqs });
      tail.ack(id, seqs);
      schedule(storedBytes * 2 < maxBytes ? ACK_MS : 0);
    },
    dropReader(reader) {
      const id = ids.get(reader);
      if (id === undefined || closed()) return;
      ids.delete(reader);
      listeners.delete(id);
      tail.drop(id);
      queued.writes.drops.push(id);
      schedule();
    },
    get readers() {
      return [...ids.keys()];
    },
    get lastSeq() {
      return lastSeq;
    },
    note(key, value) {
      const refusal = closed();
      if (refusal) return Promise.reject(refusal);
      value === undefined ? notes.delete(key) : notes.set(key, value);
      return new Promise((resolve, reject) => {
        queued.writes.notes.push([key, value ?? null]);
        queued.done.push(resolve);
        queued.failed.push(reject);
        schedule();
      });
    },
    notes,
    onEntries(reader, listener) {
      const id = readerId(reader);
      const found = listeners.get(id) ?? new Set();
      listeners.set(id, found.add(listener));
      return () => found.delete(listener);
    },
    state: () => ({ bytes: bytes(), entries, waiting: waiting.length, fault }),
    async copyTo(to) {
      const refusal = closed();
      if (refusal) throw refusal;
      await questions.ask(id => thread.post({ copy: { id, to } }));
    },
    loss: opened.loss,
    close() {
      if (closing) return closing.promise;
      closing = Promise.withResolvers<void>();
      for (const one of waiting) one.refuse(closed()!);
      waiting = [];
      if (dead) closing.resolve();
      else if (fault !== undefined) thread.stop();
      else schedule();
      return closing.promise;
    },
  };
  openJournals.set(file, journal);
  return journal;
}
