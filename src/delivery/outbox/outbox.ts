// Outbox: rows on the disk while their peer is away, oldest first, bounded by bytes and age; what is dropped or lost is counted and named.
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { expected } from '../../kernel/fault.ts';
import { openJournal } from '../journal/journal.ts';
import type { Journal } from '../journal/contract.ts';
import { type BatchHead, blobTexts, endOf, pack, type RowCodec, sealed } from './batch.ts';
import { machineUptime, outboxClock } from './clock.ts';
import { dropping } from './dropping.ts';
import { type Lying, openFront, READER } from './front.ts';
import { endNote, notedIn } from './notes.ts';

/** What becomes of rows when the outbox is full. */
export type FullPolicy = 'block' | 'drop-oldest' | 'drop-newest';
export type OutboxOptions<Row> = {
  /** Bound of what lies on the disk, compressed. */
  maxBytes?: number;
  /** Older rows are dropped; kept for ever where it is left out. */
  maxAgeMs?: number;
  full?: FullPolicy;
  codec?: RowCodec<Row>;
  clock?: Clock;
  /** How long the machine has been running, ms. */
  uptime?: () => number;
  /** Rows that a bound has dropped, or that a damaged file has lost. */
  onGone?(gone: Gone): void;
  /** After that of rows that are lost: that they were there is forgotten when it resolves. A crash before tells of them again. */
  onLost?(): Promise<void>;
  /** The rows themselves that a bound has dropped after they were kept; forgotten when it resolves: a crash before brings them back. */
  onDropped?(rows: readonly Row[]): void | Promise<void>;
};
export type Gone = { why: 'full' | 'age' | 'damaged'; rows: number; text: string };

/** `kept`: on the disk. `dropped`: the outbox is full, and its policy is to drop what is new. */
export type Keeping = 'kept' | 'dropped' | { rejected: string };
export type OutboxState = {
  rows: number;
  /** On the disk, compressed. */
  bytes: number;
  /** Age of the oldest row, ms; undefined when there is none, or none was looked at yet. */
  oldestMs: number | undefined;
  /** An append waits for room. */
  blocked: boolean;
  /** Why the disk does not take what was given to it; it is tried again. */
  fault: string | undefined;
};
export type Batch<Row> = { readonly rows: readonly Row[] };

export type Outbox<Row> = {
  /**
   * Resolves once every row is on the disk (or dropped, or refused), in the order of the calls; waits while the outbox
   * is full and its policy is to block. Rejects with a Fault of kind outage when the file can no longer be used.
   */
  append(rows: readonly Row[]): Promise<readonly Keeping[]>;
  /**
   * Oldest batches that are not out, about `rows` together and of little more than 16 MB, one at least; none when it is
   * empty. Rejects as `append`.
   */
  next(rows: number): Promise<readonly Batch<Row>[]>;
  /** They have arrived: forgotten with the next commit. A crash before it brings them back. */
  settle(batches: readonly Batch<Row>[]): void;
  /** They have not arrived: `next` gives them again. */
  giveBack(batches: readonly Batch<Row>[]): void;
  state(): OutboxState;
  close(): Promise<void>;
};

/** Text of the rows that are handed out at once: on the disk they may be a thousand times smaller. */
const NEXT_BYTES = 16 << 20;
/** What the journal counts for an entry besides its blob, at most. */
const ENTRY_BYTES = 300;
const MOST_BYTES = 1 << 30;

/** Opens or makes the file, for this process alone. Rejects with a Fault of kind outage when it cannot be used. */
export async function openOutbox<Row>(file: string, options: OutboxOptions<Row> = {}): Promise<Outbox<Row>> {
  const onMended = (text: string): void => options.onGone?.({ why: 'damaged', rows: 0, text });
  const journal = await openJournal(file, {
    maxBytes: options.maxBytes ?? MOST_BYTES,
    marked: ['begin', 'end'],
    onMended,
  });
  try {
    return await outboxIn(journal, file, options);
  } catch (error) {
    // Else the file would be in use for ever.
    await journal.close();
    throw error;
  }
}

