// Journal: keeps blobs for named readers in one SQLite file, with one fsync for all that arrive together (group commit).
import { backoff } from '../kernel/backoff.ts';
import { expected, Fault } from '../kernel/fault.ts';
import { startThread } from './journal-thread.ts';
import { emptyQueue, isEmpty, joined, type Queued } from './journal-queue.ts';
import type { Append, Read, Request } from './journal-worker.ts';

export type Entry = { seq: number; meta: string; blob: Uint8Array };
export type JournalState = {
  /** Bytes of the entries that some reader has not acknowledged, those on their way to the disk included. */
  bytes: number;
  entries: number;
  /** Appends that wait for room. */
  waiting: number;
  /** Why the last commit failed (disk full …); the commit is tried again until it succeeds. */
  fault: string | undefined;
};

export type Journal = {
  /**
   * Keeps a blob until every reader has acknowledged it. Resolves with its number once it is on the disk; waits while
   * the journal is full. Entries are numbered in the order of the calls. Rejects with a Fault: data when the blob alone
   * exceeds the journal, outage when the journal is closed first. `note` is committed together with the entry.
   */
  append(
    meta: string,
    blob: Uint8Array,
    readers: readonly string[],
    note?: readonly [key: string, value: string],
  ): Promise<number>;
  /** What the reader has not acknowledged, numbered above `after`, in order; at least one entry where there is any. */
  read(reader: string, after: number, limit?: { entries?: number; bytes?: number }): Promise<readonly Entry[]>;
  /** Takes effect with the next commit; until then a crash brings the entries back. Unknown numbers are ignored. */
  ack(reader: string, seqs: readonly number[]): void;
  /** Forgets a reader: what only it waited for is deleted. */
  dropReader(reader: string): void;
  readonly readers: readonly string[];
  /** A small named value beside the entries, on the disk when the promise resolves; undefined deletes it. */
  note(key: string, value: string | undefined): Promise<void>;
  readonly notes: ReadonlyMap<string, string>;
  /** Calls back after a commit that brought the reader new entries. Returns the stop. */
  onEntries(reader: string, listener: () => void): () => void;
  state(): JournalState;
  /** Writes a whole copy of the file, as of now, to a new file. Rejects with a Fault of kind outage when it cannot. */
  copyTo(file: string): Promise<void>;
  /** What was lost when the file was found damaged; the damaged file is kept beside it. */
  readonly loss: string | undefined;
  /** Commits what is queued and ends; appends that wait for room are refused. */
  close(): Promise<void>;
};

export type JournalOptions = {
  /** Bound of the entries in bytes, each counted with 100 bytes more. */ maxBytes?: number;
};

const OVERHEAD = 100;

/** The journals of this process by file, for a backup while it runs: no other process can read them. */
export const openJournals = new Map<string, Journal>();

/**
 * Opens or makes the file. One process at a time: a second one is refused. A damaged file is set aside and what can be
 * read is saved (`loss` says what was not). Rejects with a Fault of kind outage when the file cannot be used.
 */
export async function openJournal(file: string, options: JournalOptions = {}): Promise<Journal> {
  const maxBytes = options.maxBytes ?? 256 << 20;
  const thread = await startThread(file);
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
  let scheduled = false;
  let closing: { promise: Promise<void>; resolve(): void } | undefined;

  function schedule(): void {
    if (scheduled || dead) return;
    scheduled = true;
    setImmediate(flush);
  }

  function flush(): void {
    scheduled = false;
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
      sent.writes.blobs = joined(sent.blobs);
      request.writes = sent.writes;
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
    for (const done of batch?.done ?? []) done();
    const woken = new Set<number>();
    for (const { readers } of batch?.writes.appends ?? []) for (const reader of readers) woken.add(reader);
    for (const reader of woken) for (const listener of listeners.get(reader) ?? []) listener();
    admit();
    if (closing || !isEmpty(queued)) schedule();
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
    else if ('refused' in response) {
      fault = response.refused;
      // A disk that stays full must not hold the end for ever: nothing in a refused batch was ever acknowledged.
      if (closing) thread.stop();
      retry = setTimeout(() => sent && thread.post({ writes: sent.writes }), waits.next());
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
          const entry: Append = { seq, meta, length: blob.length, readers: [...new Set(readers)].map(readerId) };
          queued.writes.appends.push(entry);
          queued.blobs.push(blob);
          if (note) {
            notes.set(...note);
            queued.writes.notes.push([...note]);
          }
          queued.done.push(() => resolve(seq));
          queued.failed.push(reject);
          queuedBytes += size;
          schedule();
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
      return new Promise((resolve, reject) => {
        reading.set(++lastRead, { resolve, reject });
        reads.push({ id: lastRead, reader: id, after, entries: limit.entries ?? 500, bytes: limit.bytes ?? 1 << 20 });
        schedule();
      });
    },
    ack(reader, seqs) {
      const id = ids.get(reader);
      if (id === undefined || seqs.length === 0 || closed()) return;
      queued.writes.acks.push({ reader: id, seqs });
      schedule();
    },
    dropReader(reader) {
      const id = ids.get(reader);
      if (id === undefined || closed()) return;
      ids.delete(reader);
      listeners.delete(id);
      queued.writes.drops.push(id);
      schedule();
    },
    get readers() {
      return [...ids.keys()];
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
