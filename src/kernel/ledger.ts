// Ledger: every message of a source is counted once where it enters and once where it ends, so that the two can be compared.
import { randomBytes } from 'node:crypto';
import { type Ordered, ordered } from './ordered.ts';

/**
 * What a node says of a message it has seen. `archived` alone counts as stored, `archiving` (in the outbox of the
 * archive) alone as in an outbox, and a message of which nobody says anything as dropped: no node keeps it.
 */
export type Fate = 'outbox' | 'stored' | 'deadLetters' | 'duplicates' | 'dropped' | 'archived' | 'archiving';
/** Where a message can end. `outbox` is no end: it is still in flight, on the disk. */
export type End = Exclude<Fate, 'archived' | 'archiving'>;
/** The word of a link that has a message in its outbox. */
export type Hold = 'outbox' | 'archiving';
/** The strongest word counts: a message that was stored at the first attempt and found again at the second is stored. */
const STRONGEST: readonly Fate[] = [
  'outbox',
  'stored',
  'deadLetters',
  'duplicates',
  'dropped',
  'archived',
  'archiving',
];
const BIT = Object.fromEntries(STRONGEST.map((fate, at) => [fate, 1 << at])) as Readonly<Record<Fate, number>>;

/** Counts of messages since the ledger was begun. */
export type Totals = { received: number /** Not settled when its process or node ended. */; returned: number } & Record<
  End,
  number
>;
export type Line = Totals & {
  source: string;
  name: string;
  /** Entered and not ended, as found: these are counted one by one, not worked out from the others. */
  open: number;
  /** Milliseconds since the epoch at which the oldest open one came in. */
  openSince: number | undefined;
  /** Numbers of a source that keeps them over restarts: all up to `upTo`, and those of `beyond`, are counted. */
  upTo: number;
  beyond: readonly number[];
  /** Milliseconds since the epoch at which the last one was counted. */
  countedAt: number;
};

/** `reason`: why it became a dead letter, where the node that refused it has said so, or that nobody has kept it. */
export type Ending = { end: End; reason: string | undefined };

export type Account = {
  /**
   * Counts a message in and gives its entry, which travels with it. `sequence`: its number at the source, the same again
   * when it is delivered again; one that was counted already gets no entry, and is not counted again. `receivedAt`: when
   * the source got it, in milliseconds since the epoch; a number used again for a later message begins a new numbering.
   */
  enter(sequence?: number, receivedAt?: number): string | undefined;
  /** The message has settled: counts where it ended, and tells. Unknown entries are ignored. */
  leave(entry: string | undefined): Ending | undefined;
  /** The message did not settle, and its sender keeps it: taken back out of what has come in. */
  giveBack(entry: string | undefined): void;
  /** What is open comes again, or is lost with its sender: it is taken back out of what has come in. */
  close(): void;
};

type Open = { fates: number; reason?: string; at: number; number: number; sequence: number | undefined };
type Book = {
  name: string;
  totals: Totals;
  open: Map<string, Open>;
  upTo: number;
  beyond: Set<number>;
  /** `beyond` of an earlier process or node. */
  already: Set<number>;
  countedAt: number;
};

// Entries of another process, read back from an outbox, must not be taken for those of this one.
const run = randomBytes(4).toString('hex');
const books = new Map<string, Book>();
let changes = 0;

/** Told of every message that settles while it lies in an outbox; knows which of them have not left it. */
export type Holds = { hold(entry: string, by: Hold): void; release(entry: string, by: Hold): boolean };
let holds: Holds | undefined;
export function rememberHolds(by: Holds): void {
  holds = by;
}

function bookOf(source: string, name: string): Book {
  let book = books.get(source);
  if (book === undefined) {
    const totals = { received: 0, returned: 0, outbox: 0, stored: 0, deadLetters: 0, duplicates: 0, dropped: 0 };
    book = { name, totals, open: new Map(), upTo: 0, beyond: new Set(), already: new Set(), countedAt: 0 };
    books.set(source, book);
  }
  return book;
}

function sourceOf(entry: string): string {
  return entry.slice(0, entry.lastIndexOf('/'));
}

function endOf(fates: number): End {
  const fate = STRONGEST.find(one => (fates & BIT[one]) !== 0) ?? 'dropped';
  return fate === 'archived' ? 'stored' : fate === 'archiving' ? 'outbox' : fate;
}

function isCounted({ upTo, beyond, already }: Book, sequence: number): boolean {
  return sequence <= upTo || beyond.has(sequence) || already.has(sequence);
}