async function outboxIn<Row>(journal: Journal, file: string, options: OutboxOptions<Row>): Promise<Outbox<Row>> {
  const { maxBytes = MOST_BYTES, maxAgeMs = Infinity, full = 'block', codec, clock = systemClock } = options;
  // Registers the only reader: its name may have been lost with a damaged part of the file.
  journal.onEntries(READER, () => {});
  const { begin, clock: lastClock, ...told } = await notedIn(journal);
  const age = outboxClock(lastClock, clock, options.uptime ?? machineUptime);
  let { end } = told;
  let committed = end;
  let rows = Math.max(0, end.row - begin.row);
  let lastAppend: Promise<unknown> = Promise.resolve();
  let lastSettled: Promise<void> = Promise.resolve();
  let settling = 0;

  let telling: Promise<unknown> | undefined;
  function gone(why: Gone['why'], count: number, reason: string): void {
    options.onGone?.({ why, rows: count, text: `${file}: ${reason}` });
    if (why !== 'damaged' || options.onLost === undefined) return;
    const all = Promise.all([telling, options.onLost()])
      .catch(() => {})
      .finally(() => {
        if (telling === all) telling = undefined;
      });
    telling = all;
  }

  const front = openFront<Row>(journal, {
    codec,
    clock,
    begin,
    committed: () => committed,
    onLeft(count) {
      // Rows of a damaged file that were told to be lost may turn up later, out of their place.
      rows = Math.max(0, rows - count);
    },
    onLost: (count, text) => gone('damaged', count, text),
    telling: () => telling,
  });
  if (journal.loss !== undefined) options.onGone?.({ why: 'damaged', rows: 0, text: journal.loss });
  // One look at once, so that the age of the oldest is known.
  if (rows > 0) await front.load();

  function fits(size: number): boolean {
    const { bytes, waiting } = journal.state();
    return bytes + size <= maxBytes && waiting === 0;
  }

  const { makeRoom, expire } = dropping<Row>({
    maxBytes,
    maxAgeMs,
    codec,
    front,
    rows: () => rows,
    fits,
    nowMs: age.ms,
    settling: () => (settling > 0 ? lastSettled : undefined),
    gone,
    onDropped: options.onDropped?.bind(options),
  });

  /** One blob; halved where it alone is larger than the whole outbox. */
  async function put(texts: readonly string[]): Promise<readonly Keeping[]> {
    const { blob, crc, packed } = await pack(texts);
    const size = blob.length + ENTRY_BYTES;
    if (size > maxBytes) {
      if (texts.length === 1) return [{ rejected: expected('outbox', `a row of at most ${maxBytes} bytes`, size) }];
      const middle = texts.length >> 1;
      return [...(await put(texts.slice(0, middle))), ...(await put(texts.slice(middle)))];
    }
    if (full === 'drop-newest' && !fits(size)) {
      gone('full', texts.length, `${texts.length} rows dropped, the outbox is full (${maxBytes} bytes)`);
      return texts.map(() => 'dropped');
    }
    if (full === 'drop-oldest') await makeRoom(size);
    const [clockMs, at] = age.note();
    const head: BatchHead = { ...end, rows: texts.length, at, clock: clockMs, crc, packed };
    const after = endOf(head, blob);
    end = after;
    await journal.append(sealed(JSON.stringify(head)), blob, [READER], ['end', endNote(after, age.note())]);
    committed = after;
    rows += texts.length;
    return texts.map(() => 'kept');
  }

  async function keep(members: readonly Row[]): Promise<readonly Keeping[]> {
    const keepings: Keeping[] = new Array(members.length);
    const refuse = (place: number, refusal: { rejected: string }): void => {
      keepings[place] = refusal;
    };
    for (const { texts, places } of blobTexts(members, codec, refuse))
      for (const [at, keeping] of (await put(texts)).entries()) keepings[places[at]!] = keeping;
    return keepings;
  }

  return {
    append(members) {
      const mine = lastAppend.then(() => keep(members));
      lastAppend = mine.catch(() => {});
      return mine;
    },
    async next(most) {
      const taken: Lying<Row>[] = [];
      let count = 0;
      let bytes = 0;
      for (;;) {
        do await front.load();
        while (expire());
        const first = front.ahead[0];
        const enough = count > 0 && (count + (first?.head.rows ?? 0) > most || bytes >= NEXT_BYTES);
        if (first === undefined || enough) return taken as Batch<Row>[];
        const batch = await front.take();
        if (batch === undefined) continue;
        taken.push(batch);
        count += batch.head.rows;
        bytes += batch.textBytes;
      }
    },
    settle(batches) {
      settling++;
      lastSettled = front
        .forget(batches as readonly Lying<Row>[])
        .catch(() => {})
        .finally(() => {
          settling--;
        });
    },
    giveBack: batches => front.giveBack(batches as readonly Lying<Row>[]),
    state() {
      const { bytes, waiting, fault } = journal.state();
      const { oldest } = front;
      const oldestMs = rows > 0 && oldest !== undefined ? age.ms() - oldest : undefined;
      return { rows, bytes, oldestMs, blocked: waiting > 0, fault };
    },
    close() {
      // The next process counts the age on from this note, though nothing may have been kept for long.
      if (rows > 0) void journal.note('end', endNote(committed, age.note())).catch(() => {});
      return journal.close();
    },
  };
}
