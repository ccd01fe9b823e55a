// Batcher: rows of many messages leave together, one batch at a time; an outage holds them, in order, until it is over.
import { backoff } from '../kernel/backoff.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { Fault } from '../kernel/fault.ts';
import type { Outcome, Sink } from '../reading/contracts.ts';

export type BatcherOptions<Row> = {
  /** Most rows in one write. */
  maxRows?: number;
  /** Bytes of a row, about; with it a write and the memory are bounded in bytes, too. */
  bytesOf?: (row: Row) => number;
  /** A write that has as much takes no further row. */
  maxBytes?: number;
  /** Least time between two writes; rows that come after a rest leave at once. */
  lingerMs?: number;
  /** Most rows in memory; a submit beyond it is refused as an outage, so that its source holds on to it. */
  limitRows?: number;
  limitBytes?: number;
  firstRetryMs?: number;
  lastRetryMs?: number;
  clock?: Clock;
  random?: () => number;
  /** Calls back after a time; returns the way to call it off. */
  after?: (ms: number, run: () => void) => () => void;
  onChange?: (state: BatcherState) => void;
};

/** `away` while the target refuses all: why, and when (steady clock, ms) it is tried again. */
export type BatcherState = { away: undefined } | { away: Fault; attempts: number; retryAt: number };

export type Batcher<Row> = {
  /**
   * Resolves with one outcome per row once they are committed. Rejects with a Fault of kind `outage` when the batcher is
   * full or closes before the rows were taken, or with what the sink threw where that is no outage.
   */
  submit(rows: readonly Row[]): Promise<readonly Outcome[]>;
  /** Rows submitted and not yet answered. */
  readonly waiting: number;
  readonly full: boolean;
  readonly state: BatcherState;
  /** Takes no more, writes what it has for at most `graceMs`, hands the rest back as an outage, and closes the sink. */
  close(graceMs?: number): Promise<void>;
};

type Parcel<Row> = {
  rows: readonly Row[];
  bytes: number;
  resolve(outcomes: readonly Outcome[]): void;
  reject(error: unknown): void;
};

const MEGABYTE = 1024 * 1024;

const timer = (ms: number, run: () => void) => {
  if (ms <= 0) {
    const turn = setImmediate(run);
    return () => clearImmediate(turn);
  }
  const timeout = setTimeout(run, ms);
  return () => clearTimeout(timeout);
};

export function batcher<Row>(sink: Sink<Row>, options: BatcherOptions<Row> = {}): Batcher<Row> {
  const { maxRows = 5000, lingerMs = 5, limitRows = 100_000, clock = systemClock, after = timer } = options;
  const { bytesOf = () => 0, maxBytes = 16 * MEGABYTE, limitBytes = 128 * MEGABYTE } = options;
  const waits = backoff(options.firstRetryMs ?? 100, options.lastRetryMs ?? 2000, options.random);
  const queue: Parcel<Row>[] = [];
  let inFlight: readonly Parcel<Row>[] = [];
  let waiting = 0;
  let waitingBytes = 0;
  let lastLeft = -Infinity;
  let state: BatcherState = { away: undefined };
  let closing: Fault | undefined;
  let callOffDeparture: (() => void) | undefined;
  let endPause: (() => void) | undefined;
  let onDrained: (() => void) | undefined;

  function enqueue({ rows, bytes }: Pick<Parcel<Row>, 'rows' | 'bytes'>): Promise<readonly Outcome[]> {
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
    const rows = inFlight.flatMap(parcel => parcel.rows);
    while (inFlight.length > 0) {
      try {
        answer(await sink.write(rows));
      } catch (error) {
        if (error instanceof Fault && error.kind === 'outage' && inFlight.length > 0) await pause(error);
        else refuse(inFlight, error);
      }
    }
    if (queue.length > 0) schedule();
    else onDrained?.();
  }

  /** Parcels for one write: as many as fit, at least one. */
  function load(): readonly Parcel<Row>[] {
    let rows = 0;
    let bytes = 0;
    let count = 0;
    for (const parcel of queue) {
      if (count > 0 && (rows + parcel.rows.length > maxRows || bytes + parcel.bytes > maxBytes)) break;
      rows += parcel.rows.length;
      bytes += parcel.bytes;
      count++;
    }
    return queue.splice(0, count);
  }

  function answer(outcomes: readonly Outcome[]): void {
    waits.reset();
    change({ away: undefined });
    const answered = inFlight;
    inFlight = [];
    let from = 0;
    for (const { rows, bytes, resolve } of answered) {
      resolve(outcomes.slice(from, from + rows.length));
      from += rows.length;
      waitingBytes -= bytes;
    }
    waiting -= from;
  }

  function refuse(parcels: readonly Parcel<Row>[], error: unknown): void {
    if (parcels === inFlight) inFlight = [];
    for (const { rows, bytes, reject } of parcels) {
      waiting -= rows.length;
      waitingBytes -= bytes;
      reject(error);
    }
  }

  async function pause(away: Fault): Promise<void> {
    const ms = waits.next();
    change({ away, attempts: waits.attempts, retryAt: clock.steady() + ms });
    await new Promise<void>(resolve => {
      const callOff = after(ms, resolve);
      endPause = () => {
        callOff();
        resolve();
      };
    });
    endPause = undefined;
  }

  function change(next: BatcherState): void {
    if (next.away === undefined && state.away === undefined) return;
    state = next;
    options.onChange?.(state);
  }

  return {
    async submit(rows) {
      if (rows.length === 0) return [];
      if (closing !== undefined) throw closing;
      if (full() || (waiting > 0 && waiting + rows.length > limitRows))
        throw new Fault(
          'FIELDLINE_DATABASE',
          `batcher: expected room for ${rows.length} rows, got ${waiting} waiting`,
          {
            kind: 'outage',
          },
        );
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
    get state() {
      return state;
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
          endPause?.();
          schedule();
        });
        refuse(queue.splice(0), closing);
        refuse(inFlight, closing);
        endPause?.();
      }
      await sink.close();
    },
  };
}