/** One at a time for a source; `now` is the wall clock. */
export function openAccount(source: string, name: string, now: () => number = Date.now): Account {
  const book = bookOf(source, name);
  book.name = name;
  const waiting: number[] = [];
  const inOrder: Ordered = ordered(() => {
    const sequence = waiting.shift() as number;
    book.beyond.delete(sequence);
    book.upTo = Math.max(book.upTo, sequence);
  });
  let closed = false;
  return {
    enter(sequence, receivedAt = 0) {
      if (sequence !== undefined && isCounted(book, sequence)) {
        if (receivedAt <= book.countedAt) return undefined;
        book.upTo = 0;
        book.already.clear();
      }
      // The text that a plain number becomes would stay in a cache of V8 until the next full collection: toFixed knows no cache.
      const entry = `${source}/${run}.${book.totals.received.toFixed()}`;
      let number = 0;
      if (sequence !== undefined) {
        waiting.push(sequence);
        number = inOrder.take();
      }
      book.open.set(entry, { fates: 0, at: now(), number, sequence });
      book.totals.received++;
      changes++;
      return entry;
    },
    leave(entry) {
      const open = entry === undefined || closed ? undefined : book.open.get(entry);
      if (open === undefined) return undefined;
      const end = endOf(open.fates);
      book.open.delete(entry as string);
      // Anew once it is empty: the table of a map is kept, with all that stood in it, by the dead table before it that has grown old.
      if (book.open.size === 0) book.open = new Map();
      book.countedAt = now();
      book.totals[end]++;
      if (end === 'outbox') holds?.hold(entry as string, (open.fates & BIT.outbox) !== 0 ? 'outbox' : 'archiving');
      changes++;
      if (open.sequence !== undefined && !inOrder.settle(open.number)) book.beyond.add(open.sequence);
      return { end, reason: open.fates === 0 ? 'kept by no node' : open.reason };
    },
    giveBack(entry) {
      if (closed || entry === undefined || !book.open.delete(entry)) return;
      book.totals.returned++;
      changes++;
    },
    close() {
      if (closed) return;
      closed = true;
      book.totals.returned += book.open.size;
      book.open.clear();
      for (const sequence of book.beyond) book.already.add(sequence);
      book.beyond.clear();
      changes++;
    },
  };
}

/** What became of a message, as far as one node knows; ignored where no source counts it, or when it has settled. */
export function noteFate(entry: string | undefined, fate: Fate, reason?: string): void {
  if (entry === undefined) return;
  const open = books.get(sourceOf(entry))?.open.get(entry);
  if (open === undefined) return;
  open.fates |= BIT[fate];
  if (reason !== undefined) open.reason ??= reason;
}

/** What a link answers for a row. */
type Outcome = 'stored' | 'duplicate' | 'kept' | 'dropped' | { rejected: string };
const FATE_OF = { stored: 'stored', duplicate: 'duplicates', kept: 'outbox', dropped: 'dropped' } as const;

export function fateOf(outcome: Outcome): Fate {
  return typeof outcome === 'object' ? 'deadLetters' : FATE_OF[outcome];
}

/** A message has left an outbox, maybe one that an earlier process has filled. */
export function leaveOutbox(entry: string, end: Exclude<Fate, Hold>, by: Hold = 'outbox'): void {
  const book = books.get(sourceOf(entry));
  const open = book?.open.get(entry);
  if (open !== undefined) {
    // Sent before its message has settled: it will leave as this.
    open.fates = (open.fates & ~BIT[by]) | BIT[end];
    return;
  }
  const totals = book?.totals;
  // Two outboxes may hold it, and after a crash one gives what it had sent a moment before a second time.
  if (totals === undefined || totals.outbox === 0 || holds?.release(entry, by) === false) return;
  totals.outbox--;
  totals[endOf(BIT[end])]++;
  changes++;
}

/** Counts items that carry their own entry, for a source that keeps them until they have settled. */
export type Counter<Item> = { enter(item: Item): void; leave(item: Item): void; drop(item: Item): void };

/** All accounts as they stand, sorted by name. */
export function ledgerLines(): readonly Line[] {
  return [...books]
    .map(([source, { name, totals, open, upTo, beyond, already, countedAt }]) => ({
      ...{ source, name, ...totals, open: open.size, upTo, countedAt },
      beyond: [...beyond, ...already].filter(sequence => sequence > upTo),
      openSince: open.values().next().value?.at,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Rises with every change. */
export function ledgerChanges(): number {
  return changes;
}

/** Goes on where an earlier process was: what was open then was not acknowledged. Sources that count already are left alone. */
export function restoreLedger(lines: readonly Line[]): void {
  for (const { source, name, open, upTo, beyond, countedAt, openSince: _, ...totals } of lines) {
    if (books.has(source)) continue;
    const book = bookOf(source, name);
    book.totals = { ...totals, returned: totals.returned + open };
    book.upTo = upTo;
    book.countedAt = countedAt;
    for (const sequence of beyond) book.already.add(sequence);
  }
}

/** Received and not returned. */
export function cameIn({ received, returned }: Totals): number {
  return received - returned;
}

/** In the outboxes or under way. */
export function inFlight({ outbox, open }: Line): number {
  return outbox + open;
}

/** in − (stored + duplicates + dead letters + dropped + in flight): 0, or the ledger does not balance. */
export function difference(line: Line): number {
  return cameIn(line) - line.stored - line.duplicates - line.deadLetters - line.dropped - inFlight(line);
}
