// Journal: keeps blobs for named readers in one SQLite file, with one fsync for all that arrive together (group commit).
import { backoff } from '../kernel/backoff.ts';
import { expected, Fault } from '../kernel/fault.ts';
import type { Journal } from './journal-contract.ts';
import { startThread } from './journal-thread.ts';
import { emptyQueue, isEmpty, type Queued, writesOf } from './journal-queue.ts';
import { type Entry, journalTail } from './journal-tail.ts';
import type { Read, Request } from './journal-worker.ts';

export type JournalOptions = {
  /** Bound of the entries in bytes, each counted with 100 bytes more. */
  maxBytes?: number;
  /** A few short notes that are known even where the file was put back to an earlier state. */
  marked?: readonly string[];
  /** The file was taken away while it was in use, and what was done about it, in words. */
  onPutBack?(text: string): void;
};

const OVERHEAD = 100;
// One fsync serves all who publish within this time; a waiting publisher notices nothing. Who was alone in the last one
// does not wait: an outbox appends one batch after the other, and a lone publisher its messages.
const GATHER_MS = 4;
const GATHER_MOST = 64;
// An acknowledgement may be lost in a crash (the entry comes again), so it waits for company.
const ACK_MS = 20;

/** The journals of this gateway by file, for a backup while it runs: nobody else can read them. */
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
  let queuedBytes = 0;
  let sentBytes = 0;
  let reads: Read[] = [];
  let lastRead = 0;
  const reading = new Map<number, { resolve(rows: Entry[]): void; reject(fault: Fault): void }>();
  const copying = new Map<number, { resolve(): void; reject(fault: Fault): void }>();
  const listeners = new Map<number, Set<() => void>>();
  let waiting: { size: number; go(): void; refuse(fault: Fault): void }[] = [];
  let fault: string | undefined;
  let dead: Fault | undefined;
  let retry: NodeJS.Timeout | undefined;
  const waits = backoff();
  const tail = journalTail(lastSeq);
  let timer: NodeJS.Timeout | undefined;
  let dueAt = Infinity;
  let company = false;
  let closing: { promise: Promise<void>; resolve(): void } | undefined;

  /** The next flush is due within this time, at once by default. */
  function schedule(withinMs = 0): void {
    const at = withinMs === 0 ? 0 : performance.now() + withinMs;
    if (dead || dueAt <= at) return;
    clearTimeout(timer);
    dueAt = at;
    if (at === 0) setImmediate(flush);
    else timer = setTimeout(flush, withinMs);
  }

  function flush(): void {
    dueAt = Infinity;
    clearTimeout(timer);
    if (dead) return;
    const request: Request = {};
    if (reads.length > 0) {
      request.reads = reads;
      reads = [];
    }
    // One batch at a time: whatever arrives during its fsync makes the next one.
    if (sent === undefined && !isEmpty(queued)) {
      sent = queued;
      sentBytes = queuedBytes;
      queued = emptyQueue();
      queuedBytes = 0;
      request.writes = writesOf(sent);
    }
    if (closing && sent === undefined) request.close = true;
    if (request.reads || request.writes || request.close) thread.post(request);
  }

  function committed(after: { bytes: number; entries: number }): void {
    const batch = sent;
    sent = undefined;
    sentBytes = 0;
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
  const fits = (size: number): boolean => storedBytes + sentBytes + queuedBytes + size <= maxBytes;

  thread.listen(response => {
    if ('committed' in response) committed(response.committed);
    else if ('putBack' in response) options.onPutBack?.(response.putBack);
    else if ('refused' in response) {
      fault = response.refused;
      // A disk that stays full must not hold the end for ever: nothing in a refused batch was ever acknowledged.
      if (closing) thread.stop();
      retry = setTimeout(() => sent && thread.post({ writes: writesOf(sent) }), waits.next());
    } else if ('read' in response) {
      let at = 0;
      const rows = response.rows.map(({ seq, meta, length }) => {
        at += length;
        return { seq, meta, blob: response.blobs.subarray(at - length, at) };
      });
      reading.get(response.read)?.resolve(rows);
      reading.delete(response.read);
    } else if ('unread' in response) {
      reading.get(response.unread)?.reject(new Fault('FIELDLINE_DIR', response.reason, { kind: 'outage' }));
      reading.delete(response.unread);
    } else if ('copied' in response) {
      const copy = copying.get(response.copied);
      copying.delete(response.copied);
      if (response.fault === undefined) copy?.resolve();
      else copy?.reject(new Fault('FIELDLINE_DIR', `copy of ${file}: ${response.fault}`, { kind: 'outage' }));
    }
  }, end);

  function end(reason: Fault): void {
    dead = reason;
    clearTimeout(retry);
    for (const batch of [sent, queued]) for (const failed of batch?.failed ?? []) failed(reason);
    for (const one of waiting) one.refuse(reason);
    for (const one of [...reading.values(), ...copying.values()]) one.reject(reason);
    copying.clear();
    openJournals.delete(file);
    waiting = [];
    reading.clear();
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
      const size = blob.length + Buffer.byteLength(meta) + OVERHEAD;
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
          queuedBytes += size;
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
      return new Promise((resolve, reject) => {
        reading.set(++lastRead, { resolve, reject });
        reads.push({ id: lastRead, reader: id, after, entries: most, bytes: size });
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
    state: () => ({ bytes: storedBytes + sentBytes + queuedBytes, entries, waiting: waiting.length, fault }),
    copyTo(to) {
      const refusal = closed();
      if (refusal) return Promise.reject(refusal);
      return new Promise((resolve, reject) => {
        copying.set(++lastRead, { resolve, reject });
        thread.post({ copy: { id: lastRead, to } });
      });
    },
    loss: opened.loss,
    close() {
      if (closing) return closing.promise;
      closing = Promise.withResolvers<void>();
      const refusal = new Fault('FIELDLINE_DIR', expected(file, 'an open journal', 'closing'), { kind: 'outage' });
      for (const one of waiting) one.refuse(refusal);
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
