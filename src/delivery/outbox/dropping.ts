// What an outbox drops: batches that are too old, and the oldest where it is full. Whoever counts them is told before they are forgotten.
import { reasonOf } from '../../kernel/fault.ts';
import { type RowCodec, unpack } from './batch.ts';
import type { Front, Lying } from './front.ts';

export type DroppingOptions<Row> = {
  maxBytes: number;
  maxAgeMs: number;
  codec: RowCodec<Row> | undefined;
  front: Front<Row>;
  /** Rows that lie in the outbox. */
  rows(): number;
  fits(size: number): boolean;
  /** By the clock of the outbox. */
  nowMs(): number;
  /** While what has arrived is being forgotten. */
  settling(): Promise<void> | undefined;
  gone(why: 'full' | 'age' | 'damaged', rows: number, reason: string): void;
  onDropped: ((rows: readonly Row[]) => void | Promise<void>) | undefined;
};

export type Dropping = {
  /** From the front, in order. Batches that are out are waited for: they may arrive after all. */
  makeRoom(size: number): Promise<void>;
  /** True when something was too old. */
  expire(): boolean;
};

/** Bytes that are dropped at once where one row would do: for each time a commit of those who count is waited for. */
const MOST_ROOM = 256 << 10;

export function dropping<Row>(options: DroppingOptions<Row>): Dropping {
  const { maxBytes, maxAgeMs, codec, front, rows, fits, nowMs, settling, gone, onDropped } = options;

  async function drop(why: 'full' | 'age', batches: readonly Lying<Row>[], reason: string): Promise<void> {
    const told: (void | Promise<void>)[] = [];
    let count = 0;
    for (const batch of batches) {
      const members = onDropped && (await rowsOf(batch));
      // Which messages these were nobody can tell any more: whoever counts them has to know that they are lost.
      if (members instanceof Error)
        gone('damaged', batch.head.rows, `${batch.head.rows} rows lost, ${reasonOf(members)}`);
      else {
        count += batch.head.rows;
        if (members !== undefined) told.push(onDropped?.(members));
      }
    }
    if (count > 0) gone(why, count, `${count} rows dropped, ${reason}`);
    await Promise.all(told);
    await front.forget(batches);
  }

  async function rowsOf({ rows: known, head, blob }: Lying<Row>): Promise<readonly Row[] | Error> {
    return (
      known ??
      unpack(head, blob, codec).then(
        ({ rows: unpacked }) => unpacked,
        (error: Error) => error,
      )
    );
  }

  return {
    async makeRoom(size) {
      while (!fits(size)) {
        await front.load();
        const underWay = front.out > 0 ? front.returned() : settling();
        if (underWay !== undefined) {
          await underWay;
          continue;
        }
        const room = Math.max(size, Math.min(maxBytes / 64, MOST_ROOM));
        let freed = 0;
        let count = 0;
        for (const { blob } of front.ahead) {
          if (freed >= room) break;
          freed += blob.length;
          count++;
        }
        if (count === 0 && rows() === 0) return;
        if (count > 0) await drop('full', front.cut(count), `the outbox is full (${maxBytes} bytes)`);
      }
    },
    expire() {
      const limit = nowMs() - maxAgeMs;
      const young = front.ahead.findIndex(({ head }) => head.clock >= limit);
      const old = front.cut(young < 0 ? front.ahead.length : young);
      if (old.length > 0) void drop('age', old, `older than ${maxAgeMs / 3_600_000} h`).catch(() => {});
      return old.length > 0;
    },
  };
}
