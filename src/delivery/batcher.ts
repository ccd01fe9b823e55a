// Batcher: rows of many messages leave together, one batch at a time, in order.
import { type Clock, systemClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import { moreBehind } from './suspect.ts';
import { type After, timer } from './timer.ts';

export type BatcherOptions<Row> = {
  /** Most rows in one write. */
  maxRows?: number;
  /** Fewer than that, as the other end has them now. */
  fewerRows?: () => number;
  /** Whether what goes again needs more rows behind it than it had, even where it is full. */
  needsMore?: () => boolean;
  /** Bytes of a row, about; with it a write and the memory are bounded in bytes, too. */
  bytesOf?: (row: Row) => number;
  /** A write that has as much takes no further row. */
  maxBytes?: number;
  /** Least time between two writes; rows that come after a rest leave at once. */
  lingerMs?: number;
  /** Most rows in memory; a submit beyond it is refused as an outage, so that its source holds on to it. */
  limitRows?: number;
  limitBytes?: number;
  clock?: Clock;
  after?: After;
};

export type Batcher<Row, Answer> = {
  /**
   * Resolves with the answer for each row. Rejects with a Fault of kind `outage` when the batcher is full or closes
   * before the rows were taken, or with what the write threw.
   */
  submit(rows: readonly Row[]): Promise<readonly Answer[]>;
  /** Rows submitted and not yet answered. */
  readonly waiting: number;
  readonly full: boolean;
  /** Takes no more, writes what it has for at most `graceMs`, and hands the rest back as an outage. */
  close(graceMs?: number): Promise<void>;
};

type Parcel<Row, Answer> = {
  rows: readonly Row[];
  bytes: number;
  resolve(answers: readonly Answer[]): void;
  reject(error: unknown): void;
};

const MEGABYTE = 1024 * 1024;

/** The answer of a write that did not succeed: call it again with the same rows, and behind them what has come meanwhile. */
export type Again = 'again';

/** `write` is called with one batch at a time. Its rejection is the answer to all of the batch. */
export function batcher<Row, Answer>(
  write: (rows: readonly Row[]) => Promise<readonly Answer[] | Again>,
  options: BatcherOptions<Row> = {},
): Batcher<Row, Answer> {
  const { maxRows = 5000, lingerMs = 1, limitRows = 100_000, clock = systemClock, after = timer } = options;
  const {
    fewerRows = () => maxRows,
    needsMore = () => false,
    bytesOf = () => 0,
    maxBytes = 16 * MEGABYTE,
    limitBytes = 128 * MEGABYTE,
  } = options;
  const queue: Parcel<Row, Answer>[] = [];
  let inFlight: readonly Parcel<Row, Answer>[] = [];
  let waiting = 0;
  let waitingBytes = 0;
  let lastLeft = -Infinity;
  /** Rows that go beyond the bounds, until there is an answer. */
  let beyond = 0;
  let closing: Fault | undefined;
  let callOffDeparture: (() => void) | undefined;
  let onDrained: (() => void) | undefined;

  function enqueue({ rows, bytes }: Pick<Parcel<Row, Answer>, 'rows' | 'bytes'>): Promise<readonly Answer[]> {
    waiting += rows.length;
    waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      queue.push({ rows, bytes, resolve, reject });
    });
  }

  /** Cuts a submit into parts that each fit a write. */
  function cut(rows: readonly Row[]): { rows: readonly Row[]; bytes: number }[] {
    const parts: { rows: Row[]; bytes: number }[] = [];
    let part: { rows: Row[]; bytes: number } | undefined;
    for (const row of rows) {
      if (part === undefined || part.rows.length >= maxRows || part.bytes >= maxBytes) {
        part = { rows: [], bytes: 0 };
        parts.push(part);
      }
      part.rows.push(row);
      part.bytes += bytesOf(row);
    }
    return parts;
  }

  function full(): boolean {
    return waiting >= limitRows || waitingBytes >= limitBytes;
  }

  /** Sets the next departure: at once after a rest, else when the linger is over or the batch is full. */
  function schedule(): void {
    if (inFlight.length > 0 || queue.length === 0) return;
    const atOnce = closing !== undefined || waiting >= maxRows;
    if (atOnce) callOffDeparture?.();
    else if (callOffDeparture !== undefined) return;
    const rest = atOnce ? 0 : Math.max(0, lastLeft + lingerMs - clock.steady());
    // Even then a turn of the event loop passes, so that messages which arrived together leave together.
    callOffDeparture = after(rest, () => {
      callOffDeparture = undefined;
      void leave();
    });
  }

  async function leave(): Promise<void> {
    inFlight = load();
    lastLeft = clock.steady();
    try {
      const answers = await write(inFlight.flatMap(parcel => parcel.rows));
      if (answers === 'again') putBack();
      else answer(answers);
    } catch (error) {
      refuse(inFlight, error);
    }
    if (queue.length > 0) schedule();
    else onDrained?.();
  }

  /** Parcels for one write: as many as fit, at least one. */
  function load(): readonly Parcel<Row, Answer>[] {
    if (needsMore()) beyond = moreBehind(beyond);
    const count = fitting(0, Math.min(maxRows, fewerRows()));
    return queue.splice(0, beyond === 0 ? count : count + fitting(count, beyond));
  }

  /** How many parcels from there on are of so many rows, and of the bytes of one write; one at least. */
  function fitting(from: number, most: number): number {
    let rows = 0;
    let bytes = 0;
    let count = 0;
    for (let at = from; at < queue.length; at++) {
      const parcel = queue[at]!;
      if (count > 0 && (rows + parcel.rows.length > most || bytes + parcel.bytes > maxBytes)) break;
      rows += parcel.rows.length;
      bytes += parcel.bytes;
      count++;
    }
    return count;
  }

  function putBack(): void {
    queue.unshift(...inFlight);
    inFlight = [];
  }

  function answer(answers: readonly Answer[]): void {
    const answered = inFlight;
    inFlight = [];
    beyond = 0;
    let from = 0;
    for (const { rows, bytes, resolve } of answered) {
      resolve(answers.slice(from, from + rows.length));
      from += rows.length;
      waitingBytes -= bytes;
    }
    waiting -= from;
  }

  function refuse(parcels: readonly Parcel<Row, Answer>[], error: unknown): void {
    if (parcels === inFlight) inFlight = [];
    for (const { rows, bytes, reject } of parcels) {
      waiting -= rows.length;
      waitingBytes -= bytes;
      reject(error);
    }
  }

  return {
    async submit(rows) {
      if (rows.length === 0) return [];
      if (closing !== undefined) throw closing;
      if (full() || (waiting > 0 && waiting + rows.length > limitRows))
        throw new Fault('FIELDLINE_FULL', `memory: expected room for ${rows.length} rows, got ${waiting} waiting`, {
          kind: 'outage',
        });
      const parts = cut(rows).map(enqueue);
      schedule();
      return (await Promise.all(parts)).flat();
    },
    get waiting() {
      return waiting;
    },
    get full() {
      return full();
    },
    async close(graceMs = 5000) {
      closing ??= new Fault('FIELDLINE_DEPLOYED', 'batcher: expected to write, got closed', { kind: 'outage' });
      if (waiting > 0) {
        await new Promise<void>(resolve => {
          const callOff = after(graceMs, resolve);
          onDrained = () => {
            callOff();
            resolve();
          };
          schedule();
        });
        refuse(queue.splice(0), closing);
        refuse(inFlight, closing);
      }
    },
  };
}
