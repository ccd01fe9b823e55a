// The reading end of an outbox: pages of the journal in order, what is out, what is done with, and what is missing in the sequence.
import type { Clock } from '../../kernel/clock.ts';
import { reasonOf } from '../../kernel/fault.ts';
import type { Journal } from '../journal/contract.ts';
import type { Entry } from '../journal/tail.ts';
import { type BatchHead, endOf, headOf, type Position, type RowCodec, sealed, unpack } from './batch.ts';

/** A batch as it was read; its rows once it was unpacked. */
export type Lying<Row> = {
  seq: number;
  head: BatchHead;
  blob: Uint8Array;
  rows: readonly Row[] | undefined;
  textBytes: number;
};

export type Front<Row> = {
  /** Read, not out, oldest first. Empty after `load` only where nothing lies on the disk. */
  readonly ahead: readonly Lying<Row>[];
  load(): Promise<void>;
  /** Takes that many out, to be dropped. */
  cut(count: number): readonly Lying<Row>[];
  /** Takes the oldest out, its rows unpacked; undefined where it was damaged, and is forgotten. */
  take(): Promise<Lying<Row> | undefined>;
  /** Done with; forgotten, with the commit, as soon as nothing older is out: a crash must bring that back. */
  forget(batches: readonly Lying<Row>[]): Promise<void>;
  giveBack(batches: readonly Lying<Row>[]): void;
  /** Batches that are out. */
  readonly out: number;
  /** Resolves when something that was out is done with or given back. */
  returned(): Promise<void>;
  /** When the oldest batch that was read was kept, by the clock of the outbox, ms. */
  readonly oldest: number | undefined;
};

export type FrontOptions<Row> = {
  codec: RowCodec<Row> | undefined;
  clock: Clock;
  /** Of the oldest row that lies in the journal. */
  begin: Position;
  /** After the last row that is on the disk. */
  committed(): Position;
  /** Rows that left the outbox, lost ones too. */
  onLeft(rows: number): void;
  onLost(rows: number, text: string): void;
  /** While somebody takes note of what was lost: until then a crash must show the loss again. */
  telling(): Promise<unknown> | undefined;
};

export const READER = 'link';
export const PAGE = { entries: 2000, bytes: 4 << 20 };

type Headed = { seq: number; blob: Uint8Array; head: BatchHead | undefined };

/** As their rows follow on each other: in a damaged file the numbers of entries may be wrong. */
function inOrder(entries: readonly Entry[]): readonly Headed[] {
  const headed = entries.map(({ seq, meta, blob }) => ({ seq, blob, head: headOf(meta) }));
  return headed.sort((a, b) => (a.head?.row ?? 0) - (b.head?.row ?? 0));
}

export function openFront<Row>(journal: Journal, options: FrontOptions<Row>): Front<Row> {
  const { codec, clock, committed, onLeft, onLost, telling } = options;
  const out = new Set<Lying<Row>>();
  let ahead: Lying<Row>[] = [];
  let done: Lying<Row>[] = [];
  let cursor = 0;
  let read = options.begin;
  /** As the file notes it. */
  let { begin } = options;
  let readAt: number | undefined;
  /** First row that was missing and the one after the last, of each gap. */
  const gaps: (readonly [from: number, to: number])[] = [];
  let reading: Promise<void> | undefined;
  let waiting: (() => void)[] = [];

  async function readPage(): Promise<void> {
    // What comes while the page is read may not be on it.
    const until = committed();
    const entries = await journal.read(READER, cursor, PAGE);
    cursor = entries.at(-1)?.seq ?? cursor;
    for (const { seq, head, blob } of inOrder(entries)) {
      // What lies before the begin has arrived: the file was put back to an earlier state.
      if (head === undefined || head.row < options.begin.row || isTwice(head)) {
        journal.ack(READER, [seq]);
        continue;
      }
      miss(head, head.at);
      read = endOf(head, blob);
      readAt = head.at;
      ahead.push({ seq, head, blob, rows: undefined, textBytes: 0 });
    }
    if (entries.length > 0 || until.row <= read.row) return;
    miss(until, clock.now());
    // Noted, so that the same loss is not told again.
    if (out.size === 0) void noteLoss(read).catch(() => {});
  }

  async function noteLoss(to: Position): Promise<void> {
    await telling();
    if (to.row > begin.row) await noteBegin(to);
  }

  function noteBegin({ row, byte }: Position): Promise<void> {
    begin = { row, byte };
    return journal.note('begin', sealed(JSON.stringify([row, byte])));
  }

  /** A damaged file may give a batch a second time, under another number; or one out of its place, which was told to be missing. */
  const isTwice = ({ row }: Position): boolean => row < read.row && !gaps.some(([from, to]) => from <= row && row < to);

  /** Rows are numbered without a gap: what is not there was lost with a part of the file. */
  function miss(to: Position, at: number): void {
    if (to.row <= read.row) return;
    gaps.push([read.row, to.row]);
    onLeft(to.row - read.row);
    lose(read, to, readAt ?? at, at, 'missing in the file');
    read = to;
  }

  function lose(from: Position, to: Position, fromMs: number, toMs: number, reason: string): void {
    const rows = to.row - from.row;
    const [earliest, latest] = [fromMs, toMs].map(time => new Date(time).toISOString());
    onLost(
      rows,
      `${rows} rows lost, ${reason}: rows ${from.row} to ${to.row - 1}, bytes ${from.byte} to ${to.byte - 1} of all that went in, kept between ${earliest} and ${latest}`,
    );
  }

  async function forget(batches: readonly Lying<Row>[]): Promise<void> {
    for (const batch of batches) {
      out.delete(batch);
      onLeft(batch.head.rows);
    }
    wake();
    done.push(...batches);
    const told = telling();
    if (told !== undefined) await told;
    const [oldest = ahead[0]] = out;
    const isYounger = ({ seq }: Lying<Row>): boolean => oldest !== undefined && seq > oldest.seq;
    const seqs = done.flatMap(batch => (isYounger(batch) ? [] : [batch.seq]));
    if (seqs.length === 0) return;
    done = done.filter(isYounger);
    journal.ack(READER, seqs);
    await noteBegin(oldest?.head ?? read);
  }

  function wake(): void {
    const woken = waiting;
    waiting = [];
    for (const go of woken) go();
  }

  return {
    get ahead() {
      return ahead;
    },
    async load() {
      while (ahead.length === 0) {
        const before = cursor;
        reading ??= readPage().finally(() => {
          reading = undefined;
        });
        await reading;
        if (cursor === before) return;
      }
    },
    cut(count) {
      const batches = ahead.splice(0, count);
      for (const batch of batches) out.add(batch);
      return batches;
    },
    async take() {
      const batch = ahead.shift();
      if (batch === undefined) return undefined;
      out.add(batch);
      try {
        if (batch.rows === undefined) Object.assign(batch, await unpack(batch.head, batch.blob, codec));
        return batch;
      } catch (error) {
        const { head } = batch;
        lose(head, endOf(head, batch.blob), head.at, head.at, reasonOf(error));
        void forget([batch]).catch(() => {});
        return undefined;
      }
    },
    forget,
    giveBack(batches) {
      for (const batch of batches) out.delete(batch);
      ahead = [...batches, ...ahead];
      wake();
    },
    get out() {
      return out.size;
    },
    returned: () => new Promise(resolve => waiting.push(resolve)),
    get oldest() {
      const [first = ahead[0]] = out;
      return first?.head.clock;
    },
  };
}
